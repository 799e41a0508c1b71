package ingest

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

func TestIndexesDownload(t *testing.T) {
	text := bytes.Repeat([]byte("wheel"), 1000)
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/files/good.whl":
			_, _ = w.Write(text)
		case "/files/flaky.whl": // is cut the first time
			if tries++; tries == 1 {
				w.Header().Set("Content-Length", "5000")
				_, _ = w.Write(text[:100])
				return
			}
			_, _ = w.Write(text)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	links := t.TempDir()
	if err := os.WriteFile(filepath.Join(links, "local.whl"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := NewIndexes([]IndexSpec{{URL: server.URL + "/simple"}}, nil, []string{links}, ClientOptions{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	sum := hexSHA256(text)
	index := server.URL + "/simple"
	for _, c := range []struct {
		name   string
		origin string
		file   py.File
		limit  int64
		want   error
	}{
		{"good", index, py.File{Filename: "good.whl", SHA256: sum}, 5000, nil},
		{"without a hash", index, py.File{Filename: "good.whl"}, 5000, nil},
		{"flaky", index, py.File{Filename: "flaky.whl", SHA256: sum}, 5000, nil},
		{"local", fileURL(links), py.File{Filename: "local.whl", SHA256: sum}, 5000, nil},
		{"other", index, py.File{Filename: "good.whl", SHA256: sum[1:] + "0"}, 5000, ErrHash},
		{"other local", fileURL(links), py.File{Filename: "local.whl", SHA256: sum[1:] + "0"}, 5000, ErrHash},
		{"large", index, py.File{Filename: "good.whl"}, 4999, ErrTooLarge},
		{"large by its own words", index, py.File{Filename: "good.whl", Size: 5001}, 5000, ErrTooLarge},
		{"large local", fileURL(links), py.File{Filename: "local.whl"}, 4999, ErrTooLarge},
		{"absent", index, py.File{Filename: "none.whl"}, 5000, ErrAbsent},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			to := filepath.Join(dir, "x.whl")
			c.file.URL = server.URL + "/files/" + c.file.Filename
			got, size, err := x.Download(t.Context(), c.origin, c.file, to, c.limit)
			if !errors.Is(err, c.want) {
				t.Fatal(err)
			}
			there, _ := os.ReadDir(dir)
			if c.want != nil {
				if len(there) != 0 {
					t.Errorf("something was left: %v", there)
				}
				return
			}
			if read, err := os.ReadFile(to); err != nil || !bytes.Equal(read, text) || got != sum || size != 5000 || len(there) != 1 {
				t.Errorf("%d bytes, %v, sum %s, size %d, %v", len(read), err, got, size, there)
			}
		})
	}
	if _, _, err := x.Download(t.Context(), "https://elsewhere.example/simple", py.File{Filename: "x.whl"}, filepath.Join(t.TempDir(), "x"), 1); err == nil {
		t.Error("a file of an index that is not ours")
	}
}
