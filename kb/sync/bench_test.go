package sync

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// graph writes the knowledge base of the large graph of the public index.
func graph(b *testing.B) string {
	b.Helper()
	text, err := kbtest.Zip(b, "KGraph.zip").File[0].Open()
	if err != nil {
		b.Fatal(err)
	}
	defer text.Close()
	file := filepath.Join(b.TempDir(), "graph.db")
	w, err := kb.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	w.EmptyMayBeUnknown = true
	if _, err := ingest.ReadKGraph(context.Background(), text, w.Add); err != nil {
		b.Fatal(err)
	}
	if _, err := w.Finish(kb.Info{Built: now.Unix(), Sources: []kb.Source{{Name: "graph", Licence: "CC0-1.0"}}}); err != nil {
		b.Fatal(err)
	}
	return file
}

// closure reads what some projects need, transitively, of every release.
func closure(b *testing.B, d *kb.DB, roots ...py.Name) (names []py.Name, releases int) {
	b.Helper()
	seen := map[py.Name]bool{}
	lists := map[*py.Requires]bool{}
	for next := roots; len(next) > 0; {
		for _, n := range next {
			seen[n] = true
		}
		projects, err := d.Projects(context.Background(), next)
		if err != nil {
			b.Fatal(err)
		}
		next = nil
		for _, p := range projects {
			if p == nil {
				continue
			}
			names = append(names, p.Name)
			releases += len(p.Releases)
			for _, r := range p.Releases {
				if r.Requires == nil || lists[r.Requires] {
					continue
				}
				lists[r.Requires] = true
				for _, line := range r.Requires.Lines {
					if q, err := py.ParseRequirement(line); err == nil && !seen[q.Name] {
						seen[q.Name] = true
						next = append(next, q.Name)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names, releases
}

// BenchmarkClosure reads a closure of some 130 projects of the large graph: found
// from its root, or all at once as who knows the names can; from a file that was
// just opened, and from one that has read them before.
func BenchmarkClosure(b *testing.B) {
	file := graph(b)
	open := func() *kb.DB {
		d, err := kb.Open(context.Background(), file)
		if err != nil {
			b.Fatal(err)
		}
		return d
	}
	d := open()
	defer d.Close()
	all, err := d.Names(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	var root py.Name
	var names []py.Name
	releases := 0
	for _, n := range all { // the first whose closure is near
		if names, releases = closure(b, d, n); len(names) >= 125 && len(names) <= 135 {
			root = n
			break
		}
	}
	if root == "" {
		b.Fatal("no project needs about 130")
	}
	b.Logf("%s needs %d projects with %d releases", root, len(names), releases)
	b.Run("found/opened", func(b *testing.B) {
		for b.Loop() {
			d := open()
			closure(b, d, root)
			d.Close()
		}
	})
	b.Run("found/warm", func(b *testing.B) {
		for b.Loop() {
			closure(b, d, root)
		}
	})
	b.Run("named/opened", func(b *testing.B) {
		for b.Loop() {
			d := open()
			if _, err := d.Projects(context.Background(), names); err != nil {
				b.Fatal(err)
			}
			d.Close()
		}
	})
	b.Run("named/warm", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Projects(context.Background(), names); err != nil {
				b.Fatal(err)
			}
		}
	})
}
