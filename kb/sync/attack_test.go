package sync

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/thamos/thamos/kb"
)

// A siege is a store that is in sync with an older publication, and a newer one
// that is tampered with.
type siege struct {
	store   Store
	key     Key
	signer  Signer
	old     Publication
	newer   Publication
	oldTree map[string][]byte
	tree    map[string][]byte // of the newer publication
	record  []byte
}

func newSiege(t testing.TB) *siege {
	t.Helper()
	s := &siege{store: Store{filepath.Join(t.TempDir(), "kb")}}
	s.signer, s.key = pair(t, "kb.example")
	dir := t.TempDir()
	s.old = publish(t, snapshot(t, 60, 0), dir, PublishOptions{Signers: []Signer{s.signer}})
	s.oldTree = tree(t, dir)
	mustSync(t, s.store, options(s.key, Directory{dir}))
	s.newer = publish(t, snapshot(t, 60, 2), dir, PublishOptions{Signers: []Signer{s.signer}, Now: now.Add(time.Minute)})
	s.tree = tree(t, dir)
	s.record, _ = os.ReadFile(filepath.Join(s.store.Dir, recordName))
	return s
}

// besieged is the store, as it was before the attack.
func (s *siege) copy(t testing.TB) Store {
	t.Helper()
	store := Store{t.TempDir()}
	files := tree(t, s.store.Dir)
	putTree(t, store.Dir, files)
	// A copy has other times; that it is still the same is then read.
	return store
}

// files are those of the newer publication, with changes.
func (s *siege) files(change map[string][]byte) map[string][]byte {
	files := map[string][]byte{}
	for name, text := range s.tree {
		files[name] = text
	}
	for name, text := range change {
		files[name] = text
	}
	return files
}

// resign signs a latest.json that says something else.
func (s *siege) resign(t testing.TB, change func(*Latest)) map[string][]byte {
	t.Helper()
	l := s.newer.Latest
	l.Deltas = append([]Delta(nil), l.Deltas...)
	change(&l)
	text, err := l.encode()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := sign(text, []Signer{s.signer})
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"v1/latest.json": text, "v1/latest.json.sig": signed}
}

// memoryServer serves files of a map.
func memoryServer(files map[string][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	})
}

