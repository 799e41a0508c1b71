package kb

import (
	"context"
	flags "flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// How large the synthetic knowledge base of BenchmarkScale is. All of the public
// index has about 700,000 projects with 8 million releases; see `make scale`.
var (
	scaleProjects = flags.Int("scale.projects", 7_000, "projects of BenchmarkScale")
	scaleFiles    = flags.Bool("scale.files", false, "with files and hashes")
)

// The shape of the public index, as percentiles of a graph of its 8,003 most used
// projects that was measured in 2024: releases of a project, and lines of a list.
var (
	scalePercents = []float64{0, .01, .05, .10, .25, .50, .75, .90, .95, .99, .999, 1}
	scaleReleases = []float64{1, 1, 3, 5, 11, 25, 52, 125, 281, 603, 1624, 3646}
	scaleLines    = []float64{0, 0, 0, 1, 2, 4, 8, 15, 23, 38, 82, 101}

	// All projects have 11.4 releases on average, those measured 66.8. This power
	// of the latter gives the former.
	scalePower = 0.63

	// scaleLists is how many distinct lists a project has with 2^i releases.
	scaleLists = []float64{1, 1.28, 1.81, 2.49, 4.69, 10.4, 16.1, 39.6, 110, 110, 240, 786}
)

// percentile reads a table of percentiles at a place between 0 and 1.
func percentile(table []float64, at float64) float64 {
	i := 1
	for i < len(table)-1 && scalePercents[i] < at {
		i++
	}
	low, high := scalePercents[i-1], scalePercents[i]
	return table[i-1] + (table[i]-table[i-1])*(at-low)/(high-low)
}

// A scaleWorld makes projects by their rank of popularity, from 0, each by itself.
type scaleWorld struct{ projects int }

func (w scaleWorld) name(rank int) py.Name {
	syllables := []string{"py", "data", "flow", "ml", "web", "net", "auto", "django", "api", "client", "tool", "kit", "lib", "core", "cloud", "graph", "parse", "async", "test", "log"}
	n := len(syllables)
	return py.Name(fmt.Sprintf("%s-%s%x", syllables[rank%n], syllables[rank/n%n], rank/n/n))
}

// target draws what a project requires: by Zipf's law (the project of rank k is
// required 1/k as often as the first), and more popular than itself, which keeps
// closures as small as they are.
func (w scaleWorld) target(r *rand.Rand, rank int) int {
	return min(int(math.Exp(r.Float64()*math.Log(float64(rank+1))))-1, rank-1)
}

func (w scaleWorld) line(r *rand.Rand, rank int) string {
	name := w.name(w.target(r, rank))
	major, minor := r.IntN(8), r.IntN(30)
	switch p := r.IntN(100); {
	case p < 30:
		return string(name)
	case p < 65:
		return fmt.Sprintf("%s>=%d.%d", name, major, minor)
	case p < 80:
		return fmt.Sprintf("%s<%d,>=%d.%d", name, major+1, major, minor)
	case p < 88:
		return fmt.Sprintf("%s==%d.%d.%d", name, major, minor, r.IntN(9))
	case p < 93:
		return fmt.Sprintf(`%s>=%d.%d; python_version < "3.%d"`, name, major, minor, 7+r.IntN(6))
	}
	return fmt.Sprintf(`%s>=%d.%d; extra == "%s"`, name, major, minor, []string{"dev", "test", "docs", "all"}[r.IntN(4)])
}

// listing makes the project of a rank: its releases follow each other with lists
// that differ in a line or two.
func (w scaleWorld) listing(rank int) Listing {
	r := rand.New(rand.NewPCG(uint64(rank), 7))
	l := Listing{Name: w.name(rank)}
	releases := max(1, int(math.Pow(percentile(scaleReleases, r.Float64()), scalePower)))
	bucket := math.Log2(float64(releases))
	i := min(int(bucket), len(scaleLists)-2)
	lists := scaleLists[i] + (scaleLists[i+1]-scaleLists[i])*(bucket-float64(i))
	change := min(1, (lists-1)/float64(max(releases-1, 1))) // chance that a release has another list
	var lines []string
	for range min(int(percentile(scaleLines, r.Float64())), rank/4) {
		lines = append(lines, w.line(r, rank))
	}
	major, minor, patch := r.IntN(2), r.IntN(5), 0
	at := int64(1_400_000_000 + r.IntN(300_000_000))
	python := []string{"", ">=3.6", ">=3.7", ">=3.8", ">=3.9", ">=3.10"}[r.IntN(6)]
	binary := r.IntN(20) == 0
	file := strings.ReplaceAll(string(l.Name), "-", "_")
	for range releases {
		switch p := r.IntN(100); {
		case p < 60:
			patch++
		case p < 95:
			minor, patch = minor+1, 0
		default:
			major, minor, patch = major+1, 0, 0
		}
		at += int64(r.ExpFloat64() * 3_000_000)
		if rank > 4 && r.Float64() < change {
			lines = slices.Clone(lines)
			if len(lines) > 0 && r.IntN(4) > 0 {
				lines[r.IntN(len(lines))] = w.line(r, rank)
			} else {
				lines = append(lines, w.line(r, rank))
			}
		}
		text := fmt.Sprintf("%d.%d.%d", major, minor, patch)
		v, err := py.ParseVersion(text)
		if err != nil {
			panic(err)
		}
		l.Metadata = append(l.Metadata, py.Metadata{Name: string(l.Name), Version: v, RequiresPython: python, RequiresDist: lines})
		names := []string{file + "-" + text + ".tar.gz", file + "-" + text + "-py3-none-any.whl"}
		if binary {
			names = names[:1]
			for cp := 8; cp < 13; cp++ {
				for _, platform := range []string{"manylinux_2_17_x86_64.manylinux2014_x86_64", "macosx_11_0_arm64", "win_amd64"} {
					names = append(names, fmt.Sprintf("%s-%s-cp3%d-cp3%d-%s.whl", file, text, cp, cp, platform))
				}
			}
		}
		for _, name := range names {
			l.Files = append(l.Files, py.File{Filename: name, Size: int64(r.IntN(1 << 20)), Uploaded: at,
				SHA256: fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())})
		}
	}
	return l
}

