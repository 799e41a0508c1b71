package environment

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// A host is the machine as its files describe it.
type host struct {
	goos, goarch string
	root         string        // prefix of system files; empty on a real machine
	patience     time.Duration // how long an interpreter may take to answer
}

func thisHost() host {
	return host{goos: runtime.GOOS, goarch: runtime.GOARCH, patience: 10 * time.Second}
}

// machines gives the name that platform.machine() has for a GOARCH.
var machines = map[string]map[string]string{
	"linux": {
		"amd64": "x86_64", "386": "i686", "arm64": "aarch64", "arm": "armv7l", "loong64": "loongarch64",
		"ppc64": "ppc64", "ppc64le": "ppc64le", "riscv64": "riscv64", "s390x": "s390x",
	},
	"darwin":  {"amd64": "x86_64", "arm64": "arm64"},
	"windows": {"amd64": "AMD64", "arm64": "ARM64", "386": "x86"},
}

// platform returns the platform of the machine. A C library or a version of
// macOS that cannot be learnt is left out; see Detect for what is said then.
func (h host) platform() (py.Platform, error) {
	machine, ok := machines[h.goos][h.goarch]
	if !ok {
		return py.Platform{}, fmt.Errorf("no wheel platform is known for %s/%s: say it with --platform", h.goos, h.goarch)
	}
	p := h.complete(py.Platform{OS: h.goos, Machine: machine})
	if h.goos == "linux" {
		p.Libc, p.Major, p.Minor = h.libc()
	}
	return p, nil
}

// complete adds to p what only the running system says: the kernel's release
// and version, and the version of macOS. It is never cached, for an update of
// the system changes it under an unchanged interpreter.
func (h host) complete(p py.Platform) py.Platform {
	switch p.OS {
	case "linux":
		p.Release = h.line("/proc/sys/kernel/osrelease")
		p.Version = h.line("/proc/sys/kernel/version")
	case "darwin":
		p.Release, p.Version = kernel()
		p.Major, p.Minor = h.macOS()
	}
	return p
}

// productVersion finds the version in Apple's property list.
var productVersion = regexp.MustCompile(`<key>ProductVersion</key>\s*<string>([0-9]{1,4})(?:\.([0-9]{1,4}))?[0-9.]*</string>`)

// macOS returns the version of macOS, zeros if it cannot be learnt.
func (h host) macOS() (major, minor int) {
	m := productVersion.FindSubmatch(h.read("/System/Library/CoreServices/SystemVersion.plist", 64<<10))
	if m == nil {
		return 0, 0
	}
	major, _ = strconv.Atoi(string(m[1]))
	minor, _ = strconv.Atoi(string(m[2])) // absent: 0
	return major, minor
}

// line returns the first line of a small system file, empty if there is none.
func (h host) line(name string) string {
	s, _, _ := strings.Cut(string(h.read(name, 4<<10)), "\n")
	return strings.TrimSpace(s)
}

// read returns at most limit bytes of a system file, nil if it cannot be read.
func (h host) read(name string, limit int64) []byte {
	return readFile(h.path(name), limit)
}

// path returns where the system file name lies.
func (h host) path(name string) string { return filepath.Join(h.root, filepath.FromSlash(name)) }

// readFile returns at most limit bytes of a regular file, nil if there is none
// that can be read. Pipes and devices, which may never end, are not opened.
func readFile(path string, limit int64) []byte {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), limit)) + bytes.MinRead) // sizes of files in /proc are 0
	if _, err := b.ReadFrom(io.LimitReader(f, limit)); err != nil {
		return nil
	}
	return b.Bytes()
}
