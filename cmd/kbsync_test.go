package cmd

import (
	"bytes"
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/sync"
)

// A publication is a folder to serve, and the key that it is signed with.
type publication struct{ dir, key string }

// newPublication publishes a small knowledge base.
func newPublication(t *testing.T) publication {
	t.Helper()
	private, verifier, err := sync.Keygen("kb.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sync.ParseSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	p := publication{t.TempDir(), verifier}
	_, err = sync.Publish(context.Background(), sync.PublishOptions{
		From: manyProjects(t, 5, 0), To: p.dir, Signers: []sync.Signer{signer}, Now: time.Date(2026, 11, 25, 11, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSyncConnections: a publication is read with the certificates, logins and
// proxies that indexes are read with.
func TestSyncConnections(t *testing.T) {
	p := newPublication(t)
	files := http.FileServer(http.Dir(p.dir))
	login := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "team" || password != "s3cret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	secure := httptest.NewTLSServer(login(files))
	defer secure.Close()
	plain := httptest.NewServer(files)
	defer plain.Close()
	down := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
	}))
	defer down.Close()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, down.URL+r.URL.Path, http.StatusFound)
	}))
	defer up.Close()
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	netrc := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(netrc, []byte("machine 127.0.0.1 login team password s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(secure.URL, "://", "://team:${PASSWORD}@", 1)
	for _, c := range []struct {
		name, url string
		vars      map[string]string
		want      string // in the message, or else it works
	}{
		{"plain", plain.URL, nil, ""},
		{"strange certificate", secure.URL, nil, "certificate"},
		{"no login", secure.URL, map[string]string{"PIP_CERT": certificate}, "answered 401"},
		{"netrc", secure.URL, map[string]string{"PIP_CERT": certificate, "NETRC": netrc}, ""},
		{"variable", with, map[string]string{"PIP_CERT": certificate, "PASSWORD": "s3cret"}, ""},
		{"wrong password", with, map[string]string{"PIP_CERT": certificate, "PASSWORD": "guess"}, "answered 401"},
		{"no such variable", with, map[string]string{"PIP_CERT": certificate}, "the environment has no PASSWORD"},
		{"proxy", "http://kb.example", map[string]string{"HTTP_PROXY": plain.URL}, ""},
		{"proxy of pip", "http://kb.example", map[string]string{"PIP_PROXY": plain.URL}, ""},
		{"from https to http", down.URL, map[string]string{"PIP_CERT": certificate}, "redirects from https to http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, stdout, stderr := testEnv(t, nil)
			env.Getenv = func(key string) string {
				return map[string]string{"PIP_CONFIG_FILE": os.DevNull, "PIP_CERT": c.vars["PIP_CERT"], "NETRC": c.vars["NETRC"], "PASSWORD": c.vars["PASSWORD"],
					"HTTP_PROXY": c.vars["HTTP_PROXY"], "PIP_PROXY": c.vars["PIP_PROXY"]}[key]
			}
			exit := Main(context.Background(), env, []string{"kb", "sync", c.url, "--key", p.key})
			said := stdout.String() + stderr.String()
			switch {
			case c.want == "" && (exit != exitOK || !strings.Contains(stdout.String(), "synced: ")):
				t.Errorf("exit status %d\n%s", exit, said)
			case c.want != "" && (exit == exitOK || !strings.Contains(stderr.String(), c.want)):
				t.Errorf("exit status %d, want %q\n%s", exit, c.want, said)
			case strings.Contains(said, "s3cret") || strings.Contains(said, "guess"):
				t.Errorf("a password is shown: %s", said)
			}
			record, _ := os.ReadFile(filepath.Join(env.DataDir, "kb", "active.json"))
			if bytes.Contains(record, []byte("s3cret")) {
				t.Error("a password is stored")
			}
		})
	}
}