// closure reads all that some projects can need, round by round as a resolver
// does.
func closure(ctx context.Context, d *DB, roots []py.Name) (projects, releases int, err error) {
	seen := map[py.Name]bool{}
	read := map[*py.Requires]bool{}
	next := roots
	for _, name := range roots {
		seen[name] = true
	}
	for len(next) > 0 {
		ps, err := d.Projects(ctx, next)
		if err != nil {
			return 0, 0, err
		}
		next = nil
		for _, p := range ps {
			if p == nil {
				continue
			}
			projects, releases = projects+1, releases+len(p.Releases)
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
					if name := py.NormalizeName(line[:end]); !seen[name] {
						seen[name] = true
						next = append(next, name)
					}
				}
			}
		}
	}
	return projects, releases, nil
}

// BenchmarkScale builds a synthetic knowledge base of the shape of the public index
// once and reports what it takes: to build, on the disk, packed, and to read the
// closures of typical requests, the first questions of a process.
func BenchmarkScale(b *testing.B) {
	w := scaleWorld{*scaleProjects}
	dir := b.TempDir()
	file := filepath.Join(dir, "scale.db")
	started := time.Now()
	writer, err := Create(file)
	if err != nil {
		b.Fatal(err)
	}
	writer.NoFiles = !*scaleFiles
	for rank := range w.projects {
		if err := writer.Add(w.listing(rank)); err != nil {
			b.Fatal(err)
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	made := time.Since(started)
	info, err := writer.Finish(Info{Built: 1_700_000_000})
	if err != nil {
		b.Fatal(err)
	}
	writer = nil
	built := time.Since(started)
	stat, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	packed := packedSize(b, file)
	n := float64(info.Releases)
	b.Logf("%d projects, %d releases, %d files: made in %v with %d MB, built in %v; %.1f MB on disk (%.1f bytes a release), %.1f MB packed (%.1f)",
		info.Projects, info.Releases, info.Files, made.Round(time.Millisecond), memory.HeapAlloc>>20, built.Round(time.Millisecond),
		float64(stat.Size())/1e6, float64(stat.Size())/n, float64(packed)/1e6, float64(packed)/n)
	b.Logf("%s", tableSizes(b, file))
	for _, request := range []struct {
		name  string
		roots []int
	}{
		{"small", []int{300}}, {"typical", []int{200, 450, 900, 1500, 2500}}, {"large", []int{100, 1000, 2000, 3000, 4000, 5000, 6000, 6500}},
	} {
		var roots []py.Name
		for _, rank := range request.roots {
			roots = append(roots, w.name(rank%w.projects))
		}
		b.Run(request.name, func(b *testing.B) {
			projects, releases := 0, 0
			for b.Loop() {
				d, err := Open(context.Background(), file)
				if err != nil {
					b.Fatal(err)
				}
				if projects, releases, err = closure(context.Background(), d, roots); err != nil {
					b.Fatal(err)
				}
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(projects), "projects")
			b.ReportMetric(float64(releases), "releases")
			b.ReportMetric(float64(stat.Size())/n, "disk-B/release")
			b.ReportMetric(float64(packed)/n, "packed-B/release")
		})
	}
}

// packedSize is what a file takes when it is compressed for distribution.
func packedSize(b *testing.B, file string) (size int64) {
	b.Helper()
	if err := Pack(file, writerFunc(func(p []byte) (int, error) { size += int64(len(p)); return len(p), nil })); err != nil {
		b.Fatal(err)
	}
	return size
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// tableSizes says what the texts of each large table take, and of how many rows.
func tableSizes(b *testing.B, file string) string {
	b.Helper()
	d, err := Open(context.Background(), file)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	var out []string
	for _, t := range []struct{ table, size string }{
		{"project", "length(name) + length(releases)"}, {"project", "length(lines) + length(lists)"}, {"artifacts", "length(wheels)"},
		{"text", "length(value)"}, {"suspicion", "length(hints)"}, {"release_about", "length(abouts)"},
		{"file", "length(version) + length(filename) + length(url)"}, {"sha256", "32"},
	} {
		var rows, size int64
		if err := d.sql.QueryRow("SELECT count(*), coalesce(sum("+t.size+"), 0) FROM "+t.table).Scan(&rows, &size); err != nil {
			b.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s: %d rows, %.1f MB", t.table, rows, float64(size)/1e6))
	}
	return strings.Join(out, "; ")
}
