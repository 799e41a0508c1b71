package solver

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thamos/thamos/solver/solvertest"
)

// reached is what hostile code raises when something worked that must not.
const reached = "REACHED"

// hostile is code that is run by a build, or by an import, and what becomes of
// it: one of classes, or "ok" where it fails to do harm and goes on.
var hostile = []struct {
	name    string
	code    string
	imports bool // run it by an import
	classes []string
	limits  Limits
}{
	{name: "fork bomb", classes: []string{"timeout"}, limits: Limits{Wall: 8 * time.Second}, code: `
import os
while True:
    try:
        os.fork()
    except OSError:
        pass`},
	{name: "threads", classes: []string{"processes"}, imports: true, code: `
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(100,)).start()`},
	{name: "memory hog", classes: []string{"oom"}, imports: true, limits: Limits{Memory: 128 << 20}, code: `
x = []
while True:
    x.append(bytearray(1 << 20))`},
	{name: "disk filler", classes: []string{"disk"}, limits: Limits{Memory: 256 << 20, Disk: 64 << 20}, code: `
n = 0
while True:
    n += 1
    with open("/tmp/fill%d" % n, "wb") as f:
        f.write(b"x" * (8 << 20))`},
	{name: "large file", classes: []string{"disk"}, limits: Limits{FileSize: 8 << 20}, imports: true, code: `
with open("/tmp/fill", "wb") as f:
    while True:
        f.write(b"x" * (1 << 20))`},
	{name: "endless output of a build", classes: []string{"endless_output", "oom", "timeout"}, limits: Limits{Memory: 256 << 20, Wall: 10 * time.Second}, code: `
while True:
    print("x" * 1000)`},
	{name: "endless output of an import", classes: []string{"endless_output"}, imports: true, code: `
import os
while True:
    os.write(2, b"x" * 65536)`},
	{name: "endless run", classes: []string{"timeout"}, limits: Limits{Wall: 10 * time.Second}, imports: true, code: `
while True:
    pass`},
	{name: "ptrace", classes: []string{"ok"}, code: `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for request, pid in ((16, 1), (0x4206, 1), (16, os.getppid())):
    assert libc.ptrace(request, pid, 0, 0) == -1, "REACHED"
assert libc.ptrace(0, 0, 0, 0) == -1, "REACHED"
assert libc.process_vm_readv(1, 0, 0, 0, 0, 0) == -1, "REACHED"`},
	{name: "writes everywhere", classes: []string{"ok"}, code: `
import os
for place in ("/", "/usr", "/usr/lib/python3", "/etc", "/in", "/in/files", "/run", "/dev", "/dev/shm", "/sys", "/sys/fs/cgroup", "/proc/sys/kernel", "/opt/py", "/root", "/home", "/var", "/mnt"):
    for name in ("x", "core_pattern", "passwd"):
        try:
            with open(os.path.join(place, name), "w") as f:
                f.write("x")
        except OSError:
            continue
        raise AssertionError("REACHED " + place)
for call in (lambda: os.chmod("/in/job.json", 0o777), lambda: os.remove("/in/runner.py"), lambda: os.symlink("/etc/shadow", "/in/x"), lambda: os.mknod("/tmp/sda", 0o60666, os.makedev(8, 0)), lambda: os.chroot("/tmp")):
    try:
        call()
    except OSError:
        continue
    raise AssertionError("REACHED")`},
	{name: "symlinks in the output", classes: []string{"build_backend_error", "wrong_metadata", "invalid_wheel"}, code: `
import glob, os
for d in glob.glob("/tmp/built/*"):
    os.symlink("/etc/shadow", d + "/a-9-py3-none-any.whl")
    os.symlink("/proc/1/environ", d + "/a-8-py3-none-any.whl")`},
	{name: "forged report", classes: []string{"ok"}, code: `
import glob, json, os
forged = json.dumps({"schema": "thamos/inside/1", "steps": [], "dists": {}})
print(forged)
for place in ["/dev/stdout", "/dev/console", "/dev/tty", "/proc/1/fd/1", "/proc/self/fd/1"] + glob.glob("/proc/*/fd/*"):
    try:
        with open(place, "w") as f:
            f.write(forged + "\n")
    except OSError:
        pass
for place in ("/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/fd/0", "/proc/1/root"):
    try:
        os.listdir(place) if place.endswith("root") else open(place, "rb").read(1)
    except OSError:
        continue
    raise AssertionError("REACHED " + place)`},
	{name: "setuid", classes: []string{"ok"}, code: `
import os, shutil, sys, subprocess
shutil.copy(os.path.realpath(sys.executable), "/tmp/root")
try:
    os.chmod("/tmp/root", 0o6755)
except OSError:
    pass
for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setresuid(0, 0, 0)):
    try:
        call()
    except OSError:
        continue
    raise AssertionError("REACHED")
try:
    out = subprocess.run(["/tmp/root", "-c", "import os; print(os.geteuid())"], stdout=subprocess.PIPE).stdout
except OSError:
    out = b""
assert out.strip() != b"0", "REACHED"`},
	{name: "100,000 files", classes: []string{"ok", "disk", "oom"}, code: `
import os
os.makedirs("/tmp/many", exist_ok=True)
for i in range(100000):
    os.close(os.open("/tmp/many/%d" % i, os.O_CREAT))`},
	{name: "signals", classes: []string{"timeout"}, limits: Limits{Wall: 8 * time.Second}, code: `
import os, signal, time
for s in (9, 15, 2, 1, 3, 10, 12, 19, 11):
    try:
        os.kill(1, s)
    except OSError:
        pass
for s in range(1, 32):
    try:
        signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
os.setsid() if os.getpgrp() != os.getpid() else None
os.kill(os.getppid(), 19)
while True:
    time.sleep(1)`},
	{name: "daemon", classes: []string{"ok"}, code: `
import os, time
for n in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in range(3):
                os.close(fd)
            while True:
                time.sleep(100)
        os._exit(0)
    os.wait()
time.sleep(0.1)`},
	{name: "kernel", classes: []string{"ok"}, code: `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for number in (272, 308, 165, 166, 155, 161, 169, 175, 246, 248, 249, 250, 298, 321, 323, 425, 135, 304, 310):
    assert libc.syscall(number, 0x10000000, 0, 0, 0, 0, 0) == -1, "REACHED %d" % number`},
}

