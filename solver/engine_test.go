package solver

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fake writes a program that stands for an engine.
func fake(t *testing.T, script string) (Options, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "engine")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return Options{
		Engine: path, Look: exec.LookPath, Env: []string{"PATH=" + os.Getenv("PATH")}, Temp: dir, Owner: "x", Image: "image",
		Token: func() string { return "token" },
	}, path
}

// podman is the beginning of a program that is podman, with one image.
const podman = `
log=$(dirname "$0")/log
echo "$@" >> "$log"
case "$*" in
--version) echo podman version 9.9; exit;;
*info*) echo v2 false; exit;;
*"image inspect"*) echo sha256:$(printf %064d 7) "<no value>"; exit;;
esac
`

func TestFind(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"no engine", "echo cheese", "neither podman nor docker"},
		{"fails", "echo broken >&2; exit 3", "broken"},
		{"no daemon", "case $1 in --version) echo Docker version 28.2.2;; *) echo Cannot connect to the Docker daemon >&2; exit 1;; esac", "Cannot connect to the Docker daemon"},
		{"rootless without limits", "case $1 in --version) echo podman version 4.3.1;; *) echo v1 true;; esac", "ignores all limits"},
		{"podman", podman, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := fake(t, c.script)
			e, err := Find(t.Context(), o)
			if c.want == "" {
				if err != nil || e.Kind != Podman {
					t.Errorf("%+v, %v", e, err)
				}
				return
			}
			var none *NoEngineError
			if !errors.As(err, &none) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
		})
	}
	o, _ := fake(t, "")
	o.Engine, o.Look = "", func(string) (string, error) { return "", errors.New("not on PATH") }
	if _, err := Find(t.Context(), o); err == nil || !strings.Contains(err.Error(), "podman: not on PATH; docker: not on PATH") {
		t.Error(err)
	}
}

// good is what a probe says that has all bounds.
const goodProbe = `{"schema": "thamos/inside/1", "isolation": {"uid": 65532, "pid": 1, "interfaces": ["lo"], "Seccomp": "2", "NoNewPrivs": "1",
 "CapBnd": "0000000000000000", "CapEff": "0000000000000000", "writable": [], "read_only": true, "families": [], "calls": [], "processes": 32, "memory": "134217728", "disk": 67108864, "nosuid": true},
 "interpreter": {"implementation": "cpython", "version": "3.12.1", "machine": "x86_64", "libc": "glibc", "libc_version": "2.36", "dists": {"pip": "24.0"}}}`

