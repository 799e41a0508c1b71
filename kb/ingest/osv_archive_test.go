package ingest

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
)

// archive zips records by file name.
func archive(t *testing.T, records map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range records {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func osvText(id, modified, more string) string {
	return fmt.Sprintf(`{"id": %q, "modified": %q%s, "affected": [{"package": {"ecosystem": "PyPI", "name": "a"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]}]}`, id, modified, more)
}

func TestFetchOSV(t *testing.T) {
	text := archive(t, map[string]string{
		"x/PYSEC-1.json": osvText("PYSEC-1", "2026-01-01T00:00:00Z", ""),
		"x/PYSEC-2.json": osvText("PYSEC-2", "2026-01-02T00:00:00Z", `, "withdrawn": "2026-01-02T00:00:00Z"`),
		"y/PYSEC-2.json": osvText("PYSEC-2", "2026-01-01T00:00:00Z", ""), // an older text
		"y/broken.json":  "{",
	})
	answer := func(w http.ResponseWriter, r *http.Request) {}
	lb := newLoopback(t, nil)
	var conditions []string
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		conditions = append(conditions, r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since"))
		answer(w, r)
		return true
	})
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", day, bytes.NewReader(text))
	}
	clock := newClock()
	o := ClientOptions{Now: clock.Now, Sleep: clock.Sleep}
	url := strings.Replace(lb.URL, "://", "://me:secret@", 1) + "/all.zip"

	answer = serve
	got, err := FetchOSV(t.Context(), url, Validators{}, o)
	if err != nil || len(got.Advisories) != 1 || got.Advisories[0].ID != "PYSEC-1" || got.Requests != 1 || len(got.Report.Faults) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if diff := cmp.Diff([]kb.Withdrawn{{ID: "PYSEC-2", Modified: 1767312000}}, got.Withdrawn); diff != "" {
		t.Error(diff)
	}
	again, err := FetchOSV(t.Context(), url, got.Validators, o)
	if err != nil || !again.NotModified || again.Advisories != nil || again.Validators != got.Validators {
		t.Errorf("%+v, %v", again, err)
	}
	if diff := cmp.Diff([]string{"", `"v1"`}, conditions); diff != "" {
		t.Errorf("conditions %s", diff)
	}
	for name, bad := range map[string]http.HandlerFunc{
		"404":         http.NotFound,
		"403":         func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"500":         func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusInternalServerError) },
		"304 unasked": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) },
		"a page":      func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>log in</html>") },
		"cut":         func(w http.ResponseWriter, r *http.Request) { w.Write(text[:len(text)/2]) },
		"empty zip":   func(w http.ResponseWriter, r *http.Request) { w.Write(archive(t, nil)) },
		"no record":   func(w http.ResponseWriter, r *http.Request) { w.Write(archive(t, map[string]string{"a.json": "[]"})) },
		"too long": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(maxArchive+1))
		},
		"too many entries": func(w http.ResponseWriter, r *http.Request) {
			w.Write(bytes.Repeat([]byte("PK\x01\x02"), maxArchiveEntries+1))
		},
	} {
		answer = bad
		got, err := FetchOSV(t.Context(), url, Validators{}, o)
		if name == "too many entries" && (err == nil || !strings.Contains(err.Error(), "more than 1000000 files")) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil || len(got.Advisories) > 0 || strings.Contains(err.Error(), "secret") || errors.Is(err, ErrAbsent) != (name == "404") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestReadOSVFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "all.zip")
	put := func(modified string) {
		if err := os.WriteFile(file, archive(t, map[string]string{"a.json": osvText("PYSEC-1", modified, "")}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("2026-01-01T00:00:00Z")
	first, err := ReadOSVFile(t.Context(), file, Validators{})
	if err != nil || len(first.Advisories) != 1 {
		t.Fatal(err)
	}
	if same, err := ReadOSVFile(t.Context(), file, first.Validators); err != nil || !same.NotModified {
		t.Errorf("%+v, %v", same, err)
	}
	put("2026-02-01T00:00:00Z")
	if other, err := ReadOSVFile(t.Context(), file, first.Validators); err != nil || other.NotModified || len(other.Advisories) != 1 {
		t.Errorf("%+v, %v", other, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte(osvText("PYSEC-2", "2026-01-01T00:00:00Z", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if tree, err := ReadOSVFile(t.Context(), dir, Validators{}); err != nil || len(tree.Advisories) != 1 || tree.Validators != (Validators{}) {
		t.Errorf("a directory: %+v, %v", tree, err)
	}
	if _, err := ReadOSVFile(t.Context(), filepath.Join(dir, "none"), Validators{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
