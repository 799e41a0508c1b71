package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/journal"
	"github.com/thamos/thamos/solver/livetest"
	"github.com/thamos/thamos/solver/solvertest"
)

// needEngine skips a test where there is no container engine, with the reason,
// or fails it where there must be one.
func needEngine(t testing.TB) solver.Options {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	o := solver.Options{
		Look: exec.LookPath, Env: os.Environ(), Temp: t.TempDir(), Owner: "probe",
		Token: func() string { return "probe" + strconv.FormatUint(rand.Uint64(), 36) },
	}
	if _, err := livetest.Open(t.Context(), o, shell); err != nil {
		if os.Getenv(livetest.Require) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return o
}

// distIndex serves distributions as an index on the loopback interface.
func distIndex(t testing.TB, dists ...solvertest.Dist) string {
	t.Helper()
	dir := t.TempDir()
	if err := solvertest.WriteIndex(dir, dists...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Clean(r.URL.Path)
		if path.Dir(name) == "/simple" {
			name += ".json"
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		}
		http.ServeFile(w, r, filepath.Join(dir, filepath.FromSlash(name)))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/simple"
}

// learnEnv is the world as it is, with an index and a data directory of the test's.
func learnEnv(t testing.TB, dir, index string) (env *Env, stdout, stderr *bytes.Buffer) {
	env, stdout, stderr = testEnv(t, nil)
	env.Dir, env.DataDir, env.Now = dir, filepath.Join(dir, "data"), time.Now
	env.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	own := map[string]string{"PIP_CONFIG_FILE": os.DevNull, "PIP_INDEX_URL": index, "THAMOS_IMAGE": livetest.Image}
	env.Getenv = func(key string) string {
		if v, ok := own[key]; ok {
			return v
		}
		if strings.HasPrefix(key, "PIP_") {
			return ""
		}
		return os.Getenv(key)
	}
	return env, stdout, stderr
}

// killedLearn is set in the process that TestKilledLearn kills.
const killedLearn = "THAMOS_TEST_KILLED_LEARN"

// fullDepth has the slow tests of containers run at full depth.
const fullDepth = "THAMOS_LEARN_FULL"

// TestKilledLearn: a client that is killed at any moment leaves no container
// behind the next run, and what it was to learn is learnt exactly once.
func TestKilledLearn(t *testing.T) {
	if dir := os.Getenv(killedLearn); dir != "" {
		env, _, _ := learnEnv(t, dir, os.Getenv(killedLearn+"_INDEX"))
		os.Exit(Main(context.Background(), env, []string{"learn", os.Getenv(killedLearn + "_WHAT")}))
	}
	o := needEngine(t)
	if testing.Short() || raced {
		t.Skip("what is killed is the same with the race detector")
	}
	index := distIndex(t,
		solvertest.Dist{Name: "slow-thing", Version: "1.0", Files: map[string]string{"slow_thing.py": "import time\ntime.sleep(0.5)\n"}},
		// What hangs outlives whoever started it, unless it is ended.
		solvertest.Dist{Name: "hanging-thing", Version: "1.0", Files: map[string]string{"hanging_thing.py": "import time\ntime.sleep(100)\n"}})
	times := 3
	if os.Getenv(fullDepth) != "" {
		times = 20
	}
	temporary := t.TempDir()
	chance := rand.New(rand.NewPCG(7, 7))
	killed := 0
	longest := 3 * time.Second // about what a run takes
	for i := range times {
		dir := t.TempDir()
		c := exec.Command(os.Args[0], "-test.run=^TestKilledLearn$")
		what, after := "slow-thing", time.Duration(chance.Int64N(int64(longest)))
		if i%4 == 0 {
			what, after = "hanging-thing", longest+after
		}
		c.Env = append(os.Environ(), killedLearn+"="+dir, killedLearn+"_WHAT="+what, killedLearn+"_INDEX="+index, "TMPDIR="+temporary)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = c.Process.Kill() // it may be over
		var exit *exec.ExitError
		if err := c.Wait(); errors.As(err, &exit) && exit.ExitCode() < 0 {
			killed++
		}
		began := time.Now()
		env, stdout, stderr := learnEnv(t, dir, index)
		if exit := Main(context.Background(), env, []string{"learn", "slow-thing", "--json"}); exit != exitOK {
			t.Fatalf("run %d: exit status %d\n%s%s", i, exit, stdout, stderr)
		}
		longest = max(longest, time.Since(began))
		if what == "slow-thing" {
			settledOnce(t, env)
		}
		noContainersOf(t, o, env)
	}
	t.Logf("%d of %d runs were killed before their end", killed, times)
	if killed == 0 {
		t.Error("no run was killed before its end: this tests nothing")
	}
}

// settledOnce checks that what was to be learnt was, by one document.
func settledOnce(t *testing.T, env *Env) {
	t.Helper()
	j, err := journal.Read(t.Context(), learntDir(env), journalOptions(env, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	items, err := j.Items(t.Context())
	s, serr := j.Summary(t.Context())
	if err != nil || serr != nil || len(items) != 1 || items[0].State != journal.Done || s.Documents != 1 || s.ByOutcome["ok"] != 1 {
		t.Errorf("%+v, %+v, %v, %v", items, s, err, serr)
	}
	files, err := filepath.Glob(filepath.Join(learntDir(env), "documents", "*", "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("documents: %v, %v", files, err)
	}
	clients, err := filepath.Glob(filepath.Join(learntDir(env), "clients", "*"))
	if err != nil || len(clients) != 0 {
		t.Errorf("left of clients: %v, %v", clients, err)
	}
}

// noContainersOf checks that no client that is gone has a container left.
func noContainersOf(t *testing.T, o solver.Options, env *Env) {
	t.Helper()
	e, err := solver.Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Read(t.Context(), learntDir(env), journalOptions(env, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var left []string
	if _, err := e.Leftovers(t.Context(), func(owner string) bool {
		if j.Orphaned(owner) {
			left = append(left, owner)
		}
		return false
	}); err != nil || len(left) > 0 {
		t.Errorf("containers are left of %v, %v", left, err)
	}
}

// TestThroughput measures how many packages are learnt a minute.
func TestThroughput(t *testing.T) {
	needEngine(t)
	if os.Getenv(fullDepth) == "" {
		t.Skip("it measures, see make learn-hostile")
	}
	var wheels, sdists []string
	var dists []solvertest.Dist
	for i := range 20 {
		name := fmt.Sprintf("thing%d", i)
		dists = append(dists, solvertest.Dist{Name: name, Version: "1.0", Requires: []string{"base"}, Files: map[string]string{name + "/__init__.py": "import base, json, asyncio\n"}})
		wheels = append(wheels, name)
		dists = append(dists, solvertest.Dist{Name: "src" + name, Version: "1.0", Source: true, Files: map[string]string{"src" + name + ".py": ""}})
		sdists = append(sdists, "src"+name)
	}
	dists = append(dists, solvertest.Dist{Name: "base", Version: "1.0", Files: map[string]string{"base.py": ""}})
	index := distIndex(t, dists...)
	for _, c := range []struct {
		what  string
		names []string
	}{{"wheels with one requirement", wheels}, {"source distributions, built twice", sdists}} {
		for _, jobs := range []int{1, 2} {
			env, stdout, stderr := learnEnv(t, t.TempDir(), index)
			began := time.Now()
			if exit := Main(context.Background(), env, append([]string{"learn", "--json", "--jobs", strconv.Itoa(jobs)}, c.names...)); exit != exitOK {
				t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
			}
			took := time.Since(began)
			var d struct {
				Learnt []learntJSON `json:"learnt"`
			}
			if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
				t.Fatal(err)
			}
			var latency []float64
			for _, x := range d.Learnt {
				if x.Outcome != "ok" {
					t.Errorf("%+v", x)
				}
				latency = append(latency, x.Seconds)
			}
			slices.Sort(latency)
			t.Logf("%s, --jobs %d: %.0f a minute, median %.1f s", c.what, jobs, float64(len(c.names))/took.Minutes(), latency[len(latency)/2])
		}
	}
}