func TestHostile(t *testing.T) {
	s := live(t)
	guarded := newGuards(t)
	if testing.Short() || raced {
		t.Skip("the containers are the same with the race detector")
	}
	t.Run("each", func(t *testing.T) {
		for _, c := range hostile {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				d := solvertest.Dist{Name: "a", Version: "1"}
				var x Dist
				step := StepBuild
				if c.imports {
					step = StepImport
					d.Files = map[string]string{"a.py": c.code + "\n"}
					x = wheelOf(t, d)
				} else {
					d.Files = map[string]string{"setup.py": d.SetupPy(c.code)}
					x = sdistOf(t, d)
				}
				before := sha256Of(t, x.Path)
				r := runOf(t, s, Job{Dists: []Dist{x}, Limits: c.limits, NoScan: true})
				got := outcome(r, step, "a")
				if r.Class != "" {
					got = string(r.Class)
				}
				if !slices.Contains(c.classes, got) {
					t.Errorf("%s: %s, want one of %v (%s)", step, got, c.classes, r.Reason)
				}
				for _, x := range r.Steps {
					if strings.Contains(x.Excerpt, reached) {
						t.Errorf("it did harm: %s", x.Excerpt)
					}
				}
				if r.Noise != 0 {
					t.Errorf("%d bytes of it came out", r.Noise)
				}
				if c.name == "daemon" && (len(r.Steps) == 0 || r.Steps[0].LeftBehind < 3) {
					t.Errorf("three processes were left behind: %+v", r.Steps)
				}
				if sha256Of(t, x.Path) != before {
					t.Error("its file was changed")
				}
			})
		}
		t.Run("network", func(t *testing.T) {
			t.Parallel()
			d := solvertest.Dist{Name: "a", Version: "1"}
			d.Files = map[string]string{"setup.py": d.SetupPy(guarded.code())}
			r := runOf(t, s, Job{Dists: []Dist{sdistOf(t, d)}, NoScan: true})
			if got := outcome(r, StepBuild, "a"); got != "ok" {
				t.Errorf("build: %s", got)
			}
		})
		t.Run("archives", func(t *testing.T) { hostileArchives(t, s) })
		t.Run("spoiler", func(t *testing.T) { spoiler(t, s) })
	})
	guarded.check(t)
	noContainers(t, s)
}

