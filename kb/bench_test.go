package kb

import (
	"context"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// some are the names of a hundred projects of the embedded snapshot.
func some(b *testing.B, d *DB, n int) []py.Name {
	b.Helper()
	rows, err := d.sql.Query(`SELECT name FROM project ORDER BY known DESC, name LIMIT ?`, n)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var names []py.Name
	for rows.Next() {
		var name py.Name
		if err := rows.Scan(&name); err != nil {
			b.Fatal(err)
		}
		names = append(names, name)
	}
	if len(names) != n {
		b.Fatalf("%d projects, want %d", len(names), n)
	}
	return names
}

// BenchmarkOpen is what every process pays: opening the unpacked file.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		d, err := OpenEmbedded(context.Background(), dir)
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}

// BenchmarkUnpack is what the first process pays, and in memory every one.
func BenchmarkUnpack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		d, err := OpenEmbedded(context.Background(), "")
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}

// BenchmarkProjects reads a hundred projects, from a DB that was just opened
// and from one that has read them before.
func BenchmarkProjects(b *testing.B) {
	dir := b.TempDir()
	d, err := OpenEmbedded(context.Background(), dir)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	names := some(b, d, 100)
	releases := 0
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d, err := OpenEmbedded(context.Background(), dir)
			if err != nil {
				b.Fatal(err)
			}
			ps, err := d.Projects(context.Background(), names)
			if err != nil {
				b.Fatal(err)
			}
			releases = 0
			for _, p := range ps {
				releases += len(p.Releases)
			}
			d.Close()
		}
		b.ReportMetric(float64(releases), "releases")
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Projects(context.Background(), names); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkClosure reads all that flask and tensorflow can need, as the
// resolver does: round by round, each asking for the projects that the last one
// named. A cold one is the first question of a process.
func BenchmarkClosure(b *testing.B) {
	dir := b.TempDir()
	closure := func(d *DB) (projects, rounds int) {
		seen := map[py.Name]bool{"flask": true, "tensorflow": true}
		read := map[*py.Requires]bool{}
		for next := []py.Name{"flask", "tensorflow"}; len(next) > 0; rounds++ {
			ps, err := d.Projects(context.Background(), next)
			if err != nil {
				b.Fatal(err)
			}
			next = nil
			for _, p := range ps {
				if p == nil {
					continue
				}
				for _, r := range p.Releases {
					if r.Requires == nil || read[r.Requires] {
						continue
					}
					read[r.Requires] = true
					for _, line := range r.Requires.Lines {
						end := strings.IndexAny(line, " ;<>=!~([@")
						if end < 0 {
							end = len(line)
						}
						if name := py.NormalizeName(line[:end]); !seen[name] && !strings.Contains(line, "extra") {
							seen[name] = true
							next = append(next, name)
						}
					}
				}
			}
		}
		return len(seen), rounds
	}
	b.Run("cold", func(b *testing.B) {
		projects, rounds := 0, 0
		for b.Loop() {
			d, err := OpenEmbedded(context.Background(), dir)
			if err != nil {
				b.Fatal(err)
			}
			projects, rounds = closure(d)
			d.Close()
		}
		b.ReportMetric(float64(projects), "projects")
		b.ReportMetric(float64(rounds), "rounds")
	})
	b.Run("warm", func(b *testing.B) {
		d, err := OpenEmbedded(context.Background(), dir)
		if err != nil {
			b.Fatal(err)
		}
		defer d.Close()
		for b.Loop() {
			closure(d)
		}
	})
}

// BenchmarkFiles reads the files of one release of each of a hundred projects.
func BenchmarkFiles(b *testing.B) {
	d, err := OpenEmbedded(context.Background(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	ps, err := d.Projects(context.Background(), some(b, d, 100))
	if err != nil {
		b.Fatal(err)
	}
	var packages []py.Package
	for _, p := range ps {
		for _, r := range p.Releases {
			if r.Requires != nil {
				packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
				break
			}
		}
	}
	files := 0
	for b.Loop() {
		all, err := d.Files(context.Background(), packages)
		if err != nil {
			b.Fatal(err)
		}
		files = 0
		for _, fs := range all {
			files += len(fs)
		}
	}
	b.ReportMetric(float64(files), "files")
}
