package kb

import (
	"context"
	"fmt"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// factful is a snapshot of a closure of 84 projects with as many facts as those
// of flask and tensorflow have, and the names of its projects: 400 advisories of
// one of them, 150 of others, a thousand rules.
func factful(b *testing.B) (string, []py.Name) {
	var f Facts
	var names []py.Name
	var listings []Listing
	v := func(format string, args ...any) py.Version { return version(b, fmt.Sprintf(format, args...)) }
	for i := range 84 {
		name := py.Name(fmt.Sprintf("project-%02d", i))
		names = append(names, name)
		l := Listing{Name: name}
		for j := range 60 {
			m := py.Metadata{Version: v("%d.%d", j/10, j%10), LicenseExpression: "MIT", Classifiers: []string{fmt.Sprintf("Programming Language :: Python :: 3.%d", j/5)}}
			for k := range 8 {
				m.RequiresDist = append(m.RequiresDist, fmt.Sprintf("project-%02d<%d", (i+k)%84, 3+(j*7+k)%5))
			}
			l.Metadata = append(l.Metadata, m)
		}
		listings = append(listings, l)
		advisories := 2
		if i == 7 {
			advisories = 400
		}
		for j := range advisories {
			a := py.Advisory{
				ID: fmt.Sprintf("X-%02d-%03d", i, j), Aliases: []string{fmt.Sprintf("CVE-2021-%d%03d", i, j), fmt.Sprintf("GHSA-%d-%d", i, j)}, Project: name,
				Summary: "A shape that is not checked lets an attacker read beyond the end of a tensor", Link: "https://advisories.example/" + fmt.Sprint(i, "/", j),
				Severity: py.Severity(j % 5), CVSS: float64(j%100) / 10, Published: 1_600_000_000, Modified: 1_700_000_000,
			}
			for k := range 3 {
				a.Affected = append(a.Affected, py.Affected{From: v("%d.%d", k+1, j%6), Before: v("%d.%d.%d", k+1, j%6, j%4+1)})
			}
			f.Advisories = append(f.Advisories, a)
		}
		for j := range 12 {
			f.Rules = append(f.Rules, py.Rule{
				Kind: []string{"step", "wrap"}[j%2], Project: name, Name: fmt.Sprintf("lab.Rule%02d%02d", i, j),
				Body: fmt.Appendf(nil, `{"name":"Rule%02d%02d","run":{"justification":[{"link":"https://lab.example/%d","message":"Something is known of it","type":"INFO"}]},"type":"wrap"}`, i, j, j),
			})
		}
	}
	file, _ := write(b, listings, func(w *Writer) {
		if err := w.AddFacts(labSource, f); err != nil {
			b.Fatal(err)
		}
	})
	return file, names
}

// BenchmarkFacts asks for the facts of a closure: cold, which is the first
// question of a process after it has read the projects, and warm.
func BenchmarkFacts(b *testing.B) {
	file, names := factful(b)
	ctx := context.Background()
	for _, ask := range []struct {
		name string
		ask  func(d *DB) (int, error)
	}{
		{"advisories", func(d *DB) (n int, err error) {
			all, err := d.Advisories(ctx, names)
			for _, list := range all {
				n += len(list)
			}
			return n, err
		}},
		{"suspicions", func(d *DB) (n int, err error) {
			all, err := d.Suspicions(ctx, names)
			for _, list := range all {
				n += len(list)
			}
			return n, err
		}},
		{"rules", func(d *DB) (int, error) {
			steps, err := d.Rules(ctx, "step", names)
			if err != nil {
				return 0, err
			}
			wraps, err := d.Rules(ctx, "wrap", names)
			return len(steps) + len(wraps), err
		}},
		{"abouts", func(d *DB) (n int, err error) {
			all, err := d.Abouts(ctx, names)
			for _, of := range all {
				n += len(of)
			}
			return n, err
		}},
		{"nothing", func(d *DB) (int, error) {
			_, err1 := d.Observations(ctx, names)
			_, err2 := d.Indicators(ctx, names)
			if err1 != nil {
				return 0, err1
			}
			return 0, err2
		}},
	} {
		open := func(b *testing.B) *DB {
			d, err := Open(ctx, file)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := d.Projects(ctx, names); err != nil {
				b.Fatal(err)
			}
			return d
		}
		facts := 0
		b.Run(ask.name+"/cold", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				d := open(b)
				b.StartTimer()
				n, err := ask.ask(d)
				if err != nil {
					b.Fatal(err)
				}
				facts = n
				b.StopTimer()
				d.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(facts), "facts")
		})
		b.Run(ask.name+"/warm", func(b *testing.B) {
			d := open(b)
			defer d.Close()
			for b.Loop() {
				if _, err := ask.ask(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
