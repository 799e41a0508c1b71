package cmd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/kb/sync"
)

// killedSync is set in the process that TestKilledSync kills: the directory that
// it works in.
const killedSync = "THAMOS_TEST_KILLED_SYNC"

// TestKilledSync: a sync that is killed at any moment leaves a whole knowledge
// base, the old one or the new one, and the next sync goes on from there.
func TestKilledSync(t *testing.T) {
	if dir := os.Getenv(killedSync); dir != "" {
		env, _, _ := killedEnv(t, dir)
		os.Exit(Main(context.Background(), env, strings.Fields(os.Getenv(killedSync+"_ARGS"))))
	}
	public := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(public)))
	defer server.Close()
	private, verifier, err := sync.Keygen("kb.example")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(public, "kb.key")
	if err := os.WriteFile(key, []byte(private), 0o600); err != nil {
		t.Fatal(err)
	}
	publish := func(changed int) string {
		env, stdout, stderr := testEnv(t, nil)
		db := manyProjects(t, 1500, changed)
		if exit := Main(context.Background(), env, []string{"kb", "publish", "--from", db, "--to", public, "--key", key}); exit != exitOK {
			t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
		}
		return digestOf(t, db)
	}
	args := []string{"kb", "sync", server.URL, "--key", verifier}
	run := func(dir string, args []string) {
		t.Helper()
		env, stdout, stderr := killedEnv(t, dir)
		if exit := Main(context.Background(), env, args); exit != exitOK {
			t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
		}
	}
	old := publish(0)
	inSync := t.TempDir() // with the old one
	run(inSync, args)
	now := publish(9)
	chance := rand.New(rand.NewPCG(6, 2))
	ends := map[string]int{}
	killed := 0
	for i := range 50 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(inSync)); err != nil {
			t.Fatal(err)
		}
		store := sync.Store{Dir: filepath.Join(dir, "data", "kb")}
		these := args
		if i%2 == 1 {
			these = append(args[:len(args):len(args)], "--base-only")
		}
		c := exec.Command(os.Args[0], "-test.run=^TestKilledSync$")
		c.Env = append(os.Environ(), killedSync+"="+dir, killedSync+"_ARGS="+strings.Join(these, " "))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(chance.IntN(200)) * time.Millisecond)
		_ = c.Process.Kill() // it may be over
		var exit *exec.ExitError
		if err := c.Wait(); errors.As(err, &exit) && exit.ExitCode() < 0 {
			killed++
		}
		d, _, err := store.Open(context.Background())
		if err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		if err := errors.Join(d.Verify(context.Background()), d.CheckIntegrity(context.Background())); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		switch d.Digest() {
		case old:
			ends["old"]++
		case now:
			ends["new"]++
		default:
			t.Fatalf("run %d: neither the old nor the new one", i)
		}
		d.Close()
		run(dir, these)
		if d, _, err = store.Open(context.Background()); err != nil || d.Digest() != now {
			t.Fatalf("run %d: the next sync: %v", i, err)
		}
		d.Close()
		if left, _ := filepath.Glob(filepath.Join(store.Dir, ".*")); len(left) > 0 {
			t.Errorf("run %d: left: %q", i, left)
		}
	}
	t.Logf("%d of 50 runs were killed before their end; %v", killed, ends)
	if killed == 0 || ends["old"] == 0 { // how many depends on the machine; none would test nothing
		t.Errorf("no sync was killed before its end: this tests nothing")
	}
}

// manyProjects writes a knowledge base, of which so many projects have a release
// more.
func manyProjects(t *testing.T, projects, changed int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kb.db")
	w, err := kb.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for p := range projects {
		l := kb.Listing{Name: py.Name(fmt.Sprintf("p%d", p))}
		for v := range 6 {
			if v == 5 && p >= changed {
				continue
			}
			version, err := py.ParseVersion(fmt.Sprintf("%d.0", v))
			if err != nil {
				t.Fatal(err)
			}
			l.Versions = append(l.Versions, version)
			l.Metadata = append(l.Metadata, py.Metadata{Name: string(l.Name), Version: version, RequiresDist: []string{fmt.Sprintf("p%d>=%d", (p*31+v)%projects, v)}})
		}
		if err := w.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(kb.Info{Built: 1_700_000_000}); err != nil {
		t.Fatal(err)
	}
	return file
}

func digestOf(t *testing.T, file string) string {
	t.Helper()
	d, err := kb.Open(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	return d.Digest()
}
