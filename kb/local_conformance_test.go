package kb_test

import (
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// TestConformanceLocal learns a whole index document by document and holds what
// is known then against a snapshot of it: every release and every file.
func TestConformanceLocal(t *testing.T) {
	z := kbtest.Zip(t, "pypi.zip")
	ctx, dir := context.Background(), t.TempDir()
	w, err := kb.Create(filepath.Join(dir, "kb.db"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := kb.OpenLocal(ctx, filepath.Join(dir, "local.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var names []py.Name
	_, err = ingest.Directory(ctx, z, func(listing kb.Listing) error {
		if len(names) == 120 { // enough, and not slow
			return nil
		}
		spelled := map[string]string{} // the file of each version's metadata
		if entries, err := fs.ReadDir(z, path.Join("metadata", string(listing.Name))); err == nil {
			for _, e := range entries {
				if v, err := py.ParseVersion(e.Name()); err == nil {
					spelled[v.Key()] = e.Name()
				}
			}
		}
		var docs []kb.Document
		for _, m := range listing.Metadata {
			text, err := fs.ReadFile(z, path.Join("metadata", string(listing.Name), spelled[m.Version.Key()]))
			if err != nil {
				return err
			}
			docs = append(docs, kb.Document{Kind: kb.KindMetadata, Index: benchIndex, Project: listing.Name, Version: m.Version, Read: 1, Metadata: text})
		}
		names = append(names, listing.Name)
		if err := w.Add(listing); err != nil {
			return err
		}
		listing.Metadata = nil
		docs = append(docs, kb.Document{Kind: kb.KindListing, Index: benchIndex, Project: listing.Name, Read: 1, Listing: &listing})
		return l.Learn(ctx, docs)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(kb.Info{Built: 1}); err != nil {
		t.Fatal(err)
	}
	d, err := kb.Open(ctx, filepath.Join(dir, "kb.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want, err := d.Projects(ctx, names)
	if err != nil {
		t.Fatal(err)
	}
	k := kb.NewLayered(nil, l, kb.Route{Indexes: []string{benchIndex}}, false)
	got, err := k.Projects(ctx, names)
	if err != nil {
		t.Fatal(err)
	}
	sameVersion := cmp.Comparer(func(a, b py.Version) bool { return a.String() == b.String() })
	files := 0
	for i, name := range names {
		if diff := cmp.Diff(want[i], got[i], sameVersion); diff != "" {
			t.Fatalf("%s: -snapshot +local:\n%s", name, diff)
		}
		var packages []py.Package
		for _, r := range want[i].Releases {
			packages = append(packages, py.Package{Name: name, Version: r.Version})
		}
		wantFiles, err := d.Files(ctx, packages)
		if err != nil {
			t.Fatal(err)
		}
		gotFiles, err := k.Files(ctx, packages)
		if err != nil {
			t.Fatal(err)
		}
		for j := range packages {
			files += len(wantFiles[j])
			if diff := cmp.Diff(wantFiles[j], gotFiles[j]); diff != "" {
				t.Fatalf("%s: -snapshot +local:\n%s", packages[j], diff)
			}
		}
	}
	if err := l.Documents(ctx, func(kb.Document) error { return nil }); err != nil {
		t.Error(err)
	}
	t.Logf("%d projects, %d files", len(names), files)
}
