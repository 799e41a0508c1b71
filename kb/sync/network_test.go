package sync

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A cutter cuts every answer about one file after so many bytes, some times.
type cutter struct {
	files map[string][]byte
	name  string
	every int
	times int64 // how often it still cuts; -1: always

	asked, sent atomic.Int64
	ranges      atomic.Int64 // requests for a part
	ifRange     atomic.Int64 // of which with If-Range
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	text, ok := c.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+strconv.Itoa(len(text))+`"`)
	if name != c.name {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
		return
	}
	c.asked.Add(1)
	if r.Header.Get("Range") != "" {
		c.ranges.Add(1)
	}
	if r.Header.Get("If-Range") != "" {
		c.ifRange.Add(1)
	}
	cut := &cutting{ResponseWriter: w, left: len(text) + 1, sent: &c.sent}
	if n := atomic.AddInt64(&c.times, -1); n >= 0 || c.times < -1000 {
		cut.left = c.every
	}
	http.ServeContent(cut, r, "", time.Time{}, bytes.NewReader(text))
	if cut.left == 0 {
		panic(http.ErrAbortHandler)
	}
}

type cutting struct {
	http.ResponseWriter
	left int
	sent *atomic.Int64
}

func (c *cutting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	c.left -= n
	c.sent.Add(int64(n))
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	if err == nil && n < len(p) {
		err = errors.New("cut")
	}
	return n, err
}

// TestCut: a connection that is cut at every twentieth part is gone on with where
// it was cut, in one run and by the next one.
func TestCut(t *testing.T) {
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	p := publish(t, snapshot(t, 400, 0), dir, PublishOptions{Signers: []Signer{signer}})
	base := "v1/" + p.Base.Path
	size := int(p.Base.Size)
	c := &cutter{files: tree(t, dir), name: base, every: size / 20, times: 100}
	store := Store{filepath.Join(t.TempDir(), "kb")}
	mustSync(t, store, options(key, serve(t, c)))
	if asked := c.asked.Load(); asked < 20 || asked > 22 || c.ranges.Load() != asked-1 || c.ifRange.Load() != asked-1 {
		t.Errorf("%d requests, %d for parts, %d with If-Range", asked, c.ranges.Load(), c.ifRange.Load())
	}
	if sent := int(c.sent.Load()); sent > size+size/100 {
		t.Errorf("%d bytes were sent of a file of %d", sent, size)
	}

	for percent := 5; percent < 100; percent += 5 {
		// The server is gone after so much; the next run reads the rest.
		store := Store{filepath.Join(t.TempDir(), "kb")}
		c := &cutter{files: tree(t, dir), name: base, every: size * percent / 100, times: 1}
		gone := atomic.Bool{}
		web := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if gone.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			gone.Store(strings.HasSuffix(r.URL.Path, ".zst"))
			c.ServeHTTP(w, r)
		}))
		if _, err := store.Sync(context.Background(), options(key, web)); err == nil || !strings.Contains(err.Error(), "503") {
			t.Fatalf("at %d %%: %v", percent, err)
		}
		c.sent.Store(0)
		whole := serve(t, c)
		mustSync(t, store, options(key, whole))
		if sent := int(c.sent.Load()); sent > size-size*percent/100+1 {
			t.Errorf("cut at %d %%: %d bytes of %d were sent again", percent, sent, size)
		}
	}
}

// TestOtherFile: what a server has under the same name is another file now. What
// was read of the first is not taken for the beginning of the second.
func TestOtherFile(t *testing.T) {
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	p := publish(t, snapshot(t, 100, 0), dir, PublishOptions{Signers: []Signer{signer}})
	for _, c := range []struct{ mark, text string }{
		{`"other"`, "garbage"}, // If-Range sees it
		{"", "garbage"},        // the sha256 sees it
		{"", strings.Repeat("x", int(p.Base.Size))},
		{"", strings.Repeat("x", int(p.Base.Size)+9)},
	} {
		store := Store{filepath.Join(t.TempDir(), "kb")}
		part := filepath.Join(store.Dir, partialName, p.Base.SHA256)
		putTree(t, filepath.Dir(part), map[string][]byte{p.Base.SHA256: []byte(c.text), p.Base.SHA256 + ".mark": []byte(c.mark)})
		mustSync(t, store, options(key, serve(t, &cutter{files: tree(t, dir)})))
	}
}

// TestSlow: a server that falls silent is not waited for, and one that goes on
// for ever is given up in the end.
func TestSlow(t *testing.T) {
	s := newSiege(t)
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	dripping := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
	})
	web := serve(t, silent)
	quick := source(t, web.Name(), 20*time.Millisecond)
	store := s.copy(t)
	if _, err := store.Sync(context.Background(), options(s.key, quick)); err == nil || !strings.Contains(err.Error(), "20ms without a byte") {
		t.Errorf("silent: %v", err)
	}
	patient := serve(t, dripping)
	patient.Total = 60 * time.Millisecond
	if _, err := store.Sync(context.Background(), options(s.key, patient)); err == nil || !strings.Contains(err.Error(), "not read within 60ms") {
		t.Errorf("dripping: %v", err)
	}
	whole(t, store, s.old.Digest)
}