// TestOpenFake: what a probe says decides, and each bound that is missing is named.
func TestOpenFake(t *testing.T) {
	probe := func(text string) string {
		return podman + "read token\ncat <<E\nnoise\n$token " + strings.ReplaceAll(text, "\n", "") + "\nE\n"
	}
	for _, c := range []struct{ name, script, want string }{
		{"good", probe(goodProbe), ""},
		{"root", probe(strings.Replace(goodProbe, "65532", "0", 1)), "it runs as user 0"},
		{"not the first", probe(strings.Replace(goodProbe, `"pid": 1`, `"pid": 7`, 1)), "not process 1"},
		{"network", probe(strings.Replace(goodProbe, `["lo"]`, `["eth0", "lo"]`, 1)), "sees the networks eth0 lo"},
		{"no filter", probe(strings.Replace(goodProbe, `"Seccomp": "2"`, `"Seccomp": "0"`, 1)), "system calls are not filtered"},
		{"privileges", probe(strings.Replace(goodProbe, `"NoNewPrivs": "1"`, `"NoNewPrivs": "0"`, 1)), "gain privileges"},
		{"capabilities", probe(strings.Replace(goodProbe, `"CapBnd": "0`, `"CapBnd": "4`, 1)), "it has capabilities"},
		{"no capabilities said", probe(strings.Replace(goodProbe, `"CapBnd": "0000000000000000"`, `"CapBnd": ""`, 1)), "it has capabilities"},
		{"writable", probe(strings.Replace(goodProbe, `"writable": []`, `"writable": ["/etc"]`, 1)), "write to /etc"},
		{"not read-only", probe(strings.Replace(goodProbe, `"read_only": true`, `"read_only": false`, 1)), "not read-only"},
		{"vsock", probe(strings.Replace(goodProbe, `"families": []`, `"families": ["vsock"]`, 1)), "sockets of vsock"},
		{"ptrace", probe(strings.Replace(goodProbe, `"calls": []`, `"calls": ["ptrace"]`, 1)), "call ptrace"},
		{"processes", probe(strings.Replace(goodProbe, `"processes": 32`, `"processes": -1`, 1)), "processes are not limited"},
		{"memory", probe(strings.Replace(goodProbe, `"134217728"`, `"max"`, 1)), "memory is not limited"},
		{"no memory said", probe(strings.Replace(goodProbe, `"134217728"`, `""`, 1)), "memory is not limited"},
		{"disk", probe(strings.Replace(goodProbe, `67108864`, `67208864`, 1)), "disk is not limited"},
		{"set-user-id", probe(strings.Replace(goodProbe, `"nosuid": true`, `"nosuid": false`, 1)), "set-user-id"},
		{"wrong token", podman + "echo other '" + strings.ReplaceAll(goodProbe, "\n", "") + "'", "without a report"},
		{"says nothing", podman, "without a report"},
		{"engine fails", podman + "echo no such flag >&2; exit 125", "no such flag"},
		{"pip", probe(strings.Replace(goodProbe, `"pip": "24.0"`, ``, 1)), "has no pip"},
		{"no python", podman + "echo exec: python3: not found >&2; exit 127", "has no python3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := fake(t, c.script)
			s, err := Open(t.Context(), o)
			if c.want == "" {
				if err != nil || s.Interpreter.Version != "3.12.1" || s.Image.Own || len(s.Image.ID) != 64 {
					t.Errorf("%+v, %v", s, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
		})
	}
}

// TestHybrid: a runtime that cannot work with this machine's cgroups is replaced.
func TestHybrid(t *testing.T) {
	o, path := fake(t, podman+"case \"$*\" in *'--runtime runc run'*) read token; echo \"$token \"'"+strings.ReplaceAll(goodProbe, "\n", "")+
		"';; *) echo 'cgroups in hybrid mode not supported' >&2; exit 126;; esac\n")
	s, err := Open(t.Context(), o)
	if err != nil || s.Engine.Runtime != "runc" {
		t.Fatalf("%v\n%s", err, path)
	}
	log, err := os.ReadFile(filepath.Join(filepath.Dir(path), "log"))
	if err != nil || strings.Count(string(log), "run --rm") != 2 {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestArgs: the isolation, flag by flag. A change here is a change of what a
// stranger's code can do.
func TestArgs(t *testing.T) {
	c := container{
		name: "n", labels: []string{"a=b"}, image: "id", seccomp: "/s.json", limits: Limits{}.full(), mounts: []mount{{"/from", "/in"}},
		env: []string{"K=V"}, argv: []string{"python3", "/in/runner.py"},
	}
	want := strings.Fields(`run --rm --interactive --pull=never --network=none --read-only --cap-drop=ALL
		--security-opt=no-new-privileges --security-opt=seccomp=/s.json --user=65532:65532 --ipc=none --hostname=solver
		--pids-limit=128 --memory=536870912 --memory-swap=536870912 --cpus=1 --ulimit=nofile=1024:1024 --ulimit=nproc=4096:4096
		--ulimit=core=0:0 --ulimit=fsize=268435456:268435456 --tmpfs=/tmp:rw,nosuid,nodev,noexec,size=268435456,mode=1777 --workdir=/tmp
		--log-driver=none --name=n PODMAN --label=a=b --mount=type=bind,src=/from,dst=/in,readonly --env=HOME=/tmp --env=K=V
		--entrypoint=python3 id /in/runner.py`)
	at := slices.Index(want, "PODMAN")
	for kind, own := range map[Kind][]string{Docker: nil, Podman: {"--read-only-tmpfs=false", "--no-hosts", "--http-proxy=false", "--timeout=320"}} {
		if diff := cmp.Diff(slices.Concat(want[:at], own, want[at+1:]), (&Engine{Kind: kind}).args(c)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	c.exec = true
	if args := (&Engine{Kind: Podman, Runtime: "runc"}).args(c); args[0] != "--runtime" || !slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "nodev,exec,") }) {
		t.Errorf("%v", args)
	}
	if mountable("/a,b") == nil || mountable("/a:b") == nil || mountable("/a b") != nil {
		t.Error("what a mount flag takes")
	}
}

func TestEnding(t *testing.T) {
	for _, c := range []struct {
		exit         int
		late, memory bool
		want         Class
	}{
		{137, true, false, ClassTimeout}, {137, false, false, ClassMemory}, {1, false, true, ClassMemory}, {125, false, false, ClassEngine},
		{126, false, false, ClassNoPython}, {127, false, false, ClassNoPython}, {255, false, false, ClassEngine}, {98, false, false, ClassEngine},
		{3, false, false, ClassUnknown}, {0, false, false, ""},
	} {
		if got, _ := ending(c.exit, c.late, c.memory, ""); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestTimeout: a run that is out of time is ended by its name, and says so.
func TestTimeout(t *testing.T) {
	o, path := fake(t, podman+"case \"$*\" in *'rm --force'*) touch \"$(dirname \"$0\")/removed\"; exit;; esac\nread token\nexec sleep 60\n")
	e, err := Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l := Limits{Wall: -grace + 200*time.Millisecond}.full()
	end, err := e.await(t.Context(), container{name: "the-name", limits: l, argv: []string{"x"}}, "token", t.TempDir())
	if err != nil || end.class != ClassTimeout {
		t.Errorf("%+v, %v", end, err)
	}
	log, err := os.ReadFile(filepath.Join(filepath.Dir(path), "log"))
	if err != nil || !strings.Contains(string(log), "rm --force --volumes --time=0 the-name") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		step, text string
		want       Class
	}{
		{StepBuild, "error: command 'gcc' failed: No such file or directory", ClassTool},
		{StepBuild, "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", ClassTool},
		{StepBuild, "error: can't find Rust compiler", ClassTool},
		{StepBuild, "fatal error: Python.h: No such file or directory", ClassNative},
		{StepBuild, "Error: pg_config executable not found.", ClassNative},
		{StepBuild, "  File \"setup.py\", line 3\n    print 'x'\n  SyntaxError: Missing parentheses", ClassSyntax},
		{StepBuild, "ModuleNotFoundError: No module named 'numpy'", ClassModule},
		{StepBuild, "ModuleNotFoundError: No module named 'distutils'", ClassRemoved},
		{StepBuild, "AttributeError: x", ClassBackend},
		{StepBuild, "OSError: [Errno 28] No space left on device", ClassDisk},
		{StepInstall, "ERROR: x-1-cp27-none-any.whl is not a supported wheel on this platform.", ClassNoArtifact},
		{StepInstall, "ERROR: Package 'x' requires a different Python: 3.11.2 not in '>=3.12'", ClassNoArtifact},
		{StepInstall, "ERROR: x has an invalid wheel, .dist-info directory not found", ClassWheel},
		{StepImport, "ImportError: libGL.so.1: cannot open shared object file: No such file or directory", ClassNative},
		{StepImport, "ModuleNotFoundError: No module named '_tkinter'", ClassNative},
		{StepImport, "ImportError: cannot import name 'soft_unicode' from 'markupsafe'", ClassImport},
		{StepImport, "MemoryError", ClassMemory},
		{StepImport, "ValueError: x", ClassImport},
		{StepCheck, "a 1 requires b, which is not installed.", ClassRequires},
		{StepSmoke, "AssertionError", ClassTest},
	} {
		if got := classify(c.step, c.text); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.step, c.text, got, c.want)
		}
	}
	for _, c := range retryable {
		if c.OfImage() {
			t.Errorf("%s is both", c)
		}
	}
}

func FuzzFindReport(f *testing.F) {
	f.Add([]byte("token "+strings.ReplaceAll(goodProbe, "\n", "")+"\n"), "token")
	f.Add([]byte(`token {"schema": "thamos/inside/1", "steps": [{"step": "import", "dist": "a", "end": "exit", "exit": 0}], "dists": {"a": {"modules": ["a"]}}}`+"\n"), "token")
	f.Fuzz(func(t *testing.T, output []byte, token string) {
		inside, noise, err := findReport(output, token)
		if noise < 0 || noise > len(output) {
			t.Errorf("%d bytes of %d are noise", noise, len(output))
		}
		if err != nil {
			return
		}
		var r Report
		job := Job{Dists: []Dist{{Target: true}}}
		job.Dists[0].Package.Name = "a"
		r.fill(inside, job)
		d := (&Sandbox{Engine: new(Engine)}).Describe(job, &r, nil, time.Unix(0, 0))
		if _, err := d.Text(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParseDocument(f *testing.F) {
	d := &Document{Schema: DocumentSchema, At: "2026-11-24T00:00:00Z", Results: []Result{{Packages: []string{"a==1"}, Kind: "import", Outcome: "ok"}}}
	text, err := d.Text()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseDocument(text)
		if err != nil {
			return
		}
		again, err := d.Text()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseDocument(again); err != nil {
			t.Errorf("%v\n%s", err, again)
		}
		_, _ = d.Observations("x") // must not panic
		_, _ = d.Counts()
		_, _ = d.Verdict()
	})
}
