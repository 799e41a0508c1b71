package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

const htmlSum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestDecodeHTML(t *testing.T) {
	const at = "https://index.example/simple/alpha/"
	file := func(name string, change ...func(*py.File)) []py.File {
		f := py.File{Filename: name, URL: at + name}
		for _, c := range change {
			c(&f)
		}
		return []py.File{f}
	}
	const wheel = "alpha-1.0-py3-none-any.whl"
	tests := []struct {
		name, text string
		want       []py.File
		announced  map[string]string
		status     string
		tracks     []string
		faults     string
	}{
		{name: "no file", text: `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"></head></html>`},
		{name: "a wheel", text: `<a href="` + wheel + `">` + wheel + `</a>`, want: file(wheel)},
		{name: "an sdist, in capitals", text: `<A HREF='alpha-1.0.tar.gz'>x</A>`, want: file("alpha-1.0.tar.gz")},
		{name: "with a hash", text: `<a href="` + wheel + `#sha256=` + strings.ToUpper(htmlSum) + `">`, want: file(wheel, func(f *py.File) { f.SHA256 = htmlSum })},
		{name: "with another hash", text: `<a href="` + wheel + `#md5=0123">`, want: file(wheel)},
		{name: "elsewhere", text: `<a href="https://bob:pw@files.example/x/` + wheel + `?a=b#sha256=` + htmlSum + `">`,
			want: file(wheel, func(f *py.File) { f.SHA256, f.URL = htmlSum, "https://files.example/x/"+wheel+"?a=b" })},
		{name: "with a local version", text: `<a href="alpha-1.0%2Bcpu-py3-none-any.whl">`,
			want: file("alpha-1.0+cpu-py3-none-any.whl", func(f *py.File) { f.URL = at + "alpha-1.0%2Bcpu-py3-none-any.whl" })},
		{name: "relative to a base", text: `<head><base href="/files/"><base href="/other/"></head><a href="` + wheel + `">`,
			want: file(wheel, func(f *py.File) { f.URL = "https://index.example/files/" + wheel })},
		{name: "for some Pythons", text: `<a href="` + wheel + `" data-requires-python="&gt;=3.8,&lt;4">`, want: file(wheel, func(f *py.File) { f.RequiresPython = ">=3.8,<4" })},
		{name: "yanked", text: `<a data-yanked href="` + wheel + `">`, want: file(wheel, func(f *py.File) { f.Yanked = true })},
		{name: "yanked for a reason", text: `<a data-yanked="too &quot;new&quot;" href="` + wheel + `">`, want: file(wheel, func(f *py.File) { f.Yanked, f.YankedReason = true, `too "new"` })},
		{name: "with metadata", text: `<a data-core-metadata="true" href="` + wheel + `">`, want: file(wheel), announced: map[string]string{wheel: ""}},
		{name: "with metadata and its hash", text: `<a data-core-metadata="sha256=` + htmlSum + `" href="` + wheel + `">`, want: file(wheel), announced: map[string]string{wheel: htmlSum}},
		{name: "by its older name", text: `<a data-dist-info-metadata="sha256=` + htmlSum + `" href="` + wheel + `">`, want: file(wheel), announced: map[string]string{wheel: htmlSum}},
		{name: "without metadata, the newer name counts", text: `<a data-core-metadata="false" data-dist-info-metadata="true" href="` + wheel + `">`, want: file(wheel)},
		{name: "other links", text: `<meta name="pypi:repository-version" content="1.0"><a href="https://alpha.example/">home</a><a>x</a><a href="../">up</a><a href="alpha-1.0.exe">x</a>`},
		{name: "in a comment", text: `<meta name="pypi:repository-version" content="1.0"><!-- <a href="` + wheel + `"> -->`},
		{name: "twice", text: `<a href="` + wheel + `"></a><a href="/x/` + wheel + `"></a>`, want: file(wheel), faults: wheel + ": listed more than once; the first is used"},
		{name: "an attribute twice: the first counts", text: `<a href="` + wheel + `" href="x">`, want: file(wheel)},
		{name: "no URL", text: `<meta name="pypi:repository-version" content="1.0"><a href="%zz.whl">`, faults: "alpha: an href that is no URL"},
		{name: "on another scheme", text: `<a href="javascript://x/` + wheel + `">`, want: file(wheel, func(f *py.File) { f.URL = "" }), faults: wheel + `: URL: scheme "javascript", only http and https are used`},
		{name: "a name with a separator", text: `<a href="x%5Cy.whl">`, faults: `alpha: "x\\y.whl" is not a file name`},
		{name: "a long URL", text: `<p>` + strings.Repeat("text ", 10000) + `<a href="` + strings.Repeat("x/", maxText) + wheel + `"><a href="` + wheel + `x.whl">`,
			want: file(wheel + "x.whl"), faults: wheel + ": a text longer than 4096 bytes"},
		{name: "of version 1", text: `<meta name="pypi:repository-version" content="1.4"><a href="` + wheel + `">`, want: file(wheel)},
		{name: "a status", text: `<meta name="pypi:project-status" content="archived"><meta name="pypi:project-status-reason" content="done"><a href="` + wheel + `">`,
			want: file(wheel), status: "archived done"},
		{name: "quarantined", text: `<meta name="pypi:project-status" content="quarantined"><a data-core-metadata="true" href="` + wheel + `">`, status: "quarantined "},
		{name: "tracks", text: `<meta name="pypi:tracks" content="https://bob:pw@other.example/simple/alpha/"><meta name="pypi:tracks" content="nowhere">`,
			tracks: []string{"https://other.example/simple/alpha/"}, faults: "alpha: tracks something that is not a URL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			page, err := DecodeHTML("alpha", []byte(test.text), at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, page.Listing.Files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if len(test.announced)+len(page.Announced) > 0 && !cmp.Equal(test.announced, page.Announced) {
				t.Errorf("announced %v, want %v", page.Announced, test.announced)
			}
			if got := page.Listing.Status + " " + page.Listing.StatusReason; strings.TrimSpace(got) != strings.TrimSpace(test.status) {
				t.Errorf("status %q, want %q", got, test.status)
			}
			if !cmp.Equal(test.tracks, page.Tracks) {
				t.Errorf("tracks %q, want %q", page.Tracks, test.tracks)
			}
			if got := texts(page.Faults); got != test.faults {
				t.Errorf("faults %q, want %q", got, test.faults)
			}
		})
	}
}

