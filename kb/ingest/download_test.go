package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// download reads a file of a handler into memory, from what is there of it.
func download(t *testing.T, h http.HandlerFunc, there, mark, userinfo string) (got, marked string, err error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	clock := newClock()
	c, err := NewClient(ClientOptions{
		Index: strings.Replace(server.URL, "://", "://"+userinfo, 1) + "/base", Now: clock.Now, Sleep: clock.Sleep, Timeout: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, marked = there, mark
	err = c.Download(context.Background(), Download{
		Name: "v1/file", Limit: 10, At: int64(len(there)), Validator: mark,
		Begin: func(m string) error { got, marked = "", m; return nil },
		Write: func(p []byte) error { got += string(p); return nil },
	})
	return got, marked, err
}

func TestDownload(t *testing.T) {
	const text = "0123456789"
	whole := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"a"`); w.Write([]byte(text)) }
	part := func(w http.ResponseWriter, from int, said string) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %s-9/10", said))
		w.WriteHeader(http.StatusPartialContent)
		w.Write([]byte(text[from:]))
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	once := func(first, then http.HandlerFunc) http.HandlerFunc {
		n := 0
		return func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				first(w, r)
				return
			}
			then(w, r)
		}
	}
	for _, c := range []struct {
		name        string
		handler     http.HandlerFunc
		there, mark string
		want        string // error, or else the whole text comes
	}{
		{name: "whole", handler: whole},
		{name: "part", there: "0123", mark: `"a"`, handler: func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "bytes=4-" || r.Header.Get("If-Range") != `"a"` {
				t.Errorf("asked for %q if %q", r.Header.Get("Range"), r.Header.Get("If-Range"))
			}
			part(w, 4, "4")
		}},
		{name: "the file has changed", there: "abcd", mark: `"b"`, handler: whole},
		{name: "another part", there: "0123", handler: once(func(w http.ResponseWriter, _ *http.Request) { part(w, 5, "5") }, whole)},
		{name: "no such part", there: "0123", handler: once(status(http.StatusRequestedRangeNotSatisfiable), whole)},
		{name: "busy", handler: once(status(http.StatusServiceUnavailable), whole)},
		{name: "part that nobody asked for", handler: func(w http.ResponseWriter, _ *http.Request) { part(w, 0, "0") }, want: "answered 206"},
		{name: "too long", handler: func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text + "x")) }, want: "larger than 10 bytes"},
		{name: "too long, in pieces", handler: func(w http.ResponseWriter, _ *http.Request) {
			for range 11 {
				w.Write([]byte("x"))
				w.(http.Flusher).Flush()
			}
		}, want: "larger than 10 bytes"},
		{name: "absent", handler: http.NotFound, want: "/base/v1/file: the index has none"},
		{name: "web page", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(text))
		}, want: "a web page came instead"},
		{name: "wait for long", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", strconv.Itoa(3600))
			w.WriteHeader(http.StatusTooManyRequests)
		}, want: "it asks to wait 1h0m0s"},
		{name: "to a file", handler: http.RedirectHandler("file:///etc/passwd", http.StatusFound).ServeHTTP, want: "not http"},
		{name: "to nowhere", handler: status(http.StatusFound), want: "redirects to no URL"},
		{name: "silence", handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: "no answer in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := download(t, c.handler, c.there, c.mark, "")
			if c.want == "" && (err != nil || got != text) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestDownloadKeepsSecrets: a password goes to the host that it is for, and into
// no error.
func TestDownloadKeepsSecrets(t *testing.T) {
	leaked := ""
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked += r.Header.Get("Authorization")
		w.Write([]byte("x"))
	}))
	defer stranger.Close()
	asked := ""
	got, _, err := download(t, func(w http.ResponseWriter, r *http.Request) {
		asked, _, _ = r.BasicAuth()
		http.Redirect(w, r, stranger.URL, http.StatusFound)
	}, "", "", "user:secret@")
	if err != nil || got != "x" || asked != "user" || leaked != "" {
		t.Errorf("%v, %q; asked by %q, told a stranger %q", err, got, asked, leaked)
	}
	_, _, err = download(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "", "", "user:secret@")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	disk := errors.New("the disk is full")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) }))
	defer server.Close()
	c := client(t, server.URL, "")
	err = c.Download(context.Background(), Download{Name: "x", Limit: 9, Begin: func(string) error { return nil }, Write: func([]byte) error { return disk }})
	if !errors.Is(err, disk) {
		t.Errorf("%v", err)
	}
}
