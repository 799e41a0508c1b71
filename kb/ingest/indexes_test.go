package ingest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

func TestNewIndexes(t *testing.T) {
	o := ClientOptions{Now: time.Now, Rand: rand.New(rand.NewPCG(1, 2))}
	x, err := NewIndexes([]IndexSpec{
		{URL: "https://bob:hunter2@private.example/simple/", Name: "private"},
		{URL: "https://torch.example/whl", Name: "torch", Explicit: true},
		{URL: "https://public.example/simple"},
		{URL: "https://eve:pw@public.example/simple/?x=y", Name: "again"},
		{URL: "https://torch.example/whl/", Name: "torch2", Explicit: true},
	}, map[py.Name]string{"pytorch": "torch", "alpha": "private"}, []string{"/opt/wheels/", "/opt/wheels"}, o)
	if err != nil {
		t.Fatal(err)
	}
	want := kb.Route{
		Indexes: []string{"file:///opt/wheels", "https://private.example/simple", "https://public.example/simple"},
		Pins:    map[py.Name]string{"pytorch": "https://torch.example/whl", "alpha": "https://private.example/simple"},
	}
	if diff := cmp.Diff(want, x.Route()); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
	if len(x.sources) != 4 || x.source("https://public.example/simple").client.index.User.Username() != "eve" {
		t.Errorf("%d sources, %v", len(x.sources), x.source("https://public.example/simple"))
	}

	for _, test := range []struct {
		spec  IndexSpec
		pins  map[py.Name]string
		links []string
		want  string
	}{
		{spec: IndexSpec{URL: "https://bob:hunter2%@private.example", Name: "private"}, want: `index "private": the index URL is not a URL (special characters in a user name or password must be percent-encoded)`},
		{spec: IndexSpec{URL: "ftp://private.example"}, want: "the index URL is not an http or https URL"},
		{spec: IndexSpec{URL: "https://a.example", Name: "a"}, pins: map[py.Name]string{"alpha": "b"}, want: `alpha is to come from the index "b", which is not declared`},
		{spec: IndexSpec{URL: "https://a.example"}, links: []string{"wheels"}, want: "find-links wheels: not an absolute path"},
	} {
		if _, err := NewIndexes([]IndexSpec{test.spec}, test.pins, test.links, o); err == nil || err.Error() != test.want {
			t.Errorf("%+v: error is %v, want %s", test, err, test.want)
		}
	}
}

// loginIs wraps what an index serves in basic authentication.
func loginIs(want string, serve func(w http.ResponseWriter, r *http.Request) bool) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user+":"+password != want {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return serve != nil && serve(w, r)
	}
}

// TestIndexesInOrder: two private indexes and a public one with a newer project
// of the same name. The private one wins, and no later index is asked for what
// an earlier one has, refuses or does not answer; explicit ones only for what is
// pinned to them. Nobody gets another's password.
func TestIndexesInOrder(t *testing.T) {
	private := newLoopback(t, newUniverse().release("secret", "1.0", "shared", "public"))
	team := newLoopback(t, newUniverse().release("shared", "1.0").release("pinned", "2.0"))
	public := newLoopback(t, newUniverse().release("secret", "9.0").release("shared", "9.0").release("public", "1.0").release("pinned", "9.0"))
	torch := newLoopback(t, newUniverse().release("pinned", "1.0").release("public", "7.0"))
	clock, local := newClock(), openLocal(t)
	options := func() ReaderOptions {
		return readerOptions(t, clock, indexes(t, clock, []IndexSpec{
			{URL: private.index("bob:one@")}, {URL: team.index("bob:two@")}, {URL: public.index("")},
			{URL: torch.index(""), Name: "torch", Explicit: true},
		}, map[py.Name]string{"pinned": "torch"}, nil), local)
	}
	private.set(loginIs("bob:one", nil))
	team.set(loginIs("bob:two", nil))
	public.set(loginIs(":", nil))
	torch.set(loginIs(":", nil))
	report := readAll(t, options(), "secret", "pinned", "nobodys")
	if got := metadataRead(t, local); got != "pinned==1.0 public==1.0 secret==1.0 shared==1.0" {
		t.Errorf("read %s", got)
	}
	if got := fmt.Sprint(report.Missing); got != "[nobodys]" || len(report.Unknown) > 0 {
		t.Errorf("missing %s, unknown %v", got, report.Unknown)
	}
	for _, path := range slices.Concat(public.asked(), torch.asked()) {
		if strings.Contains(path, "secret") || strings.Contains(path, "shared") {
			t.Errorf("a later index was asked for %s", path)
		}
	}
	if slices.ContainsFunc(torch.asked(), func(s string) bool { return !strings.Contains(s, "pinned") }) {
		t.Errorf("the explicit index was asked for %q", torch.asked())
	}
	for name, index := range map[py.Name]*loopback{"secret": private, "shared": team, "public": public, "pinned": torch} {
		if doc, ok, err := local.Listing(t.Context(), Origin(index.index("")), name); err != nil || !ok || doc.Kind != kb.KindListing {
			t.Errorf("%s: %v %v %v", name, doc.Kind, ok, err)
		}
	}
	if doc, ok, _ := local.Listing(t.Context(), Origin(private.index("")), "public"); !ok || doc.Kind != kb.KindAbsent {
		t.Errorf("that public is not private is not known: %v, %v", doc.Kind, ok)
	}

	// A private index that refuses: unknown, whatever others have.
	local = openLocal(t)
	private.set(loginIs("bob:changed", nil))
	public.set(nil)
	report = readAll(t, options(), "secret")
	if want := "secret: " + private.URL + "/simple/secret/: answered 401"; !strings.HasPrefix(texts(report.Unknown), want) || len(public.asked()) > 0 || len(learnt(t, local)) > 0 {
		t.Errorf("unknown %v, public was asked for %q, learnt %q", report.Unknown, public.asked(), learnt(t, local))
	}
}