func TestDecodeHTMLRefuses(t *testing.T) {
	const none = "page of alpha: an HTML page that lists no file and is not marked as that of a project (to log in, maybe)"
	for _, test := range []struct{ text, want string }{
		{"", none},
		{"Not Found", none},
		{`<!DOCTYPE html><form action="/login">Who are you? <a href="/help">?</a></form>`, none},
		{`<meta name="pypi:repository-version" content="2.0"><a href="x.whl">`, `page of alpha: API version "2.0", only 1.x can be read`},
	} {
		if _, err := DecodeHTML("alpha", []byte(test.text), "https://index.example/simple/alpha/"); err == nil || err.Error() != test.want {
			t.Errorf("%.40s: error is %v, want %s", test.text, err, test.want)
		}
	}
}

// FuzzPageHTML: no page makes the decoder panic, and what it gives can be learnt.
func FuzzPageHTML(f *testing.F) {
	f.Add(`<!DOCTYPE html><base href="/x/"><meta name="pypi:tracks" content="https://a.example/"><a href="alpha-1.0.tar.gz#sha256=` + htmlSum + `" data-yanked data-requires-python="&gt;3">`)
	f.Add(`<meta name="pypi:project-status" content="quarantined"><a data-core-metadata=true href=alpha-1.0-py3-none-any.whl>`)
	f.Add(`<a href="https://u:p@x.example/%2e%2e/alpha-1.0.zip">`)
	f.Fuzz(func(t *testing.T, text string) {
		page, err := DecodeHTML("alpha", []byte(text), "https://index.example/simple/alpha/")
		if err != nil {
			return
		}
		listing := page.Listing
		doc := kb.Document{Kind: kb.KindListing, Index: "https://index.example/simple", Project: "alpha", Read: 1, Listing: &listing}
		if _, err := doc.Digest(); err != nil {
			t.Errorf("cannot be learnt: %v", err)
		}
		for _, f := range listing.Files {
			if strings.Contains(f.URL, "@") && !strings.Contains(text, "@") {
				t.Errorf("URL %s", f.URL)
			}
		}
		if again, err := DecodeHTML("alpha", []byte(text), "https://index.example/simple/alpha/"); err != nil || fmt.Sprint(again) != fmt.Sprint(page) {
			t.Errorf("another time: %+v, %v", again, err)
		}
	})
}