// TestAttacks: whatever a server says instead of what was signed, it is refused
// with a word that says why, and the active snapshot stays.
func TestAttacks(t *testing.T) {
	s := newSiege(t)
	base, delta := "v1/"+s.newer.Base.Path, "v1/"+s.newer.Deltas[0].Path
	stranger, _ := pair(t, "kb.example")
	foreign := t.TempDir()
	publish(t, snapshot(t, 60, 2), foreign, PublishOptions{Signers: []Signer{stranger}})
	noDelta := func(l *Latest) { l.Deltas = []Delta{} }
	page := []byte("<!DOCTYPE html>\n<title>Sign in</title>")
	zeros := func(megabytes int, options ...zstd.EOption) []byte {
		var out bytes.Buffer
		z, err := zstd.NewWriter(&out, options...)
		if err != nil {
			t.Fatal(err)
		}
		for range megabytes {
			z.Write(make([]byte, 1<<20))
		}
		z.Close()
		return out.Bytes()
	}
	bomb := zeros(512)
	window := zeros(2, zstd.WithWindowSize(256<<20)) // so much memory it asks for
	replaced := func(text []byte) func(l *Latest) {
		return func(l *Latest) {
			noDelta(l)
			l.Base.Size, l.Base.SHA256 = int64(len(text)), hexSum(text)
		}
	}
	for _, c := range []struct {
		name    string
		files   map[string][]byte
		handler http.Handler
		options func(*Options)
		want    string
	}{
		{name: "wrong key", files: tree(t, foreign), want: "signed by none of the trusted keys"},
		{name: "no signature", files: s.files(map[string][]byte{"v1/latest.json.sig": nil}), want: "signature is not of this file"},
		{name: "signature of the older one", files: s.files(map[string][]byte{"v1/latest.json.sig": s.oldTree["v1/latest.json.sig"]}), want: "signature is not of this file"},
		{name: "half of the text in the signature", files: s.files(func() map[string][]byte {
			text := append(append([]byte(nil), s.tree["v1/latest.json"]...), '\n')
			at := bytes.IndexByte(text, '\n')
			return map[string][]byte{"v1/latest.json": text[:at], "v1/latest.json.sig": append(append([]byte(nil), text[at+1:]...), s.tree["v1/latest.json.sig"]...)}
		}()), want: "signature is not of this file"},
		{name: "key that has expired", files: s.tree, options: func(o *Options) { o.Keys[0].Until = now.Add(-time.Hour) }, want: "not trusted any more: kb.example, trusted until"},
		{name: "no serial", files: s.files(s.resign(t, func(l *Latest) { l.Serial = 0 })), want: "the serial is 0"},
		{name: "out of date, strictly", files: s.tree, options: func(o *Options) {
			o.Strict, o.Now = true, func() time.Time { return now.Add(48 * time.Hour) }
		}, want: "out of date: an update was promised until 2026-11-26 12:01 UTC"},
		{name: "ended, strictly", files: s.files(s.resign(t, func(l *Latest) { l.Status = EndOfLife })), options: func(o *Options) { o.Strict = true }, want: "kb.example has ended"},
		{name: "same serial, other snapshot", files: s.files(s.resign(t, func(l *Latest) { l.Serial = 1 })), want: "it was another snapshot then"},
		{name: "base swapped for the older one", files: s.files(map[string][]byte{base: s.oldTree["v1/"+s.old.Base.Path]}), options: func(o *Options) { o.BaseOnly = true }, want: "not what was signed"},
		{name: "a bit of the base", files: s.files(func() map[string][]byte {
			text := bytes.Clone(s.tree[base])
			text[len(text)/2] ^= 1
			return map[string][]byte{base: text}
		}()), options: func(o *Options) { o.BaseOnly = true }, want: "its sha256 is"},
		{name: "base and delta swapped", files: s.files(map[string][]byte{base: s.tree[delta], delta: s.tree[base]}), want: "not what was signed"},
		{name: "older base under a signed name", files: s.files(func() map[string][]byte {
			old := s.oldTree["v1/"+s.old.Base.Path]
			files := s.resign(t, func(l *Latest) { replaced(old)(l); l.Base.Unpacked = s.old.Base.Unpacked })
			files[base] = old
			return files
		}()), want: "its digest is"},
		{name: "10 GB advertised", files: s.files(s.resign(t, func(l *Latest) { noDelta(l); l.Base.Size = 10e9 })), want: "has 10000000000 bytes; at most"},
		{name: "10 GB unpacked advertised", files: s.files(s.resign(t, func(l *Latest) { noDelta(l); l.Base.Unpacked = 10e9 })), want: "a snapshot of 10000000000 bytes"},
		{name: "10 GB sent", handler: endless(s.tree, base, 10e9), options: func(o *Options) { o.BaseOnly = true }, want: "larger than"},
		{name: "endless", handler: endless(s.tree, base, -1), options: func(o *Options) { o.BaseOnly = true }, want: "larger than"},
		{name: "endless latest.json", handler: endless(s.tree, "v1/latest.json", -1), want: "larger than"},
		{name: "zstd bomb", files: s.files(func() map[string][]byte {
			files := s.resign(t, replaced(bomb))
			files[base] = bomb
			return files
		}()), want: "unpacks to more than"},
		{name: "zstd window", files: s.files(func() map[string][]byte {
			files := s.resign(t, replaced(window))
			files[base] = window
			return files
		}()), want: "window size exceeded"},
		{name: "path traversal", files: s.files(s.resign(t, func(l *Latest) { l.Base.Path = "../../etc/passwd" })), want: `names the file "../../etc/passwd", which is refused`},
		{name: "absolute path", files: s.files(s.resign(t, func(l *Latest) { l.Deltas[0].Path = "/etc/passwd" })), want: "is refused"},
		{name: "path of another system", files: s.files(s.resign(t, func(l *Latest) { l.Base.Path = `c:\x` })), want: "is refused"},
		{name: "path of dots", files: s.files(s.resign(t, func(l *Latest) { l.Base.Path = "a..b" })), want: "is refused"},
		{name: "a page", files: s.files(map[string][]byte{"v1/latest.json": page}), want: "a web page came instead"},
		{name: "a page for the base", handler: pageFor(s.tree, base, page), options: func(o *Options) { o.BaseOnly = true }, want: "a web page came instead"},
		{name: "a page everywhere", handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page) }), want: "a web page came instead"},
		{name: "not JSON", files: s.files(func() map[string][]byte {
			signed, err := sign([]byte("{\n"), []Signer{s.signer})
			if err != nil {
				t.Fatal(err)
			}
			return map[string][]byte{"v1/latest.json": []byte("{\n"), "v1/latest.json.sig": signed}
		}()), want: "latest.json is not JSON"},
		{name: "another schema", files: s.files(s.resign(t, func(l *Latest) { l.Schema = "thamos/kb-latest/2" })), want: "this program reads thamos/kb-latest/1"},
		{name: "a newer model", files: s.files(s.resign(t, func(l *Latest) { l.KBSchema = "3.0.0" })), want: "a newer thamos reads it"},
		{name: "a newer client", files: s.files(s.resign(t, func(l *Latest) { l.MinClient = "1.1.0" })), want: "wants at least version 1.1.0, this is 1.0.0"},
		{name: "redirect to a file", handler: http.RedirectHandler("file:///etc/passwd", http.StatusFound), want: "redirects to something that is not http"},
		{name: "redirect without end", handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), want: "more than 10 redirects"},
		{name: "nothing there", files: map[string][]byte{}, want: "it has no v1/latest.json"},
		{name: "base is missing", files: func() map[string][]byte {
			files := s.files(nil)
			delete(files, base)
			delete(files, delta)
			return files
		}(), want: ".zst: file does not exist"},
		{name: "server is broken", handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), want: "answered 502 Bad Gateway (tried 4 times)"},
		{name: "login is wanted", handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), want: "it wants other credentials"},
	} {
		t.Run(c.name, func(t *testing.T) {
			handler := c.handler
			if handler == nil {
				handler = memoryServer(c.files)
			}
			store := s.copy(t)
			o := options(s.key, serve(t, handler))
			if c.options != nil {
				c.options(&o)
			}
			if out, err := store.Sync(context.Background(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %+v", err, out)
			}
			whole(t, store, s.old.Digest)
			if record, _ := os.ReadFile(filepath.Join(store.Dir, recordName)); !bytes.Equal(record, s.record) {
				t.Error("the record was changed")
			}
			if left, _ := filepath.Glob(filepath.Join(store.Dir, tempPrefix+"*")); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

func hexSum(text []byte) string {
	file, _ := os.CreateTemp("", "sum")
	defer os.Remove(file.Name())
	file.Write(text)
	file.Close()
	_, sum, _ := kb.Size(file.Name())
	return sum
}

// endless serves more than it should of one file: so many zeros, or without end.
func endless(files map[string][]byte, name string, size int64) http.Handler {
	honest := memoryServer(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+name {
			honest.ServeHTTP(w, r)
			return
		}
		if size > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		for zeros := make([]byte, 1<<16); ; {
			if _, err := w.Write(zeros); err != nil {
				return
			}
		}
	})
}

func pageFor(files map[string][]byte, name string, page []byte) http.Handler {
	honest := memoryServer(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+name {
			honest.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
}

// TestReplay: what was newest once is refused once something newer was seen,
// also after a roll-back, and after the active snapshot was lost.
func TestReplay(t *testing.T) {
	s := newSiege(t)
	store := s.copy(t)
	mustSync(t, store, options(s.key, serve(t, memoryServer(s.tree))))
	replay := func(active string) {
		t.Helper()
		_, err := store.Sync(context.Background(), options(s.key, serve(t, memoryServer(s.oldTree))))
		if !errors.Is(err, ErrReplay) || !strings.Contains(err.Error(), "serial 1 of kb.example is older than what was seen before (2)") {
			t.Errorf("replayed: %v", err)
		}
		whole(t, store, active)
	}
	replay(s.newer.Digest)
	if _, err := store.Rollback(context.Background()); err != nil {
		t.Fatal(err)
	}
	replay(s.old.Digest)
	dir := t.TempDir()
	putTree(t, dir, s.oldTree)
	if _, err := store.SyncFile(context.Background(), filepath.Join(dir, "v1", s.old.Base.Path), false, options(s.key)); !errors.Is(err, ErrReplay) {
		t.Errorf("replayed as a file: %v", err)
	}
}

// TestBitFlips: a thousand times one bit of one published file is another. The
// answer is the right snapshot, by another way, or the old one with a word.
func TestBitFlips(t *testing.T) {
	s := newSiege(t)
	r := rand.New(rand.NewPCG(3, 5))
	names := []string{"v1/latest.json", "v1/latest.json.sig", "v1/" + s.newer.Base.Path, "v1/" + s.newer.Deltas[0].Path, "v1/" + s.newer.Base.Path + ".sig"}
	const syncs = 10 // what is recovered waits for the disk: of the delta one in so many
	dir, storeDir := t.TempDir(), t.TempDir()
	putTree(t, dir, s.tree)
	original := tree(t, s.store.Dir)
	putTree(t, storeDir, original)
	refused, recovered := 0, 0
	for n := range 1000 {
		name := names[n%len(names)]
		if name == names[3] && n%syncs != 3 {
			name = names[2]
		}
		text := bytes.Clone(s.tree[name])
		bit := r.IntN(8 * len(text))
		text[bit/8] ^= 1 << (bit % 8)
		putTree(t, dir, map[string][]byte{name: text})
		store := Store{storeDir}
		o := options(s.key, Directory{dir})
		o.BaseOnly = name == names[2]
		var err error
		if name == names[4] {
			_, err = store.SyncFile(context.Background(), filepath.Join(dir, names[2]), false, o)
		} else {
			_, err = store.Sync(context.Background(), o)
		}
		putTree(t, dir, map[string][]byte{name: s.tree[name]})
		switch {
		case err == nil && name == names[3]:
			recovered++
			whole(t, store, s.newer.Digest)
			if err := os.RemoveAll(storeDir); err != nil {
				t.Fatal(err)
			}
			putTree(t, storeDir, original)
		case err == nil:
			t.Fatalf("bit %d of %s was flipped, and nobody noticed", bit, name)
		default:
			refused++
			now := tree(t, storeDir)
			for file := range original {
				if file != lockName && !bytes.Equal(now[file], original[file]) {
					t.Fatalf("bit %d of %s was flipped, and %s was changed", bit, name, file)
				}
			}
		}
	}
	whole(t, Store{storeDir}, s.old.Digest)
	t.Logf("%d refused, %d recovered by the base", refused, recovered)
	if refused == 0 || recovered == 0 {
		t.Error("this tests nothing")
	}
}

// TestTruncated: a file that ends too soon is refused, wherever it ends.
func TestTruncated(t *testing.T) {
	s := newSiege(t)
	r := rand.New(rand.NewPCG(8, 5))
	for name, text := range s.tree {
		if !strings.HasPrefix(name, "v1/") || strings.HasSuffix(name, ".zst.sig") || strings.Contains(name, s.old.Base.Path) {
			continue
		}
		for range 10 {
			store := s.copy(t)
			o := options(s.key, serve(t, memoryServer(s.files(map[string][]byte{name: text[:r.IntN(len(text))]}))))
			o.BaseOnly = strings.HasSuffix(name, ".db.zst")
			_, err := store.Sync(context.Background(), o)
			if strings.HasSuffix(name, ".delta.zst") {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				whole(t, store, s.newer.Digest)
				continue
			}
			if err == nil {
				t.Errorf("%s was cut off, and nobody noticed", name)
			}
			whole(t, store, s.old.Digest)
		}
	}
}

// FuzzLatest: whatever latest.json says, if it is accepted it names files of its
// folder, with sizes that can be read.
func FuzzLatest(f *testing.F) {
	s := newSiege(f)
	f.Add(s.tree["v1/latest.json"])
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := decodeLatest(text)
		if err != nil {
			return
		}
		files := []File{l.Base}
		for _, d := range l.Deltas {
			files = append(files, d.File)
		}
		for _, file := range files {
			if filepath.Base(file.Path) != file.Path || file.Path == ".." || file.Size <= 0 || file.Size > maxBase {
				t.Errorf("accepted: %+v", file)
			}
		}
		if _, err := json.Marshal(l); err != nil {
			t.Error(err)
		}
	})
}

// FuzzStatement: what is read is what was written.
func FuzzStatement(f *testing.F) {
	s := newSiege(f)
	f.Add(statementOf(s.newer.Latest).encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		if said, err := decodeStatement(text); err == nil && !bytes.Equal(said.encode(), text) {
			t.Errorf("%q", text)
		}
	})
}
