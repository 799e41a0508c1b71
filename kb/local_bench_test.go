package kb_test

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

const benchIndex = "https://index.example/simple"

// benchNames are the projects that a stack of flask and tensorflow asks for.
var benchNames = strings.Fields(`absl-py astunparse blinker certifi charset-normalizer click colorama flask flatbuffers gast
	google-pasta grpcio h5py idna importlib-metadata itsdangerous jinja2 keras libclang markdown markdown-it-py markupsafe mdurl
	ml-dtypes namex numpy opt-einsum optree packaging protobuf pygments requests rich setuptools six tensorboard
	tensorboard-data-server tensorflow termcolor typing-extensions urllib3 werkzeug wheel wrapt zipp`)

// benchDocuments are listings of real size, each with the metadata of its
// newest release that is there.
func benchDocuments(b *testing.B) (docs []kb.Document, packages []py.Package) {
	b.Helper()
	z := kbtest.Zip(b, "pypi.zip")
	for _, text := range benchNames {
		name := py.Name(text)
		page, err := fs.ReadFile(z, path.Join("simple", text, "index.json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			b.Fatal(err)
		}
		p, err := ingest.DecodePage(name, page, benchIndex+"/"+text+"/")
		if err != nil {
			b.Fatal(err)
		}
		l := p.Listing
		docs = append(docs, kb.Document{Kind: kb.KindListing, Index: benchIndex, Project: name, Read: 2_000_000_000, Fresh: 2_000_000_600, ETag: `"x"`, Listing: &l})
		versions, err := fs.ReadDir(z, path.Join("metadata", text))
		if err != nil {
			continue
		}
		var newest py.Version
		for _, entry := range versions {
			v, err := py.ParseVersion(entry.Name())
			if err == nil && !v.Prerelease() && (newest.IsZero() || v.Compare(newest) > 0) {
				newest = v
			}
		}
		metadata, err := fs.ReadFile(z, path.Join("metadata", text, newest.String()))
		if err != nil {
			continue
		}
		docs = append(docs, kb.Document{Kind: kb.KindMetadata, Index: benchIndex, Project: name, Version: newest, Read: 2_000_000_000, Metadata: metadata})
		packages = append(packages, py.Package{Name: name, Version: newest})
	}
	return docs, packages
}

func openBench(b *testing.B, file string) *kb.Local {
	b.Helper()
	l, err := kb.OpenLocal(context.Background(), file)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// BenchmarkLearn learns what a first online run reads: into a new file, and
// what the next one is told, that nothing has changed.
func BenchmarkLearn(b *testing.B) {
	docs, _ := benchDocuments(b)
	files := 0
	for _, d := range docs {
		if d.Listing != nil {
			files += len(d.Listing.Files)
		}
	}
	b.Run("new", func(b *testing.B) {
		size := int64(0)
		for b.Loop() {
			l := openBench(b, filepath.Join(b.TempDir(), "local.db"))
			if err := l.Learn(context.Background(), docs); err != nil {
				b.Fatal(err)
			}
			info, err := l.Info(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			size = info.Size
			l.Close()
		}
		b.ReportMetric(float64(len(docs)), "documents")
		b.ReportMetric(float64(files), "files")
		b.ReportMetric(float64(size), "bytes")
	})
	b.Run("again", func(b *testing.B) {
		l := openBench(b, filepath.Join(b.TempDir(), "local.db"))
		defer l.Close()
		for b.Loop() {
			for i := range docs {
				docs[i].Read++
			}
			if err := l.Learn(context.Background(), docs); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLayeredProjects reads what a warm run reads, opening included, on
// top of the embedded snapshot.
func BenchmarkLayeredProjects(b *testing.B) {
	docs, packages := benchDocuments(b)
	cache, file := b.TempDir(), filepath.Join(b.TempDir(), "local.db")
	l := openBench(b, file)
	if err := l.Learn(context.Background(), docs); err != nil {
		b.Fatal(err)
	}
	l.Close()
	names := make([]py.Name, len(packages))
	for i, p := range packages {
		names[i] = p.Name
	}
	releases := 0
	for b.Loop() {
		d, err := kb.OpenEmbedded(context.Background(), cache)
		if err != nil {
			b.Fatal(err)
		}
		l := openBench(b, file)
		k := kb.NewLayered(d, l, kb.Route{Indexes: []string{benchIndex}}, false)
		ps, err := k.Projects(context.Background(), names)
		if err != nil {
			b.Fatal(err)
		}
		releases = 0
		for _, p := range ps {
			releases += len(p.Releases)
		}
		l.Close()
		d.Close()
	}
	b.ReportMetric(float64(len(names)), "projects")
	b.ReportMetric(float64(releases), "releases")
}

// BenchmarkLayeredFiles reads the files of a stack: what a lock needs.
func BenchmarkLayeredFiles(b *testing.B) {
	docs, packages := benchDocuments(b)
	l := openBench(b, filepath.Join(b.TempDir(), "local.db"))
	defer l.Close()
	if err := l.Learn(context.Background(), docs); err != nil {
		b.Fatal(err)
	}
	k := kb.NewLayered(nil, l, kb.Route{Indexes: []string{benchIndex}}, false)
	files := 0
	for b.Loop() {
		all, err := k.Files(context.Background(), packages)
		if err != nil {
			b.Fatal(err)
		}
		files = 0
		for _, fs := range all {
			files += len(fs)
		}
	}
	b.ReportMetric(float64(len(packages)), "packages")
	b.ReportMetric(float64(files), "files")
}