// TestSyncLeavesLocalKnowledge: whatever is synced, what this machine learnt stays.
func TestSyncLeavesLocalKnowledge(t *testing.T) {
	p := newPublication(t)
	env, stdout, stderr := testEnv(t, nil)
	local, err := kb.OpenLocal(context.Background(), localFile(env))
	if err != nil {
		t.Fatal(err)
	}
	if err := local.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(localFile(env))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"kb", "sync", p.dir, "--key", p.key},
		{"kb", "sync", manyProjects(t, 6, 0), "--allow-unsigned"},
		{"kb", "rollback"}, {"kb", "gc"}, {"kb", "verify"}, {"kb", "status"},
	} {
		if exit := Main(context.Background(), env, args); exit != exitOK {
			t.Fatalf("%q: exit status %d\n%s%s", args, exit, stdout, stderr)
		}
	}
	if after, _ := os.ReadFile(localFile(env)); !bytes.Equal(after, before) {
		t.Error("local knowledge was changed")
	}
	if !strings.Contains(stdout.String(), "local knowledge") || !strings.Contains(stdout.String(), "kb.example serial 1") {
		t.Errorf("%s", stdout)
	}
}

// TestCheckAge: who has old knowledge is told so once, or refused if that was
// asked for.
func TestCheckAge(t *testing.T) {
	env, _, _ := testEnv(t, nil)
	ago := func(days int) int64 { return env.Now().Add(-time.Duration(days) * 24 * time.Hour).Unix() }
	for _, c := range []struct {
		name              string
		built, advisories int64
		days              int // of the settings
		max               string
		note, refused     bool
	}{
		{name: "new", built: ago(1), advisories: ago(1)},
		{name: "old", built: ago(8), advisories: ago(1), note: true},
		{name: "the boot says so", built: ago(8), advisories: ago(8)},
		{name: "the boot says that there are none", built: ago(8)},
		{name: "old enough for the settings", built: ago(8), advisories: ago(1), days: 30},
		{name: "never too old", built: ago(800), advisories: ago(1), days: -1},
		{name: "allowed", built: ago(6), advisories: ago(1), max: "7d"},
		{name: "refused", built: ago(8), advisories: ago(1), max: "7d", refused: true},
		{name: "refused whatever the settings", built: ago(8), days: -1, max: "150h", refused: true},
		{name: "of tomorrow", built: ago(-1), advisories: ago(1), max: "0d"},
	} {
		note, err := checkAge(env, opened{name: "x"}, kb.Info{Built: c.built, AdvisoriesAt: c.advisories}, freshOptions{maxAge: c.max}, c.days)
		if (note != "") != c.note || (err != nil) != c.refused || err != nil && status(err) != exitUnknown {
			t.Errorf("%s: note %q, %v", c.name, note, err)
		}
	}
}

// TestAutoSync: advise asks at most once a day, or when an update is due.
func TestAutoSync(t *testing.T) {
	p := newPublication(t)
	asked := 0
	files := http.FileServer(http.Dir(p.dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": "p1\n"})
	env.HomeDir = t.TempDir()
	config := userConfigFile(env)
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("[kb]\nsources = ['"+server.URL+"']\nkeys = ['"+p.key+"']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := env.Now()
	env.Now = func() time.Time { return now }
	advise := func(more ...string) (requests int) {
		t.Helper()
		before := asked
		args := append(append([]string{"advise", "-o", "-", "--dry-run"}, targetFlags...), more...)
		Main(context.Background(), env, args) // what comes of it is another matter
		return asked - before
	}
	for _, c := range []struct {
		name     string
		after    time.Duration
		flags    []string
		requests bool
	}{
		{"never by itself", 0, nil, false},
		{"at first", 0, []string{"--auto-sync"}, true},
		{"soon after", time.Hour, []string{"--auto-sync"}, false},
		{"when it is due", 22*time.Hour + time.Minute, []string{"--auto-sync"}, true},
		{"due, and nobody wants it", 48 * time.Hour, nil, false},
	} {
		now = now.Add(c.after)
		if n := advise(c.flags...); (n > 0) != c.requests {
			t.Errorf("%s: %d requests\n%s%s", c.name, n, stdout, stderr)
		}
	}
}
