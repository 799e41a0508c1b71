package kb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/thamos/thamos/kb/py"
)

const (
	public  = "https://index.example/simple"
	private = "https://private.example/simple"
)

// openLocalTest opens local knowledge until the test ends.
func openLocalTest(t testing.TB, file string) *Local {
	t.Helper()
	l, err := OpenLocal(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// newLocal is local knowledge of documents.
func newLocal(t testing.TB, docs ...Document) *Local {
	t.Helper()
	l := openLocalTest(t, filepath.Join(t.TempDir(), "local #1?.db"))
	if err := l.Learn(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	return l
}

// metadataText is METADATA that says what m says.
func metadataText(m py.Metadata) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", m.Name, m.Version)
	if m.RequiresPython != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", m.RequiresPython)
	}
	for _, line := range m.RequiresDist {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", line)
	}
	for _, extra := range m.ProvidesExtra {
		fmt.Fprintf(&b, "Provides-Extra: %s\n", extra)
	}
	return []byte(b.String() + "\nWhat it is.\n")
}

// documents are what an index says of listings, read at one time.
func documents(index string, read int64, listings ...Listing) []Document {
	var docs []Document
	for _, l := range listings {
		for _, m := range l.Metadata {
			docs = append(docs, Document{Kind: KindMetadata, Index: index, Project: l.Name, Version: m.Version, Read: read, Metadata: metadataText(m)})
		}
		l.Metadata = nil
		docs = append(docs, Document{Kind: KindListing, Index: index, Project: l.Name, Read: read, Fresh: read + 600,
			ETag: `"tag"`, LastModified: "yesterday", Listing: &l})
	}
	return docs
}

func absent(index string, name py.Name, read int64) Document {
	return Document{Kind: KindAbsent, Index: index, Project: name, Read: read, Fresh: read + 60}
}

func unreadable(index string, name py.Name, v py.Version, read int64) Document {
	return Document{Kind: KindUnreadable, Index: index, Project: name, Version: v, Read: read, Reason: "only a source distribution"}
}

// What was learnt of an index is what a snapshot of it says.
func TestLocalSaysWhatSnapshotSays(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	l := newLocal(t, documents(public, 100, world(t)...)...)
	k := NewLayered(nil, l, Route{Indexes: []string{public + "/"}}, false)
	names := []py.Name{"leaf", "nobody", "demo", "empty"}
	got, err := k.Projects(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Projects(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameVersion); diff != "" {
		t.Errorf("-snapshot +local:\n%s", diff)
	}
	if a, b := got[2].Releases[0].Requires, got[2].Releases[2].Requires; a != b {
		t.Error("equal requirements are two pointers")
	}
	var packages []py.Package
	for _, p := range want {
		if p == nil {
			continue
		}
		for _, r := range p.Releases {
			packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
		}
	}
	packages = append(packages, py.Package{Name: "leaf", Version: version(t, "1.0.0")}, py.Package{Name: "nobody", Version: version(t, "1")})
	files, err := k.Files(t.Context(), packages)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles, err := d.Files(t.Context(), packages)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantFiles, files); diff != "" {
		t.Errorf("files -snapshot +local:\n%s", diff)
	}
	if n := len(slices.Concat(files...)); n < 10 {
		t.Errorf("only %d files were compared", n)
	}
}

// A listing comes back as it was, in normal form, with what is needed to ask
// for it again.
func TestLocalListing(t *testing.T) {
	in := Listing{
		Name: "demo", Status: "deprecated", StatusReason: `use "other\thing"`,
		Files: []py.File{
			{Filename: "demo-2.0.tar.gz", Size: 5, Uploaded: 7, SHA256: sum("a"), URL: "https://files.example/a b?q=\"1\"\\", RequiresPython: ">=3", Yanked: true, YankedReason: `\"é" \`},
			{Filename: "demo-1.0.tar.gz"},
			{Filename: "demo-1.0-py2.7.egg"},
		},
		Versions: []py.Version{version(t, "2.0"), version(t, "1.0"), version(t, "2.0")},
	}
	doc := documents(public+"/", 100, in)[0]
	l := newLocal(t, doc, absent(private, "demo", 50))
	got, ok, err := l.Listing(t.Context(), public+"/", "demo")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	want := doc
	want.Index = public
	normal := in
	normal.Files = []py.File{in.Files[2], in.Files[1], in.Files[0]}
	normal.Versions = []py.Version{in.Versions[1], in.Versions[0]}
	want.Listing = &normal
	if diff := cmp.Diff(want, got, sameVersion); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, ok, err := l.Listing(t.Context(), private, "demo"); err != nil || !ok || !cmp.Equal(got, absent(private, "demo", 50), sameVersion) {
		t.Errorf("%+v, %t, %v", got, ok, err)
	}
	if got, ok, err := l.Listing(t.Context(), private, "leaf"); err != nil || ok {
		t.Errorf("%+v, %t, %v", got, ok, err)
	}
	answers, err := l.Answers(t.Context(), []py.Name{"nobody", "demo", "demo"})
	want.Listing = nil
	if diff := cmp.Diff([]Document{want, absent(private, "demo", 50)}, answers, sameVersion); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

// state is everything that local knowledge says.
func state(t testing.TB, l *Local) string {
	t.Helper()
	var b strings.Builder
	info, err := l.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info.Size = 0 // of the file: it may have room inside
	fmt.Fprintf(&b, "%+v\n", info)
	err = l.Documents(t.Context(), func(d Document) error {
		digest, err := d.Digest()
		fmt.Fprintf(&b, "%s %s %s %v %d %s %s\n", d.Kind, d.Index, d.Project, d.Version, d.Read, d.Reason, digest)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, offline := range []bool{false, true} {
		k := NewLayered(nil, l, Route{Indexes: []string{private, public}}, offline)
		ps, err := k.Projects(t.Context(), []py.Name{"demo", "leaf", "empty"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			if p == nil {
				b.WriteString("nil\n")
				continue
			}
			fmt.Fprintf(&b, "%s from %q\n", p.Name, k.Index(p.Name))
			var packages []py.Package
			for _, r := range p.Releases {
				packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
			}
			files, err := k.Files(t.Context(), packages)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range p.Releases {
				fmt.Fprintf(&b, "%s %d %d %t %q %q %+v %t %+v %+v\n", r.Version, r.Uploaded, r.LastUploaded, r.Yanked, r.YankedReason,
					r.RequiresPython, r.Requires, r.Unreadable, r.Artifacts, files[i])
			}
		}
		fmt.Fprintf(&b, "%+v\n", k.Doubts())
	}
	return b.String()
}

// answersOf is a pool of documents that contradict each other.
func answersOf(t testing.TB) []Document {
	var docs []Document
	for _, index := range []string{public, private} {
		for read := int64(100); read < 104; read++ {
			ls := world(t)
			ls[0].Files = ls[0].Files[read-100:]
			ls[1].Status = fmt.Sprint(read)
			docs = append(docs, documents(index, read, ls...)...)
			other := world(t)[:1]
			other[0].Files[0].Size += read
			docs = append(docs, documents(index, read, other...)...) // of the same second
			docs = append(docs,
				absent(index, "demo", read), absent(index, "leaf", read+1), absent(index, "empty", read),
				unreadable(index, "demo", version(t, "2.0.0"), read), unreadable(index, "leaf", version(t, "1"), read+1))
		}
	}
	return docs
}

// Whatever is learnt, in whatever order and portions and however often, what is
// known afterwards is the same.
func TestLearnOrder(t *testing.T) {
	all := answersOf(t)
	l := newLocal(t)
	rapid.Check(t, func(rt *rapid.T) {
		docs := rapid.Permutation(all).Draw(rt, "documents")[:rapid.IntRange(1, 30).Draw(rt, "n")]
		learn := func(docs []Document) string {
			// Forgetting is quicker than a new file.
			if _, err := l.Forget(t.Context(), []py.Name{"demo", "leaf", "empty"}); err != nil {
				rt.Fatal(err)
			}
			for len(docs) > 0 {
				some := rapid.IntRange((len(docs)+3)/4, len(docs)).Draw(rt, "portion")
				if err := l.Learn(t.Context(), docs[:some]); err != nil {
					rt.Fatal(err)
				}
				docs = docs[some:]
			}
			return state(t, l)
		}
		first := learn(docs)
		again := rapid.Permutation(append(slices.Clone(docs), docs[:len(docs)/2]...)).Draw(rt, "again")
		if diff := cmp.Diff(first, learn(again)); diff != "" {
			rt.Fatalf("-first +other order:\n%s", diff)
		}
	})
}

// Newer facts win and older ones never do, also when the newer one says less.
func TestLearnNewest(t *testing.T) {
	v := version(t, "2.0")
	listing := func(read int64) Document { return documents(public, read, Listing{Name: "demo"})[0] }
	metadata := func(read int64) Document {
		return documents(public, read, Listing{Name: "demo", Metadata: []py.Metadata{{Name: "demo", Version: v}}})[0]
	}
	type test struct {
		name  string
		learn []Document
		want  Document
	}
	tests := []test{
		{"newer listing", []Document{listing(1), listing(3)}, listing(3)},
		{"older listing", []Document{listing(3), listing(1)}, listing(3)},
		{"gone", []Document{listing(1), absent(public, "demo", 3)}, absent(public, "demo", 3)},
		{"back", []Document{absent(public, "demo", 1), listing(3)}, listing(3)},
		{"older absent", []Document{listing(3), absent(public, "demo", 1)}, listing(3)},
		{"newer metadata", []Document{metadata(1), metadata(3)}, metadata(3)},
		{"not readable any more", []Document{metadata(1), unreadable(public, "demo", v, 3)}, unreadable(public, "demo", v, 3)},
		{"readable now", []Document{unreadable(public, "demo", v, 1), metadata(3)}, metadata(3)},
		{"older unreadable", []Document{metadata(3), unreadable(public, "demo", v, 1)}, metadata(3)},
		{"other spelling", []Document{unreadable(public, "demo", version(t, "2"), 3), unreadable(public, "demo", v, 1)}, unreadable(public, "demo", version(t, "2"), 3)},
	}
	for read := range int64(8) { // so that no luck with digests decides
		at := fmt.Sprint("the same second, ", read)
		tests = append(tests,
			test{at, []Document{absent(public, "demo", read+1), listing(read + 1), absent(public, "demo", read+1)}, listing(read + 1)},
			test{at, []Document{unreadable(public, "demo", v, read+1), metadata(read + 1), unreadable(public, "demo", v, read+1)}, metadata(read + 1)})
	}
	for _, test := range tests {
		want, err := test.want.Digest()
		if err != nil {
			t.Fatal(err)
		}
		for _, together := range []bool{true, false} {
			l := newLocal(t)
			if together {
				if err := l.Learn(t.Context(), test.learn); err != nil {
					t.Fatal(err)
				}
			} else {
				for _, d := range test.learn {
					if err := l.Learn(t.Context(), []Document{d}); err != nil {
						t.Fatal(err)
					}
				}
			}
			var got []string
			err := l.Documents(t.Context(), func(d Document) error {
				digest, err := d.Digest()
				got = append(got, digest)
				return err
			})
			if err != nil || !slices.Equal(got, []string{want}) {
				t.Errorf("%s (together %t): %v, want one, %s; %v", test.name, together, got, want, err)
			}
		}
	}
}

// What a document says has a digest of its own; what does not matter does not
// show.
func TestDocumentDigest(t *testing.T) {
	digests := map[string]string{}
	digest := func(d Document) string {
		s, err := d.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	base := func() []Document {
		return append(documents(public, 100, world(t)...), absent(public, "x", 1), unreadable(public, "x", version(t, "1"), 1))
	}
	note := func(what string, d Document) {
		s := digest(d)
		if other, twice := digests[s]; twice {
			t.Errorf("%s has the digest of %s", what, other)
		}
		digests[s] = what
	}
	for i, d := range base() {
		note(fmt.Sprint("document ", i), d)
		d.Read++
		note(fmt.Sprint("read ", i), d)
		d.Index = private
		note(fmt.Sprint("index ", i), d)
	}
	d := base()[3] // the listing of demo
	d.Fresh++
	note("fresh", d)
	d.ETag = ""
	note("etag", d)
	d.LastModified = ""
	note("last modified", d)
	d.Listing.Files[0].URL += "x"
	note("url", d)
	d.Listing.Status = "archived"
	note("status", d)
	d.Listing.Versions = nil
	note("versions", d)

	a, b := base()[3], base()[3]
	slices.Reverse(b.Listing.Files)
	slices.Reverse(b.Listing.Versions)
	b.Index += "/"
	b.Reason, b.Metadata, b.Version = "x", []byte("x"), version(t, "1")
	if digest(a) != digest(b) {
		t.Error("what does not matter changes the digest of a listing")
	}
	a, b = base()[0], base()[0]
	b.Metadata = append(b.Metadata, "more of the body"...)
	if b.ETag = "x"; digest(a) != digest(b) {
		t.Error("what does not matter changes the digest of metadata")
	}
}

func TestLearnRefuses(t *testing.T) {
	v := version(t, "1.0")
	listing := func(change func(*Document)) Document {
		d := documents(public, 5, Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip"}}})[0]
		change(&d)
		return d
	}
	metadata := func(text string) Document {
		return Document{Kind: KindMetadata, Index: public, Project: "p", Version: v, Read: 5, Metadata: []byte(text)}
	}
	many := &Listing{Name: "p"}
	for i := range maxLines + 1 {
		many.Files = append(many.Files, py.File{Filename: fmt.Sprintf("p-1.0-%d-py3-none-any.whl", i)})
	}
	var versions []py.Version
	for i := range 20_000 {
		versions = append(versions, version(t, fmt.Sprintf("%d.%s", i, strings.Repeat("7", 400))))
	}
	for _, test := range []struct {
		name string
		doc  Document
		want string
	}{
		{"kind", Document{Kind: "gossip", Index: public, Project: "p", Read: 5}, "no known kind"},
		{"name", absent(public, "Not_Normal", 5), "not a normalised name"},
		{"index", absent("simple", "p", 5), "the index is not a URL"},
		{"no index", absent("", "p", 5), "the index is not a URL"},
		{"credentials", absent("https://me:secret@index.example/simple", "p", 5), "holds credentials"},
		{"control", absent("https://index.example/\x1b[2J", "p", 5), "the index is not a URL"},
		{"not read", absent(public, "p", 0), "read 0"},
		{"fresh", listing(func(d *Document) { d.Fresh = -1 }), "fresh until -1"},
		{"no listing", listing(func(d *Document) { d.Listing = nil }), "it needs a listing of this project"},
		{"another's listing", listing(func(d *Document) { d.Listing.Name = "q" }), "it needs a listing of this project"},
		{"with metadata", listing(func(d *Document) { d.Listing.Metadata = []py.Metadata{{Version: v}} }), "without metadata"},
		{"file", listing(func(d *Document) { d.Listing.Files[0].Filename = "../p-1.0.zip" }), "not a file name"},
		{"file twice", listing(func(d *Document) { d.Listing.Files = append(d.Listing.Files, d.Listing.Files[0]) }), "given twice"},
		{"many files", listing(func(d *Document) { d.Listing = many }), "more than 10000 files"},
		{"many versions", listing(func(d *Document) { d.Listing.Versions = versions }), "too many releases"},
		{"version", listing(func(d *Document) { d.Listing.Versions = []py.Version{{}} }), "a version of 0 bytes"},
		{"no version", Document{Kind: KindUnreadable, Index: public, Project: "p", Read: 5}, "a version of 0 bytes"},
		{"reason", Document{Kind: KindUnreadable, Index: public, Project: "p", Version: v, Read: 5, Reason: strings.Repeat("x", 10_000)}, "a reason of more"},
		{"no metadata", metadata(""), "no Name"},
		{"another's metadata", metadata("Name: q\nVersion: 1.0\n"), "is that of q 1.0"},
		{"another version", metadata("Name: p\nVersion: 2.0\n"), "is that of p 2.0"},
		{"no header", metadata("Name: p\nVersion: 1.0\nwhat\n"), "want a header"},
		{"long line", metadata("Name: p\nVersion: 1.0\nRequires-Dist: " + strings.Repeat("x", 100_000) + "\n"), "a requirement of more"},
	} {
		l := newLocal(t)
		good := absent(public, "good", 5)
		err := l.Learn(t.Context(), []Document{good, test.doc})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if _, err := test.doc.Digest(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Digest: %v, want %q", test.name, err, test.want)
		}
		info, err := l.Info(t.Context())
		if err != nil || len(info.Indexes) != 0 {
			t.Errorf("%s: part of it was learnt: %+v, %v", test.name, info, err)
		}
	}
}

func TestLocalInfoAndForget(t *testing.T) {
	docs := append(documents(public, 100, world(t)...), documents(private, 200, world(t)[1])...)
	docs = append(docs, absent(private, "demo", 50), unreadable(private, "demo", version(t, "1"), 300))
	file := filepath.Join(t.TempDir(), "a", "b", "local.db")
	l := openLocalTest(t, file)
	empty, err := l.Info(t.Context())
	if err != nil || empty.Oldest != 0 || len(empty.Indexes) != 0 || empty.Schema != LocalSchema {
		t.Errorf("new: %+v, %v", empty, err)
	}
	if err := l.Learn(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	want := LocalInfo{Schema: LocalSchema, Oldest: 50, Newest: 300, Indexes: []IndexInfo{
		{Index: public, Listings: 3, Metadata: 4, Oldest: 100, Newest: 100},
		{Index: private, Listings: 1, Absent: 1, Metadata: 1, Unreadable: 1, Oldest: 50, Newest: 300},
	}}
	got, err := l.Info(t.Context())
	if err != nil || got.Size < 1000 || len(got.Digest) != 64 {
		t.Errorf("%+v, %v", got, err)
	}
	got.Size, got.Digest = 0, ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, f := range []struct {
		path string
		mode os.FileMode
	}{{file, 0o600}, {filepath.Dir(file), 0o700 | os.ModeDir}} {
		if stat, err := os.Stat(f.path); err != nil || stat.Mode() != f.mode {
			t.Errorf("%s: %v, %v, want %v", f.path, stat.Mode(), err, f.mode)
		}
	}

	k := NewLayered(nil, l, Route{Indexes: []string{public}}, false)
	if ps, err := k.Projects(t.Context(), []py.Name{"demo"}); err != nil || ps[0] == nil {
		t.Fatal(ps, err)
	}
	n, err := l.Forget(t.Context(), []py.Name{"demo", "nobody"})
	if err != nil || n != 6 {
		t.Errorf("forgot %d, %v, want 6", n, err)
	}
	if ps, err := k.Projects(t.Context(), []py.Name{"demo", "leaf"}); err != nil || ps[0] != nil || ps[1] == nil {
		t.Errorf("afterwards: %v, %v", ps, err)
	}
	if n, err := l.Forget(t.Context(), []py.Name{"leaf", "empty"}); err != nil || n != 5 {
		t.Errorf("forgot %d, %v, want 5", n, err)
	}
	if after, err := l.Info(t.Context()); err != nil || after.Digest != empty.Digest {
		t.Errorf("all forgotten: %+v, %v", after, err)
	}
}

// Two that learn of the same project at the same time leave what is newer.
func TestLearnAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "local.db")
	a, b := openLocalTest(t, file), openLocalTest(t, file)
	for read := int64(1); read < 400; read += 2 {
		older := make(chan error)
		go func() { older <- a.Learn(t.Context(), []Document{absent(public, "p", read)}) }()
		newer := b.Learn(t.Context(), []Document{absent(public, "p", read+1)})
		if err := errors.Join(newer, <-older); err != nil {
			t.Fatal(err)
		}
		got, _, err := a.Listing(t.Context(), public, "p")
		if err != nil || got.Read != read+1 {
			t.Fatalf("read %d, %v, want %d", got.Read, err, read+1)
		}
	}
}
