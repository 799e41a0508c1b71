package cmd

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestInterrupted: whoever is interrupted by a signal, which names itself as the
// cause, is told that and what is kept, with one exit status.
func TestInterrupted(t *testing.T) {
	p := newPublication(t)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"sync", []string{"kb", "sync", "URL", "--key", p.key}, "thamos: interrupted; the knowledge base stays what it was, and what was read of a new one is kept"},
		{"refresh", []string{"kb", "refresh", "--project", "click"}, "thamos: interrupted before anything was learnt\n"},
		{"refresh of advisories", []string{"kb", "refresh", "--project", "click", "--osv", "osv"}, "thamos: interrupted; what 0 projects and 1 source said is kept, with 1 change: `thamos kb events --since 2026-11-25T12:00:00Z`\n"},
		{"build", []string{"kb", "build", "--projects", "requirements.in", "-o", "new.db"}, "thamos: interrupted; what was read is kept"},
		{"provenance", []string{"provenance-check", "requirements.txt", "--online"}, "interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _, stderr := testEnv(t, map[string]string{
				"requirements.in": "click\n", "requirements.txt": "click==8.1.0 --hash=sha256:" + strings.Repeat("0", 64) + "\n",
				"osv/a.json": `{"id": "PYSEC-2026-1", "modified": "2026-02-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "click"}, "versions": ["8.1.0"]}]}`,
			})
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				cancel(errors.New("interrupt signal received"))
				<-r.Context().Done()
			}))
			defer server.Close()
			vars := map[string]string{"PIP_INDEX_URL": server.URL, "PIP_CONFIG_FILE": os.DevNull}
			env.Getenv = func(key string) string { return vars[key] }
			for i, a := range c.args {
				if a == "URL" {
					c.args[i] = server.URL
				}
			}
			exit := Main(ctx, env, c.args)
			text := stderr.String()
			if exit != exitRefused || !strings.Contains(text, c.want) || strings.Contains(text, "signal received") || strings.Contains(text, "canceled") {
				t.Errorf("exit status %d\n%s", exit, text)
			}
		})
	}
}
