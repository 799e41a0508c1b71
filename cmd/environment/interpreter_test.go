package environment

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// TestHostile is what a broken or hostile program may do instead of answering.
func TestHostile(t *testing.T) {
	good := `{"implementation": "cpython", "version": "3.11.7", "free_threaded": false, "debug": false, "os": "linux", "machine": "x86_64", "bits": 64, "libc": "", "executable": "/x"}`
	tests := []struct{ name, body, want string }{
		{"silent", ":", "its answer is not the expected JSON: EOF"},
		{"garbage", `echo Python 3.11.7`, "its answer is not the expected JSON: invalid character 'P' looking for beginning of value"},
		{"another type", `echo '[]'`, "its answer is not the expected JSON: json: cannot unmarshal array"},
		{"unknown field", `echo '{"pwned": true}'`, `its answer is not the expected JSON: json: unknown field "pwned"`},
		{"missing fields", `echo '{}'`, `it says that its version is ""`},
		{"more after it", "echo '" + good + "'; echo '{}'", "its answer goes on after the expected JSON"},
		{"no version", "echo '" + strings.Replace(good, "3.11.7", "three", 1) + "'", `it says that its version is "three"`},
		{"no machine", "echo '" + strings.Replace(good, "x86_64", "x86 64", 1) + "'", `it says that its machine is "x86 64"`},
		{"no C library", "echo '" + strings.Replace(good, `"libc": ""`, `"libc": "glibc"`, 1) + "'", `it says that its C library is "glibc"`},
		{"no bits", "echo '" + strings.Replace(good, `64, "libc"`, `-1, "libc"`, 1) + "'", "it says that it has -1 bits"},
		{"another system", "echo '" + strings.Replace(good, "linux", "freebsd14", 1) + "'", `no wheels are known for its operating system "freebsd14": say a platform with --platform`},
		{"endless", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", "its answer is longer than 64 KiB"},
		{"endless, deaf to signals", "trap '' PIPE TERM; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", "its answer is longer than 64 KiB"},
		{"huge JSON", "printf '{\"version\": \"'; i=0; while [ $i -lt 3000 ]; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done; printf '\"}'", "its answer is longer than 64 KiB"},
		{"deep JSON", "i=0; while [ $i -lt 2000 ]; do printf '[[[[[[[[[['; i=$((i+1)); done", "its answer is not the expected JSON"},
		{"hang", "/bin/sleep 60", "it did not answer in 400ms"},
		{"hang in a child", "/bin/sleep 60 & wait", "it did not answer in 400ms"},
		{"traceback", `echo 'Traceback' >&2; printf 'ImportError: \033[31mno os\n' >&2; exit 1`, "it failed (exit status 1): ImportError: [31mno os"},
		{"endless complaint", "i=0; while [ $i -lt 3000 ]; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; i=$((i+1)); done; exit 3", "it failed (exit status 3): xxxx"},
		{"Python 2", `echo 'Unknown option: -I' >&2; echo 'usage: python [option]' >&2; echo 'Try python -h' >&2; exit 2`, "it does not know the option -I of Python; 3.6 is the oldest that is supported"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, "env PATH=$/bin")
			w.script("bin/python3", test.body)
			w.host.patience = 10 * time.Second
			if strings.HasPrefix(test.name, "hang") {
				w.host.patience = 400 * time.Millisecond
			}
			begin := time.Now()
			_, err := detect(t.Context(), w.request("cache"), w.host)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if !strings.Contains(err.Error(), filepath.Join("bin", "python3")) {
				t.Errorf("%v: does not name the interpreter", err)
			}
			if w.starts() != 1 {
				t.Errorf("%d starts", w.starts())
			}
		})
	}
}

