package cmd

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
)

// TestOnlineFaults: of an index that does something wrong with one project the
// user is told what, no lock is written, and nothing is taken for absent: the
// same command finishes once the index is well. What was known before an index
// fell ill still counts.
func TestOnlineFaults(t *testing.T) {
	index := newLoopback(t, twoProjects("1.0", "lib"))
	var fault atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ill := fault.Load(); ill != nil && strings.HasPrefix(r.URL.Path, "/simple/lib") {
			(*ill)(w, r)
			return
		}
		index.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	empty := filepath.Join(t.TempDir(), "empty.db")
	emptyKB(t, empty, kb.Info{Built: 1, Origin: server.URL + "/simple"})
	for _, c := range []struct {
		name, want string
		ill        http.HandlerFunc
	}{
		{"401", "answered 401 Unauthorized (it wants other credentials", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }},
		{"429", "answered 429 Too Many Requests (it asks to wait 1h0m0s)", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}},
		{"a redirect loop", "more than 10 redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }},
		{"a huge body", "larger than 67108864 bytes", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1099511627776")
		}},
		{"a picture", "serves neither PEP 691 JSON nor PEP 503 HTML", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", "image/png") }},
		{"metadata with another hash", "the index announced " + strings.Repeat("0", 64), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			page, _ := fs.ReadFile(index.files, "simple/lib/index.json")
			fmt.Fprint(w, strings.Replace(string(page), `"core-metadata": true`, `"core-metadata": {"sha256": "`+strings.Repeat("0", 64)+`"}`, 1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, stdout, stderr := testEnv(t, map[string]string{"x.in": "app\n"})
			env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
			run := func(flags ...string) (exit int, lock string) {
				stdout.Reset()
				stderr.Reset()
				args := append([]string{"advise", "x.in", "--kb", empty}, targetFlags...)
				exit = Main(context.Background(), env, append(args, flags...))
				text, _ := os.ReadFile(filepath.Join(env.Dir, "x.txt"))
				return exit, string(text)
			}
			fault.Store(&c.ill)
			exit, lock := run("--online")
			if exit != exitUnknown || lock != "" || stdout.Len() > 0 || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit status %d\n%s%s%s\nwant\n%s", exit, lock, stdout, stderr, c.want)
			}
			if got := localDocuments(t, env); strings.Contains(got, "absent") || strings.Contains(got, "metadata lib") || !strings.Contains(got, "metadata app") {
				t.Errorf("local knowledge is\n%s", got)
			}

			fault.Store(nil)
			exit, well := run("--online")
			if exit != exitOK || !strings.Contains(well, "lib==1.0") {
				t.Errorf("well again: exit status %d\n%s%s", exit, well, stderr)
			}
			whole := localDocuments(t, env)

			if c.name == "metadata with another hash" {
				return // it is known, and need not be read again
			}
			later := env.Now().Add(time.Hour)
			env.Now = func() time.Time { return later }
			fault.Store(&c.ill)
			exit, lock = run("--online", "--refresh")
			if exit != exitOK || lock != well || !strings.Contains(stderr.String(), "what was known before counts") || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("ill again: exit status %d\n%s\nwant\n%s\n%s", exit, lock, well, stderr)
			}
			if got := localDocuments(t, env); got != whole {
				t.Errorf("local knowledge is\n%swant\n%s", got, whole)
			}
		})
	}
}

// localDocuments reads all of local knowledge, as the next process does: what
// each document says on a line.
func localDocuments(t *testing.T, env *Env) string {
	t.Helper()
	local, err := kb.OpenLocal(context.Background(), localFile(env))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	var lines strings.Builder
	err = local.Documents(context.Background(), func(d kb.Document) error {
		fmt.Fprintf(&lines, "%s %s %q", d.Kind, d.Project, d.Metadata)
		if d.Listing != nil {
			for _, f := range d.Listing.Files {
				fmt.Fprintf(&lines, " %s %s", f.Filename, f.SHA256)
			}
		}
		lines.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return lines.String()
}
