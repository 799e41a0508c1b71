package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// sameVersion compares versions by their text: their fields are their own.
var sameVersion = cmp.Comparer(func(a, b py.Version) bool { return a.String() == b.String() })

func mustVersion(t testing.TB, s string) py.Version {
	t.Helper()
	v, err := py.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var someSHA256 = strings.Repeat("0a", 32)

// fullPage is a page with every form that the PEPs allow.
var fullPage = `{
	"meta": {"api-version": "1.4", "_last-serial": 1},
	"name": "Demo_Project",
	"project-status": {"status": "deprecated", "reason": "use another"},
	"versions": ["1.0", "2004d", "1.1rc1"],
	"alternate-locations": [],
	"files": [
		{"filename": "demo_project-1.0-py3-none-any.whl", "url": "../../f/demo_project-1.0-py3-none-any.whl#sha256=00",
		 "hashes": {"md5": "x", "sha256": "` + strings.ToUpper(someSHA256) + `"}, "requires-python": ">=3.8", "size": 7,
		 "upload-time": "2024-01-02T03:04:05.678901Z", "yanked": false, "core-metadata": {"sha256": "` + someSHA256 + `"}, "provenance": null},
		{"filename": "demo_project-1.0.tar.gz", "url": "https://me:secret@files.example/a%20b", "hashes": {}, "requires-python": null,
		 "yanked": "broken", "dist-info-metadata": true},
		{"filename": "demo_project-1.1rc1.tar.gz", "url": "/g", "hashes": {}, "yanked": true, "core-metadata": false, "dist-info-metadata": true},
		{"filename": "demo_project-0.9.tar.gz", "url": "", "hashes": {}, "yanked": null, "core-metadata": null, "dist-info-metadata": {"md5": "x"}}
	]
}`

func TestDecodePage(t *testing.T) {
	want := Page{
		Listing: kb.Listing{
			Name: "demo-project", Status: "deprecated", StatusReason: "use another",
			Files: []py.File{
				{Filename: "demo_project-1.0-py3-none-any.whl", URL: "https://index.example/f/demo_project-1.0-py3-none-any.whl", SHA256: someSHA256, RequiresPython: ">=3.8", Size: 7, Uploaded: 1704164645},
				{Filename: "demo_project-1.0.tar.gz", URL: "https://files.example/a%20b", Yanked: true, YankedReason: "broken"},
				{Filename: "demo_project-1.1rc1.tar.gz", URL: "https://index.example/g", Yanked: true},
				{Filename: "demo_project-0.9.tar.gz"},
			},
			Versions: []py.Version{mustVersion(t, "1.0"), mustVersion(t, "1.1rc1")},
		},
		Announced: map[string]string{
			"demo_project-1.0-py3-none-any.whl": someSHA256,
			"demo_project-1.0.tar.gz":           "",
			"demo_project-0.9.tar.gz":           "",
		},
		Ignored: 1,
	}
	got, err := DecodePage("demo-project", []byte(fullPage), "https://index.example/simple/demo-project/")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameVersion); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// Without a base only what is absolute is a URL.
	got, err = DecodePage("demo-project", []byte(fullPage), "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Listing.Files {
		if i != 1 {
			want.Listing.Files[i].URL = ""
		}
	}
	if diff := cmp.Diff(want, got, sameVersion); diff != "" {
		t.Errorf("without a base (-want +got):\n%s", diff)
	}
}