// TestIndexesShareConcurrency: so many requests at once to all indexes.
func TestIndexesShareConcurrency(t *testing.T) {
	var now, most atomic.Int32
	busy := func(w http.ResponseWriter, r *http.Request) bool {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		return false
	}
	a, b := newUniverse(), newUniverse()
	var roots []string
	for i := range 12 {
		name := fmt.Sprintf("p%d", i)
		[]*universe{a, b}[i%2].release(name, "1.0")
		roots = append(roots, name)
	}
	first, second := newLoopback(t, a), newLoopback(t, b)
	first.set(busy)
	second.set(busy)
	clock := newClock()
	x := indexes(t, clock, []IndexSpec{{URL: first.index("")}, {URL: second.index("")}}, nil, nil, func(o *ClientOptions) { o.Concurrency = 3 })
	readAll(t, readerOptions(t, clock, x, openLocal(t)), roots...)
	if most.Load() != 3 {
		t.Errorf("%d requests at once, want 3", most.Load())
	}
}

// TestFindLinks: a directory of wheels serves what it has, before any index.
func TestFindLinks(t *testing.T) {
	u := newUniverse().release("alpha", "1.0", "beta").release("alpha", "9.0").release("beta", "1.0")
	lb := newLoopback(t, u)
	dir := t.TempDir()
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wheel := u.MapFS["files/alpha-1.0-py3-none-any.whl"].Data
	write("alpha-1.0-py3-none-any.whl", wheel)
	write("alpha-0.5.tar.gz", []byte("x"))
	write("broken-1.0-py3-none-any.whl", []byte("no zip"))
	write("odd-1.0-1\x01-py3-none-any.whl", []byte("a name that cannot be kept"))
	write("README", nil)
	if err := os.Mkdir(filepath.Join(dir, "folder-1.0.zip"), 0o700); err != nil {
		t.Fatal(err)
	}
	clock, local := newClock(), openLocal(t)
	options := func() ReaderOptions {
		return readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, []string{dir}), local)
	}
	report := readAll(t, options(), "alpha", "broken", "folder", "odd")
	if got := metadataRead(t, local); got != "alpha==1.0 beta==1.0" {
		t.Errorf("read %s", got)
	}
	if got, want := texts(report.Unreadable), "broken==1.0: \"broken-1.0-py3-none-any.whl\": not a zip file: zip: not a valid zip file\nodd==1.0: "; !strings.HasPrefix(got, want) {
		t.Errorf("unreadable is %s, want %s…", got, want)
	}
	if got := texts(report.Unknown); !strings.HasPrefix(got, "odd: listing of odd: ") || !strings.HasSuffix(got, "is not a file name") {
		t.Errorf("unknown is %s", got)
	}
	if got := fmt.Sprint(report.Missing); got != "[folder]" {
		t.Errorf("missing is %s", got)
	}
	origin := "file://" + filepath.ToSlash(dir)
	doc, ok, err := local.Listing(t.Context(), origin, "alpha")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	want := []py.File{
		{Filename: "alpha-0.5.tar.gz", Size: 1, SHA256: hexSHA256([]byte("x")), URL: origin + "/alpha-0.5.tar.gz"},
		{Filename: "alpha-1.0-py3-none-any.whl", Size: int64(len(wheel)), SHA256: hexSHA256(wheel), URL: origin + "/alpha-1.0-py3-none-any.whl"},
	}
	if diff := cmp.Diff(want, doc.Listing.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	// The next run looks again, and sees what is new.
	write("alpha-2.0-py3-none-any.whl", u.MapFS["files/alpha-9.0-py3-none-any.whl"].Data)
	clock.Sleep(t.Context(), time.Second)
	readAll(t, options(), "alpha")
	if doc, _, _ := local.Listing(t.Context(), origin, "alpha"); len(doc.Listing.Files) != 3 {
		t.Errorf("files are %v", doc.Listing.Files)
	}

	// What did not change is not hashed again.
	links, err := newLinkDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if doc, _, err = local.Listing(t.Context(), origin, "alpha"); err != nil {
		t.Fatal(err)
	}
	if listed, err := links.list("alpha", &doc); err != nil || !listed.NotModified {
		t.Errorf("listed %+v, %v", listed, err)
	}

	x := indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, []string{filepath.Join(dir, "none")})
	report = readAll(t, readerOptions(t, clock, x, openLocal(t)), "alpha")
	if got := texts(report.Unknown); !strings.HasPrefix(got, "alpha: find-links: open "+dir) {
		t.Errorf("of a directory that is not there: %s", got)
	}
}

// TestFindLinksURL: a directory may be given as a file URL.
func TestFindLinksURL(t *testing.T) {
	links, err := newLinkDir("file:///opt/my%20wheels/")
	if err != nil || links.dir != filepath.FromSlash("/opt/my wheels") || links.origin != "file:///opt/my%20wheels" {
		t.Errorf("%+v, %v", links, err)
	}
	if _, err := newLinkDir("file:///opt/%zz"); err == nil {
		t.Error("a malformed URL was taken")
	}
}