// TestInsisted: what the user chose and does not answer is not replaced.
func TestInsisted(t *testing.T) {
	for name, world := range map[string]string{
		"active": "script v/bin/python exit 1\npython bin/python3 3.11.7\nenv PATH=$/bin\nenv VIRTUAL_ENV=$/v",
		".venv":  "script i/python3.11 exit 1\nlink project/.venv/bin/python -> i/python3.11\npython bin/python3 3.11.7\nenv PATH=$/bin",
	} {
		got := newWorld(t, world).detect("requires=>=3.10")
		if !strings.HasPrefix(got, "error: interpreter ") || !strings.Contains(got, "it failed (exit status 1)") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestCancelled(t *testing.T) {
	w := newWorld(t, "script bin/python3 /bin/sleep 60\nenv PATH=$/bin")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := detect(ctx, w.request(""), w.host); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := detect(ctx, w.request("--python=$/bin/python3"), w.host); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestCleanEnvironment: the interpreter sees what it needs and nothing else.
func TestCleanEnvironment(t *testing.T) {
	w := newWorld(t, "script bin/python3 /usr/bin/env >$OUT\nenv PATH=$/bin\nenv SECRET_TOKEN=hunter2\nenv PYTHONPATH=/x")
	w.script("bin/python3", "/usr/bin/env >'"+w.path("seen")+"'; read line && echo read; pwd >>'"+w.path("seen")+"'")
	t.Setenv("SECRET_OF_THE_PROCESS", "1")
	w.detect("")
	seen, err := os.ReadFile(w.path("seen"))
	if err != nil {
		t.Skipf("no env here: %v", err)
	}
	for line := range strings.Lines(string(seen)) {
		key, _, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_", w.path("project"): // the shell sets some itself
		default:
			t.Errorf("the interpreter sees %q", line)
		}
	}
	if !strings.Contains(string(seen), "HOME="+w.root) {
		t.Errorf("no HOME in %q", seen)
	}
}

func TestFactsPlatform(t *testing.T) {
	tests := []struct {
		facts facts
		want  py.Platform
	}{
		{facts{OS: "linux", Machine: "x86_64", Bits: 64, Libc: "glibc 2.36"}, py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 36}},
		{facts{OS: "linux", Machine: "x86_64", Bits: 32, Libc: "glibc 2.5"}, py.Platform{OS: "linux", Machine: "i686", Libc: "glibc", Major: 2, Minor: 5}},
		{facts{OS: "linux", Machine: "aarch64", Bits: 32, Libc: "musl 1.2"}, py.Platform{OS: "linux", Machine: "armv7l", Libc: "musl", Major: 1, Minor: 2}},
		{facts{OS: "linux", Machine: "riscv64", Bits: 64}, py.Platform{OS: "linux", Machine: "riscv64"}},
		{facts{OS: "darwin", Machine: "arm64", Bits: 64}, py.Platform{OS: "darwin", Machine: "arm64"}},
		{facts{OS: "win32", Machine: "AMD64", Bits: 64}, py.Platform{OS: "windows", Machine: "AMD64"}},
	}
	for _, test := range tests {
		got, err := test.facts.platform()
		if err != nil || got != test.want {
			t.Errorf("%+v: got %+v, %v", test.facts, got, err)
		}
	}
}

// oracle asks an interpreter in the slow and official way what the facts are.
const oracle = `
import json, platform, sys, sysconfig
libc, version = platform.libc_ver()
try:
    import ctypes # libc_ver of Python 3.7 and older guesses
    tell = ctypes.CDLL(None).gnu_get_libc_version
    tell.restype = ctypes.c_char_p
    libc, version = "glibc", tell().decode()
except (ImportError, AttributeError):
    pass
print(json.dumps({"implementation": sys.implementation.name, "version": platform.python_version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")), "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
    "os": sys.platform, "machine": platform.machine(), "bits": 64 if sys.maxsize > 2**32 else 32,
    "libc": (libc + " " + version).strip() if libc == "glibc" else "", "executable": sys.executable}))
`

// realInterpreters returns what pyenv has on this machine.
func realInterpreters(t testing.TB) map[string]string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip("no home")
	}
	found, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "*", "bin", "python")) // the pattern is well formed
	if len(found) == 0 {
		t.Skip("no interpreters in ~/.pyenv/versions")
	}
	byVersion := map[string]string{}
	for _, path := range found {
		byVersion[filepath.Base(filepath.Dir(filepath.Dir(path)))] = path
	}
	return byVersion
}

// TestRealInterpreters compares what the script says with what Python's own
// modules say, and the markers with those of packaging where pip brings it.
func TestRealInterpreters(t *testing.T) {
	for version, path := range realInterpreters(t) {
		t.Run(version, func(t *testing.T) {
			r := Request{Dir: t.TempDir(), Python: path, Getenv: os.Getenv, CacheFile: filepath.Join(t.TempDir(), "c.json")}
			got, err := Detect(t.Context(), r)
			if strings.HasPrefix(version, "2.") {
				if err == nil || !strings.Contains(err.Error(), "3.6 is the oldest") {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want facts
			if err := json.Unmarshal(run(t, path, oracle), &want); err != nil {
				t.Fatal(err)
			}
			at, err := thisHost().stampOf(path)
			if err != nil {
				t.Fatal(err)
			}
			kept, ok := newCache(r.CacheFile).find(at)
			if !ok {
				t.Fatal("the facts were not kept")
			}
			if diff := cmp.Diff(want, kept); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			compareMarkers(t, path, got.Environment)
		})
	}
}

func compareMarkers(t *testing.T, path string, e py.Environment) {
	t.Helper()
	var want map[string]string
	out := run(t, path, "import json\ntry:\n from pip._vendor.packaging.markers import default_environment\n print(json.dumps(default_environment()))\nexcept ImportError:\n print('{}')\n")
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 {
		t.Log("no packaging to compare with")
		return
	}
	got := e.MarkerValues()
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %q, want %q", key, got[key], value)
		}
	}
}

func run(t *testing.T, path, program string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, "-c", program).Output()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return out
}

// TestChildrenEnd: what a hanging interpreter started ends with it.
func TestChildrenEnd(t *testing.T) {
	w := newWorld(t, "env PATH=$/bin")
	w.script("bin/python3", "(/bin/sleep 1; echo >'"+w.path("alive")+"') & wait")
	w.host.patience = 300 * time.Millisecond
	if got := w.detect(""); !strings.Contains(got, "it did not answer in 300ms") {
		t.Fatal(got)
	}
	time.Sleep(1200 * time.Millisecond)
	if _, err := os.Stat(w.path("alive")); err == nil {
		t.Error("a child outlived it")
	}
}
