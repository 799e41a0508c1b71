package cmd

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
)

// killedRun is set in the process that TestConformanceKilledOnline kills: its arguments
// for Main are behind the flags of the test binary.
const killedRun = "THAMOS_TEST_KILLED_RUN"

// TestConformanceKilledOnline: a run that is killed at any moment leaves whole knowledge,
// on which the next one goes on and finishes with the same lock.
func TestConformanceKilledOnline(t *testing.T) {
	if dir := os.Getenv(killedRun); dir != "" {
		env, _, _ := killedEnv(t, dir)
		env.CacheDir = ""
		os.Exit(Main(context.Background(), env, killedArgs(os.Getenv(killedRun+"_KB"))))
	}
	index := newLoopback(t, kbtest.Zip(t, "pypi.zip"))
	empty := filepath.Join(t.TempDir(), "empty.db")
	emptyKB(t, empty, kb.Info{Built: 1, Origin: index.simple()})
	temporary := t.TempDir()
	want := ""
	chance := rand.New(rand.NewPCG(4, 2))
	killed := 0
	moments := 30
	if raced {
		moments = 5
	}
	for i := range 1 + moments {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "requirements.in"), []byte("jupyterlab\npandas\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // the first run is left alone, for what is wanted
			c := exec.Command(os.Args[0], "-test.run=^TestConformanceKilledOnline$")
			// Who is killed does not tidy up: its temporary files lie in ours.
			c.Env = append(os.Environ(), killedRun+"="+dir, killedRun+"_KB="+empty, "TMPDIR="+temporary, "TMP="+temporary, "GOTMPDIR="+temporary)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(chance.IntN(500)) * time.Millisecond)
			_ = c.Process.Kill() // it may be over
			var exit *exec.ExitError
			if err := c.Wait(); errors.As(err, &exit) && exit.ExitCode() < 0 {
				killed++
			}
		}
		env, stdout, stderr := killedEnv(t, dir)
		if exit := Main(context.Background(), env, killedArgs(empty)); exit != exitOK {
			t.Fatalf("run %d: exit status %d\n%s%s", i, exit, stdout, stderr)
		}
		lock, err := os.ReadFile(filepath.Join(dir, "requirements.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = string(lock)
		}
		if string(lock) != want {
			t.Errorf("run %d: another lock", i)
		}
		local, err := kb.OpenLocal(context.Background(), localFile(env))
		if err != nil {
			t.Fatal(err)
		}
		err = local.Documents(context.Background(), func(kb.Document) error { return nil })
		if err := errors.Join(err, local.Close()); err != nil {
			t.Errorf("run %d: %v", i, err)
		}
	}
	t.Logf("%d of %d runs were killed before their end", killed, moments)
	if killed == 0 { // how many depends on the machine; none would test nothing
		t.Errorf("no run was killed before its end: this tests nothing")
	}
}

// killedEnv is an Env in a directory that outlives it, with no index but the
// knowledge base's origin.
func killedEnv(t *testing.T, dir string) (env *Env, stdout, stderr *bytes.Buffer) {
	env, stdout, stderr = testEnv(t, nil)
	env.Dir, env.DataDir = dir, filepath.Join(dir, "data")
	env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
	return env, stdout, stderr
}

func killedArgs(empty string) []string {
	return append([]string{"advise", "requirements.in", "--online", "--only-binary", ":all:", "--kb", empty}, targetFlags...)
}
