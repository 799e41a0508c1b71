# The first process of a solver's container. It builds, installs and imports what
# lies in /in, and says on standard output, once, after the token that came on
# standard input, what came of it. It needs Python 3.6 and nothing else.
#
# What it starts is a stranger's code under the same user. So it cannot be dumped
# (its memory, files and standard output are closed to others), it is process 1
# (which signals from inside do not reach), it uses no threads (which may not be
# had), and after each step it kills whatever is left.
import ctypes
import errno
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import zipfile

PLACE = "/in"
WORK = "/tmp"
HEAD, TAIL = 4096, 12288  # bytes kept of what a step printed
SITE = "import sysconfig,sys; sys.stdout.write(sysconfig.get_paths()['purelib'])"
SKIP = {"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks", "setup", "conftest", "scripts", "tools"}
IMPORT = """
import importlib, sys, traceback
bad = 0
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        bad = 1
        traceback.print_exc()
        sys.stderr.flush()
        print("\\n@bad " + name, flush=True)
    else:
        print("\\n@good " + name, flush=True)
import os
os._exit(bad)
"""


class Gone(Exception):
    """Whoever started the run has gone."""


def protect():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(4, 0, 0, 0, 0) != 0:  # PR_SET_DUMPABLE
        raise OSError("cannot protect itself")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def others():
    return [p for p in os.listdir("/proc") if p.isdigit() and p not in ("1", str(os.getpid()))]


def alive(pid):
    try:
        with open("/proc/%s/stat" % pid, "rb") as f:
            return f.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False


def sweep():
    """Kills every other process and says how many there were."""
    left = sum(1 for p in others() if alive(p))
    for _ in range(500):
        try:
            os.kill(-1, signal.SIGKILL)
        except OSError as e:
            if e.errno == errno.ESRCH:
                break
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except OSError:
                break
        if not any(alive(p) for p in others()):
            break
        time.sleep(0.01)
    return left


def reset():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Kept:
    """The beginning and the end of an output."""

    def __init__(self):
        self.head, self.tail, self.total = b"", b"", 0

    def add(self, data):
        self.total += len(data)
        room = HEAD - len(self.head)
        self.head += data[:max(room, 0)]
        self.tail = (self.tail + data[max(room, 0):])[-TAIL:]

    def text(self):
        gap = b"\n[...]\n" if self.total > len(self.head) + len(self.tail) else b""
        return (self.head + gap + self.tail).decode("utf-8", "replace")


def step(name, argv, seconds, limit, env, cwd=WORK, whole=0):
    """Runs a command and returns what came of it. Its standard output is kept
    apart, up to so many bytes, if whole is not 0."""
    began = time.monotonic()
    out = {"step": name, "exit": None, "signal": 0, "end": "exit", "seconds": 0, "cpu_seconds": 0, "peak_bytes": 0, "printed": 0, "text": ""}
    try:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE if whole else subprocess.STDOUT,
                             start_new_session=True, env=env, cwd=cwd, preexec_fn=reset)
    except OSError as e:
        out.update(end="start", text="%s: %s" % (argv[0], e))
        return out
    kept, stdout = Kept(), b""
    pipes = {p.stdout.fileno(): p.stdout}
    if whole:
        pipes[p.stderr.fileno()] = p.stderr
    for fd in pipes:
        os.set_blocking(fd, False)
    status, usage = None, None
    while True:
        ready, _, _ = select.select(list(pipes) + [0], [], [], 0.02)
        if 0 in ready and not os.read(0, 64):
            raise Gone()
        for fd in [f for f in ready if f in pipes]:
            try:
                data = os.read(fd, 65536)
            except BlockingIOError:
                continue
            if not data:
                del pipes[fd]
            elif whole and fd == p.stdout.fileno():
                stdout += data
            kept.add(data)
        if status is None:
            try:
                pid, code, use = os.wait4(p.pid, os.WNOHANG)
                if pid:
                    status, usage = code, use
            except ChildProcessError:
                status = 0xff00
        if status is not None and not [f for f in ready if f in pipes]:
            break
        if kept.total > limit or whole and len(stdout) > whole:
            out["end"] = "output"
            break
        if time.monotonic() - began > seconds:
            out["end"] = "timeout"
            break
    out["seconds"] = round(time.monotonic() - began, 4)
    if status is None:
        try:
            os.kill(p.pid, signal.SIGKILL)
            _, status, usage = os.wait4(p.pid, 0)
        except OSError:
            status = 0
    out["left_behind"] = sweep()
    for f in (p.stdout, p.stderr):
        if f:
            f.close()
    p.returncode = 0  # it was waited for
    if os.WIFSIGNALED(status):
        out["signal"] = os.WTERMSIG(status)
    else:
        out["exit"] = os.WEXITSTATUS(status)
    if usage:
        out["cpu_seconds"] = round(usage.ru_utime + usage.ru_stime, 4)
        out["peak_bytes"] = usage.ru_maxrss * 1024
    out["printed"], out["text"] = kept.total, kept.text()
    if whole:
        out["stdout"] = stdout[:whole].decode("utf-8", "replace")
    return out