// A malformed entry costs itself and no more.
func TestDecodePageFaults(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, test := range []struct{ name, entry, fault, left string }{
		{"path", `{"filename": "../p-1.0.zip"}`, "is not a file name", ""},
		{"hidden", `{"filename": ".p-1.0.zip"}`, "is not a file name", ""},
		{"line break", `{"filename": "p-1.0\n.zip"}`, "is not a file name", ""},
		{"no name", `{"url": "x"}`, "is not a file name", ""},
		{"name a number", `{"filename": 1}`, "a JSON number where files.filename should be a string", ""},
		{"long name", `{"filename": "` + long + `"}`, "is not a file name", ""},
		{"yanked", `{"filename": "p-1.0.zip", "yanked": 1}`, "yanked is neither", ""},
		{"long text", `{"filename": "p-1.0.zip", "requires-python": "` + long + `"}`, "a text longer than", ""},
		{"control character", `{"filename": "p-1.0.zip", "url": "https://index.example/\u0000"}`, "URL: malformed", "p-1.0.zip"},
		{"size", `{"filename": "p-1.0.zip", "size": -1}`, "size -1", "p-1.0.zip"},
		{"huge", `{"filename": "p-1.0.zip", "size": 9000000000000000000}`, "size 9000000000000000000", "p-1.0.zip"},
		{"size a text", `{"filename": "p-1.0.zip", "size": "1"}`, "a JSON string where files.size should be a int64", "p-1.0.zip"},
		{"hash", `{"filename": "p-1.0.zip", "hashes": {"sha256": "abc"}}`, `"abc" is not a sha256`, "p-1.0.zip"},
		{"date", `{"filename": "p-1.0.zip", "upload-time": "yesterday"}`, `upload time "yesterday"`, "p-1.0.zip"},
		{"scheme", `{"filename": "p-1.0.zip", "url": "file:///etc/passwd"}`, `scheme "file"`, "p-1.0.zip"},
		{"URL", `{"filename": "p-1.0.zip", "url": "https://me:secret@%zz/"}`, "URL: malformed", "p-1.0.zip"},
		{"twice", `{"filename": "p-0.1.zip"}`, "listed more than once", ""},
	} {
		text := `{"meta": {"api-version": "1.1"}, "name": "p", "files": [{"filename": "p-0.1.zip"}, ` + test.entry + `, {"filename": "p-0.2.zip"}]}`
		got, err := DecodePage("p", []byte(text), "https://index.example/simple/p/")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if !slices.ContainsFunc(got.Faults, func(f Fault) bool { return strings.Contains(f.String(), test.fault) }) || strings.Contains(fmt.Sprint(got.Faults), "secret") {
			t.Errorf("%s: faults %v, want %q", test.name, got.Faults, test.fault)
		}
		var left []string
		for _, f := range got.Listing.Files {
			if f.SHA256 != "" || f.Size != 0 || f.Uploaded != 0 || f.URL != "" {
				t.Errorf("%s: %+v has a value that could not be read", test.name, f)
			}
			left = append(left, f.Filename)
		}
		want := []string{"p-0.1.zip", "p-0.2.zip"}
		if test.left != "" {
			want = slices.Insert(want, 1, test.left)
		}
		if !slices.Equal(left, want) {
			t.Errorf("%s: files %v, want %v", test.name, left, want)
		}
	}
}

func TestDecodePageRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, base, want string }{
		{"HTML", "<!DOCTYPE html>", "", "invalid character"},
		{"empty", "", "", "unexpected end"},
		{"list", "[]", "", "cannot unmarshal array"},
		{"null", "null", "", "not an answer of a package index"},
		{"no version", `{"name": "p", "files": []}`, "", "not an answer of a package index"},
		{"newer", `{"meta": {"api-version": "2.0"}, "name": "p", "files": []}`, "", `API version "2.0"`},
		{"another", `{"meta": {"api-version": "1.0"}, "name": "q", "files": []}`, "", `it is the page of "q"`},
		{"cut off", fullPage[:len(fullPage)-1], "", "unexpected end"},
		{"deep", strings.Repeat("[", 100_000), "", "max depth"},
		{"base", `{"meta": {"api-version": "1.0"}, "name": "p", "files": []}`, ":", "its own URL"},
	} {
		if got, err := DecodePage("p", []byte(test.text), test.base); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "page of p: ") {
			t.Errorf("%s: %v, %v, want %q", test.name, got, err, test.want)
		}
	}
}

