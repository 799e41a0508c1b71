package cmd

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/thamos/thamos/solver/solvertest"
)

// interruptedAt serves an index, and interrupts when a project is asked for.
func interruptedAt(t testing.TB, project string, interrupt func(), dists ...solvertest.Dist) string {
	t.Helper()
	behind, err := url.Parse(distIndex(t, dists...))
	if err != nil {
		t.Fatal(err)
	}
	behind.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/simple/"+project) {
			interrupt()
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/simple"
}

// TestLearnInterrupted: what was learnt before is kept, and told; the rest waits.
func TestLearnInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	index := interruptedAt(t, "b", interrupt, solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": ""}})
	env, stdout, stderr := learnEnv(t, t.TempDir(), index)
	if exit := Main(ctx, env, []string{"learn", "--engine", "none", "a", "b"}); exit != exitRefused {
		t.Errorf("exit %d", exit)
	}
	if !strings.Contains(stdout.String(), "a==1") {
		t.Errorf("what was learnt is not told: %s", stdout)
	}
	want := "thamos: interrupted: 1 document of what was learnt kept, 1 thing left in the queue; `thamos learn --unresolved` goes on\n"
	if got := stderr.String(); !strings.HasSuffix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestInspectInterrupted: nothing is kept of what did not end.
func TestInspectInterrupted(t *testing.T) {
	needEngine(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	env, _, stderr := learnEnv(t, t.TempDir(), interruptedAt(t, "b", interrupt))
	if exit := Main(ctx, env, []string{"inspect", "b", "--", "python"}); exit != exitRefused {
		t.Errorf("exit %d", exit)
	}
	if got := stderr.String(); got != "thamos: interrupted: nothing of the inspection was recorded\n" {
		t.Errorf("%s", got)
	}
}