def good(s):
    return s["end"] == "exit" and s["exit"] == 0


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 16), b""):
            h.update(block)
    return h.hexdigest()


def wheel_metadata(path):
    """The header part of a wheel's METADATA, or None."""
    try:
        with zipfile.ZipFile(path) as z:
            for i in z.infolist():
                parts = i.filename.split("/")
                if len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] == "METADATA" and i.file_size < 1 << 20:
                    text = z.read(i).decode("utf-8", "replace").replace("\r\n", "\n")
                    return text.split("\n\n", 1)[0] + "\n"
    except Exception:
        return None
    return None


def stamp(site):
    """Changes whenever a file below site is written: nobody can set a ctime."""
    n, newest = 0, 0
    for place, dirs, files in os.walk(site):
        for f in files + ["."]:
            try:
                st = os.lstat(os.path.join(place, f))
            except OSError:
                continue
            n += 1
            newest = max(newest, st.st_ctime_ns)
    return n, newest


def installed(site):
    """What lies in site, by file name of the .dist-info directory."""
    found = {}
    for d in sorted(os.listdir(site)):
        if not d.endswith(".dist-info"):
            continue
        files, size = [], 0
        try:
            with open(os.path.join(site, d, "RECORD"), encoding="utf-8", errors="replace") as f:
                files = [line.rsplit(",", 2)[0].strip('"') for line in f.read(32 << 20).splitlines() if line]
        except OSError:
            pass
        for name in files:
            try:
                size += os.lstat(os.path.join(site, name)).st_size
            except OSError:
                pass
        found[d[:-len(".dist-info")]] = {"files": files, "bytes": size}
    return found


def modules(files, site):
    """The importable names that files bring: packages and modules at the top, and
    below directories without __init__.py the first packages."""
    tops, deep = set(), set()
    native = (".abi3.so", ".so")
    for f in files:
        parts = f.split("/")
        base = parts[-1]
        if ".." in parts or parts[0].endswith((".dist-info", ".data", ".libs")) or f.startswith("/"):
            continue
        if len(parts) == 1 and (base.endswith(".py") or base.endswith(native)):
            tops.add(base.split(".", 1)[0])
        elif base == "__init__.py" or base.startswith("__init__.") and base.endswith(native):
            (tops if len(parts) == 2 else deep).add(".".join(parts[:-1]))
    for d in sorted(deep, key=lambda d: d.count(".")):
        if not any(d.startswith(t + ".") for t in tops):
            tops.add(d)
    good = [t for t in tops if all(p.isidentifier() for p in t.split(".")) and t.split(".")[0] not in SKIP]
    return sorted(good)[:64]


def read(*names):
    for name in names:
        try:
            with open(name) as f:
                return f.read().strip()
        except OSError:
            continue
    return ""


def hardware():
    out = {"model": "", "family": "", "cpus": os.cpu_count() or 0, "memory_bytes": 0}
    for line in read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and not out["model"]:
            out["model"] = value.strip()
        if key.strip() == "cpu family" and not out["family"]:
            out["family"] = value.strip()
    for line in read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            out["memory_bytes"] = int(line.split()[1]) * 1024
    return out


def interpreter():
    import platform
    import sysconfig
    libc = platform.libc_ver()
    release = {}
    for line in read("/etc/os-release", "/usr/lib/os-release").splitlines():
        key, _, value = line.partition("=")
        release[key] = value.strip('"')
    dists = {}
    try:
        from importlib import metadata
        for d in metadata.distributions():
            if d.metadata["Name"]:
                dists[d.metadata["Name"]] = d.version
    except ImportError:
        import pkg_resources
        dists = {d.project_name: d.version for d in pkg_resources.working_set}
    return {
        "implementation": sys.implementation.name, "version": platform.python_version(),
        "implementation_version": "%d.%d.%d" % sys.implementation.version[:3],
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "machine": platform.machine(), "release": platform.release(), "libc": libc[0], "libc_version": libc[1],
        "os": release.get("ID", ""), "os_version": release.get("VERSION_ID", ""), "dists": dists,
    }


