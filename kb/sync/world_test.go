package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
)

// now is the clock of these tests.
var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// snapshot writes a knowledge base of some projects, of which the last have one
// release more, so many as changed says.
func snapshot(t testing.TB, projects, changed int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kb.db")
	w, err := kb.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for p := range projects {
		l := kb.Listing{Name: py.Name(fmt.Sprintf("p%05d", p))}
		releases := 10
		if p >= projects-changed {
			releases++
		}
		for v := range releases {
			version, err := py.ParseVersion(fmt.Sprintf("%d.%d", v, p%7))
			if err != nil {
				t.Fatal(err)
			}
			l.Versions = append(l.Versions, version)
			l.Metadata = append(l.Metadata, py.Metadata{Name: string(l.Name), Version: version, RequiresDist: []string{fmt.Sprintf("p%05d>=%d", (p*31+v*17)%projects, v), "p00001"}})
		}
		if err := w.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(kb.Info{Built: now.Unix() - 3600, Sources: []kb.Source{{Name: "test", Licence: "CC0-1.0", Date: "2026-11-25"}}}); err != nil {
		t.Fatal(err)
	}
	return file
}

// pair makes a key pair.
func pair(t testing.TB, name string) (Signer, Key) {
	t.Helper()
	private, verifier, err := Keygen(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKey(verifier)
	if err != nil || s.Verifier != verifier {
		t.Fatal(err, s.Verifier, verifier)
	}
	return s, k
}

// publish publishes a snapshot, with room for changes by o.
func publish(t testing.TB, from, to string, o PublishOptions) Publication {
	t.Helper()
	o.From, o.To = from, to
	if o.Now.IsZero() {
		o.Now = now
	}
	if o.Deltas == 0 {
		o.Deltas = 5
	}
	p, err := Publish(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// serve serves a handler, and is a Source of what it serves.
func serve(t testing.TB, h http.Handler) HTTP {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return source(t, server.URL, time.Second)
}

func serveDir(t testing.TB, dir string) HTTP {
	return serve(t, http.FileServer(http.Dir(dir)))
}

// source reads a URL without pauses between tries.
func source(t testing.TB, url string, silence time.Duration) HTTP {
	t.Helper()
	c, err := ingest.NewClient(ingest.ClientOptions{
		Index: url, Timeout: silence, Now: func() time.Time { return now },
		Sleep: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return HTTP{Client: c}
}

func options(key Key, sources ...Source) Options {
	return Options{Sources: sources, Keys: []Key{key}, Version: "1.0.0", Now: func() time.Time { return now }, Sleep: noSleep}
}

func noSleep(context.Context, time.Duration) error { return nil }

// mustSync syncs, and the active snapshot must be whole.
func mustSync(t testing.TB, s Store, o Options) Outcome {
	t.Helper()
	out, err := s.Sync(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, out.Active.Digest)
	return out
}

// whole makes sure that the active snapshot is whole and has a digest.
func whole(t testing.TB, s Store, digest string) {
	t.Helper()
	d, i, err := s.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := errors.Join(d.Verify(context.Background()), d.CheckIntegrity(context.Background())); err != nil {
		t.Fatal(err)
	}
	if d.Digest() != digest || i.Digest != digest {
		t.Fatalf("active is %.12s, recorded %.12s, want %.12s", d.Digest(), i.Digest, digest)
	}
}

// tree reads all files of a folder.
func tree(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sameTree(a, b map[string][]byte) string {
	for name, text := range a {
		if other, ok := b[name]; !ok || !bytes.Equal(text, other) {
			return name
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			return name
		}
	}
	return ""
}

// putTree writes files into a folder.
func putTree(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}
