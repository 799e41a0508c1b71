package cmd

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// A loopback is an index on the loopback interface that serves a file system in
// the layout of pypi.zip: listings, and beside each wheel the metadata of its
// release where that was saved. The files themselves it does not have.
type loopback struct {
	*httptest.Server
	files fs.FS

	user, password string // wanted if set

	mu       sync.Mutex
	requests int
	paths    []string
}

func newLoopback(t testing.TB, files fs.FS) *loopback {
	t.Helper()
	lb := &loopback{files: files}
	lb.Server = httptest.NewServer(lb)
	t.Cleanup(lb.Close)
	return lb
}

func (lb *loopback) simple() string { return lb.URL + "/simple" }

// withLogin is the URL of the index with the login it wants.
func (lb *loopback) withLogin() string {
	return strings.Replace(lb.simple(), "://", "://"+lb.user+":"+lb.password+"@", 1)
}

func (lb *loopback) count() int {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return lb.requests
}

func (lb *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lb.mu.Lock()
	lb.requests++
	lb.paths = append(lb.paths, r.URL.Path)
	lb.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != lb.user || password != lb.password {
		w.Header().Set("WWW-Authenticate", `Basic realm="index"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	name := strings.Trim(r.URL.Path, "/")
	switch dir, base := path.Split(name); {
	case strings.HasPrefix(dir, "simple/") || dir == "simple/":
		data, err := fs.ReadFile(lb.files, path.Join(name, "index.json"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		_, _ = w.Write(data)
	case strings.HasSuffix(base, ".metadata"):
		wheel, err := py.ParseWheelName(strings.TrimSuffix(base, ".metadata"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		data, err := fs.ReadFile(lb.files, path.Join("metadata", string(wheel.Name), wheel.Version.String()))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	default:
		http.NotFound(w, r)
	}
}