def isolation():
    """Reads the bounds of the container back."""
    import socket
    out = {"uid": os.getuid(), "pid": os.getpid(), "interfaces": sorted(os.listdir("/sys/class/net"))}
    for line in read("/proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key in ("Seccomp", "NoNewPrivs", "CapBnd", "CapEff", "CapPrm", "CapAmb"):
            out[key] = value.strip()
    writable = []
    for place in ("/", "/usr", "/etc", "/in", "/run", "/dev", "/dev/shm", "/var/tmp", "/sys/fs/cgroup", "/proc/sys", "/root", "/home"):
        try:
            path = os.path.join(place, ".thamos")
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL))
            os.unlink(path)
            writable.append(place)
        except OSError:
            pass
    out["writable"] = writable
    out["read_only"] = all(os.statvfs(p).f_flag & 1 for p in ("/", "/in"))
    families = []
    for name, family in (("vsock", 40), ("netlink", 16), ("packet", 17), ("alg", 38)):
        try:
            socket.socket(family, socket.SOCK_STREAM if name == "vsock" else socket.SOCK_RAW).close()
            families.append(name)
        except OSError:
            pass
    out["families"] = families
    libc = ctypes.CDLL(None, use_errno=True)
    calls = []
    if libc.unshare(0x10000000) == 0:  # CLONE_NEWUSER
        calls.append("unshare")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.ptrace(0, 0, 0, 0) == 0 else 1)
    if os.waitpid(pid, 0)[1] == 0:
        calls.append("ptrace")
    out["calls"] = calls
    children = []
    try:
        while len(children) < 5000:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        out["processes"] = -1
    except OSError:
        out["processes"] = len(children) + 1
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
    base = "/sys/fs/cgroup/"
    out["memory"] = read(base + "memory.max", base + "memory/memory.limit_in_bytes")
    st = os.statvfs(WORK)
    out["disk"] = st.f_blocks * st.f_frsize
    out["nosuid"] = bool(st.f_flag & 2)
    return out


def peak():
    base = "/sys/fs/cgroup/"
    text = read(base + "memory.peak", base + "memory/memory.max_usage_in_bytes")
    return int(text) if text.isdigit() else 0