func TestDecodeProjects(t *testing.T) {
	names, faults, err := DecodeProjects([]byte(`{"meta": {"api-version": "1.0"}, "projects": [{"name": "B.b"}, {"name": "a"}, {"name": "b_b"}, {"name": "../x"}, {"name": ""}, {"name": "` + strings.Repeat("x", 300) + `"}]}`))
	if err != nil || !slices.Equal(names, []py.Name{"b-b", "a"}) || len(faults) != 3 {
		t.Errorf("%v, faults %v, %v", names, faults, err)
	}
	if _, _, err := DecodeProjects([]byte(`{"projects": []}`)); err == nil {
		t.Error("a list without a version was taken")
	}
}

// FuzzDirectoryListing: whatever a page says, what is taken of it can be stored.
func FuzzDirectoryListing(f *testing.F) {
	f.Add([]byte(fullPage))
	f.Add([]byte(`{"meta": {"api-version": "1.0"}, "name": "demo-project", "files": [{"filename": "demo_project-1.0-1-py3-none-any.whl", "yanked": [], "core-metadata": 1, "hashes": {"sha256": 1}}, {}], "versions": ["1.0", "1.0.0"]}`))
	f.Add([]byte(`{"meta": {"api-version": "1."}, "project-status": {"status": "x"}, "files": null, "versions": {}}`))
	file := f.TempDir() + "/kb.db"
	f.Fuzz(func(t *testing.T, text []byte) {
		page, err := DecodePage("demo-project", text, "https://index.example/simple/demo-project/")
		if err != nil {
			return
		}
		w, err := kb.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(page.Listing); err != nil {
			t.Fatalf("%q was taken and cannot be stored: %v", text, err)
		}
		for name := range page.Announced {
			if !slices.ContainsFunc(page.Listing.Files, func(f py.File) bool { return f.Filename == name }) {
				t.Fatalf("%q: metadata of %q, which is not a file", text, name)
			}
		}
	})
}

// Where the attestations of a file are is read of both forms, however fast.
func TestDecodeProvenanceURL(t *testing.T) {
	const base = "https://public.example/simple/a/"
	for form, page := range map[string]func() (Page, error){
		"fast": func() (Page, error) {
			return DecodePage("a", []byte(`{"meta": {"api-version": "1.3"}, "name": "a", "files": [
				{"filename": "a-1.zip", "url": "a-1.zip", "hashes": {}, "provenance": "/integrity/a-1.zip"},
				{"filename": "a-2.zip", "url": "a-2.zip", "hashes": {}, "provenance": null}]}`), base)
		},
		"slow": func() (Page, error) {
			return DecodePage("a", []byte(`{"meta": {"api-version": "1.3"}, "name": "a", "Name": "a", "files": [
				{"filename": "a-1.zip", "url": "a-1.zip", "hashes": {}, "provenance": "/integrity/a-1.zip"},
				{"filename": "a-2.zip", "url": "a-2.zip", "hashes": {}, "provenance": null}]}`), base)
		},
		"HTML": func() (Page, error) {
			return DecodeHTML("a", []byte(`<a href="a-1.zip" data-provenance="/integrity/a-1.zip">a</a><a href="a-2.zip">b</a>`), base)
		},
	} {
		p, err := page()
		if err != nil || len(p.Listing.Files) != 2 || len(p.Faults) > 0 {
			t.Fatalf("%s: %+v, %v", form, p, err)
		}
		if a, b := p.Listing.Files[0].Provenance, p.Listing.Files[1].Provenance; a != "https://public.example/integrity/a-1.zip" || b != "" {
			t.Errorf("%s: %q, %q", form, a, b)
		}
	}
	p, err := DecodePage("a", []byte(`{"meta": {"api-version": "1.3"}, "name": "a", "files": [{"filename": "a-1.zip", "url": "a-1.zip", "hashes": {}, "provenance": "ftp://x/y"}]}`), base)
	if err != nil || len(p.Faults) != 1 || len(p.Listing.Files) != 1 || p.Listing.Files[0].Provenance != "" {
		t.Errorf("%+v, %v", p, err)
	}
}