// spoiler is a package whose import breaks another, which must not be blamed.
func spoiler(t *testing.T, s *Sandbox) {
	t.Parallel()
	bad := wheelOf(t, solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": `
import os
path = os.path.join(os.path.dirname(__file__), "b.py")
stat = os.stat(path)
with open(path, "r+") as f:
    f.write("1/")
os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
`}})
	good := wheelOf(t, solvertest.Dist{Name: "b", Version: "1", Files: map[string]string{"b.py": "x=1\n"}})
	r := runOf(t, s, Job{Dists: []Dist{bad, good}, NoScan: true})
	if r.Spoiler != "a" || outcome(r, StepImport, "b") != "none" {
		t.Errorf("spoiler %q (%s), b: %s", r.Spoiler, r.Spoiled, outcome(r, StepImport, "b"))
	}
}

// hostileArchives hands archives to a container that package archive refuses:
// should one get past it, the container holds it too.
func hostileArchives(t *testing.T, s *Sandbox) {
	t.Parallel()
	a := solvertest.Dist{Name: "a", Version: "1"}
	text := "x"
	slip := solvertest.Tar([]tar.Header{
		{Name: "a-1/PKG-INFO", Mode: 0o644, Size: 1, Typeflag: tar.TypeReg},
		{Name: "../../../../etc/evil", Mode: 0o644, Size: 1, Typeflag: tar.TypeReg},
		{Name: "a-1/link", Linkname: "/etc", Typeflag: tar.TypeSymlink},
		{Name: "a-1/link/evil", Mode: 0o644, Size: 1, Typeflag: tar.TypeReg},
	}, []string{text, text, "", text})
	zipped := func(files map[string]int) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for name, size := range files {
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write(bytes.Repeat([]byte{0}, size))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, c := range []struct {
		name  string
		file  string
		text  []byte
		build bool
	}{
		{"slip", "a-1.tar.gz", slip, true},
		{"slip of a wheel", "a-1-py3-none-any.whl", zipped(map[string]int{"../../../../etc/evil": 1, "a-1.dist-info/METADATA": 1, "a-1.dist-info/WHEEL": 1}), false},
		{"bomb", "a-1-py3-none-any.whl", zipped(map[string]int{"a.py": 600 << 20, "a-1.dist-info/METADATA": 1, "a-1.dist-info/WHEEL": 1}), false},
		{"garbage", "a-1-py3-none-any.whl", []byte("PK\x03\x04garbage"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runOf(t, s, Job{Dists: []Dist{distOf(t, a, c.file, c.text, c.build)}, NoScan: true, Limits: Limits{Memory: 256 << 20}})
			step := StepInstall
			if c.build {
				step = StepBuild
			}
			if got := outcome(r, step, "a"); got == "ok" || r.Class != "" && !r.Class.Retryable() {
				t.Errorf("%s: %s, class %s", step, got, r.Class)
			}
		})
	}
}

// guards are what hostile code would reach on this machine if it could.
type guards struct {
	port     int
	host     string
	abstract string
	calls    atomic.Int64
	passwd   [sha256.Size]byte
}

func newGuards(t *testing.T) *guards {
	t.Helper()
	g := &guards{abstract: "thamos-test-" + testToken()[:8], passwd: sha256Of(t, "/etc/passwd")}
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				g.calls.Add(1)
				c.Close()
			}
		}()
		return l
	}
	l := listen("tcp", "0.0.0.0:0")
	g.port = l.Addr().(*net.TCPAddr).Port
	listen("unix", "@"+g.abstract)
	g.host = "127.0.0.1"
	if all, err := net.InterfaceAddrs(); err == nil {
		for _, a := range all {
			if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
				g.host = ip.IP.String()
			}
		}
	}
	return g
}

func (g *guards) code() string {
	return fmt.Sprintf(`
import socket
def attempt(what, family, kind, address):
    try:
        s = socket.socket(family, kind)
        s.settimeout(2)
        s.connect(address)
        s.send(b"x")
    except OSError as e:
        print(what, e)
        return
    raise AssertionError("REACHED " + what)
port = %d
for host in ("127.0.0.1", %q, "10.0.2.2", "10.88.0.1", "169.254.169.254", "8.8.8.8", "192.168.1.1"):
    attempt("tcp " + host, socket.AF_INET, socket.SOCK_STREAM, (host, port))
    attempt("udp " + host, socket.AF_INET, socket.SOCK_DGRAM, (host, 53)) if host != "127.0.0.1" else None
attempt("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", port))
attempt("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("2606:4700:4700::1111", 443))
attempt("unix", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + %q)
for path in ("/run/docker.sock", "/run/podman/podman.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket"):
    attempt(path, socket.AF_UNIX, socket.SOCK_STREAM, path)
for cid in (0, 1, 2, 3):
    attempt("vsock", 40, socket.SOCK_STREAM, (cid, 1024))
try:
    socket.getaddrinfo("python.org", 443)
except OSError:
    pass
else:
    raise AssertionError("REACHED dns")
`, g.port, g.host, g.abstract)
}

func (g *guards) check(t *testing.T) {
	t.Helper()
	if n := g.calls.Load(); n != 0 {
		t.Errorf("%d connections came out of the containers", n)
	}
	if sha256Of(t, "/etc/passwd") != g.passwd {
		t.Error("/etc/passwd was changed")
	}
	if _, err := os.Lstat("/etc/evil"); !errors.Is(err, os.ErrNotExist) {
		t.Error("/etc/evil is there")
	}
}

// noContainers checks that no container of this test is left.
func noContainers(t *testing.T, s *Sandbox) {
	t.Helper()
	var of []string
	if _, err := s.Engine.Leftovers(context.Background(), func(owner string) bool {
		if owner == s.options.Owner {
			of = append(of, owner)
		}
		return false
	}); err != nil || len(of) > 0 {
		t.Errorf("%d containers are left, %v", len(of), err)
	}
	left, err := filepath.Glob(filepath.Join(s.options.Temp, "run-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func sha256Of(t testing.TB, path string) [sha256.Size]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text)
}