def clean_env(job):
    env = {"PATH": "/opt/py/bin:/usr/local/bin:/usr/bin:/bin", "HOME": WORK + "/home", "TMPDIR": WORK, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
           "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COLOR": "1",
           "SOURCE_DATE_EPOCH": "1577836800", "NPY_NUM_BUILD_JOBS": "1", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    if os.environ.get("LD_LIBRARY_PATH"):
        env["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    env.update(job.get("env") or {})
    os.makedirs(env["HOME"], exist_ok=True)
    return env


class Run:
    def __init__(self, job):
        self.job, self.env = job, clean_env(job)
        self.limits = job["limits"]
        self.pip = [sys.executable, "-m", "pip"]
        self.report = {"steps": [], "dists": {}}

    def step(self, name, argv, dist="", env=None, **more):
        s = step(name, argv, self.limits[name], self.limits["output"], env or self.env, **more)
        s["dist"] = dist
        self.report["steps"].append(s)
        return s

    def go(self):
        dists = self.job["dists"]
        wheels = []
        for d in dists:
            path = os.path.join(PLACE, "files", d["file"])
            if d["build"]:
                path = self.build(d, path)
                if path is None:
                    return
            wheels.append((d, path, sha256(path)))
        if "install" not in self.job["steps"]:
            return
        for d, path, digest in wheels:
            if sha256(path) != digest:
                self.report["spoiled"] = "a build changed the wheel of " + d["name"]
                return
        if not self.install([path for _, path, _ in wheels]):
            return
        self.look()
        if "check" in self.job["steps"]:
            self.check()
        if "import" in self.job["steps"]:
            self.imports()
        if "scan" in self.job["steps"]:
            self.scan()
        for n in range(self.job.get("repeat") or 0):
            self.smoke(n)

    def build(self, d, path):
        env = dict(self.env)
        if self.job["tools"] and not os.path.isdir(WORK + "/tools"):
            s = self.step("install", self.pip + ["install", "--no-index", "--no-deps", "--no-cache-dir", "--no-compile", "--target", WORK + "/tools"]
                          + [os.path.join(PLACE, "files", f) for f in self.job["tools"]], dist="@tools")
            if not good(s):
                return None
        if self.job["tools"]:
            env["PYTHONPATH"] = WORK + "/tools"
            env["PATH"] = WORK + "/tools/bin:" + env["PATH"]
        out = os.path.join(WORK, "built", d["name"])
        os.makedirs(out, exist_ok=True)
        s = self.step("build", self.pip + ["wheel", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "-w", out, path], dist=d["name"], env=env)
        if not good(s):
            return None
        made = [f for f in os.listdir(out) if f.endswith(".whl")]
        if len(made) != 1 or not os.path.isfile(os.path.join(out, made[0])):
            s.update(end="nothing", text="the build made %d wheels\n" % len(made) + s["text"])
            return None
        path = os.path.join(out, made[0])
        self.report["dists"].setdefault(d["name"], {}).update(metadata=wheel_metadata(path), wheel=made[0])
        return path

    def install(self, paths):
        venv = WORK + "/venv"
        s = self.step("install", [sys.executable, "-I", "-B", "-m", "venv", "--without-pip", venv], dist="@venv")
        if not good(s):
            return False
        self.python = venv + "/bin/python"
        site = step("install", [self.python, "-I", "-B", "-c", SITE], 30, 1 << 16, self.env, whole=4096)
        self.site = site.get("stdout", "")
        if not good(site) or not self.site.startswith(venv + "/"):
            self.report["steps"].append(dict(site, dist="@venv", end="nothing"))
            return False
        if self.job["pip_python"]:
            where = self.pip[:3] + ["--python", self.python, "install"]
        else:
            where = self.pip + ["install", "--target", self.site]
        s = self.step("install", where + ["--no-index", "--no-deps", "--no-cache-dir", "--no-compile"] + paths)
        return good(s)

    def look(self):
        by_name = {}
        for stem, found in installed(self.site).items():
            by_name[normal(stem.split("-")[0])] = found
        for d in self.job["dists"]:
            found = by_name.get(normal(d["name"]))
            if found is None:
                continue
            entry = self.report["dists"].setdefault(d["name"], {})
            entry.update(files=len(found["files"]), bytes=found["bytes"])
            entry["modules"] = modules(found["files"], self.site)
            if d["target"]:
                self.paths = getattr(self, "paths", {})
                self.paths[d["name"]] = found["files"]

    def check(self):
        if self.job["pip_python"]:
            self.step("check", self.pip[:3] + ["--python", self.python, "check"])

    def imports(self):
        before = stamp(self.site)
        for d in self.job["dists"]:
            names = (self.report["dists"].get(d["name"]) or {}).get("modules")
            if not d["target"] or not names:
                continue
            self.step("import", [self.python, "-I", "-B", "-c", IMPORT] + names, dist=d["name"], whole=1 << 20)
            if stamp(self.site) != before:
                self.report["spoiled"] = "importing %s changed what is installed" % d["name"]
                self.report["spoiler"] = d["name"]
                return

    def scan(self):
        for d in self.job["dists"]:
            files = [f for f in getattr(self, "paths", {}).get(d["name"], []) if f.endswith(".py") and ".." not in f.split("/") and not f.startswith("/")]
            if not d["target"] or not files:
                continue
            listing = os.path.join(WORK, "scan.txt")
            with open(listing, "w") as f:
                f.write("\n".join(files[:20000]))
            s = self.step("scan", [sys.executable, "-I", "-S", "-B", PLACE + "/scan.py", self.site, listing], dist=d["name"], whole=65536)
            entry = self.report["dists"][d["name"]]
            entry["counts"] = counted(s)
            if self.job["bandit"]:
                s = self.step("scan", [sys.executable, "-B", PLACE + "/scan.py", self.site, listing, "bandit"], dist=d["name"], whole=65536)
                entry["bandit"] = counted(s)

    def smoke(self, n):
        work = os.path.join(WORK, "work")
        if n == 0:
            os.makedirs(work, exist_ok=True)
            for f in self.job.get("files") or []:
                path = os.path.join(work, f["path"])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as out:
                    out.write(f["content"])
        env = dict(self.env, PATH=WORK + "/venv/bin:" + self.env["PATH"], VIRTUAL_ENV=WORK + "/venv")
        self.step("smoke", self.job["smoke"], env=env, cwd=work, whole=65536)


def counted(s):
    """What a scan counted: numbers by name."""
    try:
        counts = json.loads(s.pop("stdout", ""))
        return {str(k)[:80]: v for k, v in list(counts.items())[:64] if isinstance(v, (int, float))} if good(s) else None
    except (ValueError, AttributeError):
        return None


def normal(name):
    out = []
    for c in name.lower():
        c = "-" if c in "-_." else c
        if c != "-" or not out or out[-1] != "-":
            out.append(c)
    return "".join(out)


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "probe":
        facts = {"isolation": isolation()}
    else:
        facts = {}
    protect()
    token = b""
    while not token.endswith(b"\n"):
        b = os.read(0, 1)
        if not b or len(token) > 200:
            return 98
        token += b
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 2)
    job = {}
    try:
        if facts:
            facts["interpreter"], facts["hardware"] = interpreter(), hardware()
        else:
            with open(PLACE + "/job.json") as f:
                job = json.load(f)
            run = Run(job)
            facts = run.report
            try:
                run.go()
            except Gone:
                sweep()
                return 98
            facts["hardware"] = hardware()
    except Exception as e:
        facts["fault"] = "%s: %s" % (type(e).__name__, e)
    sweep()
    facts["memory_peak"] = peak()
    facts["schema"] = "thamos/inside/1"
    text = json.dumps(facts).encode("ascii", "replace")
    data = token.strip() + b" " + text + b"\n"
    while data:
        data = data[os.write(out, data):]
    return 0


sys.exit(main())
