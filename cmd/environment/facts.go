package environment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// facts are what an interpreter says of itself. Their JSON is what the script
// prints and what the cache keeps.
type facts struct {
	Implementation string `json:"implementation"` // sys.implementation.name
	Version        string `json:"version"`        // as platform.python_version() has it
	FreeThreaded   bool   `json:"free_threaded"`
	Debug          bool   `json:"debug"`
	OS             string `json:"os"`         // sys.platform
	Machine        string `json:"machine"`    // of the kernel; on Windows of the interpreter
	Bits           int    `json:"bits"`       // of the interpreter
	Libc           string `json:"libc"`       // "glibc 2.36"; empty where there is no such thing or it is not known
	Executable     string `json:"executable"` // sys.executable
}

// script prints the facts as one JSON object. It runs on Python 3.6 and later,
// and imports nothing that is not in memory or a few lines long: json, platform
// and sysconfig take longer than the interpreter's start.
const script = `
import sys, os
def text(s):
    b = str(s).encode('utf-16-be', 'surrogatepass')
    return '"' + ''.join('\\u%02x%02x' % (b[i], b[i + 1]) for i in range(0, len(b), 2)) + '"'
v = sys.version_info
version = '%d.%d.%d' % v[:3]
if v[3] != 'final':
    version += {'alpha': 'a', 'beta': 'b', 'candidate': 'rc'}[v[3]] + str(v[4])
flags = getattr(sys, 'abiflags', '')
libc = ''
if sys.platform == 'win32':
    machine = sys.version.lower()
    machine = 'AMD64' if 'amd64' in machine else 'ARM64' if 'arm64' in machine else 'x86'
else:
    machine = os.uname()[4]
    try:
        libc = os.confstr('CS_GNU_LIBC_VERSION') or ''
    except (AttributeError, ValueError, OSError):
        pass
yes = {True: 'true', False: 'false'}
print('{"implementation": %s, "version": %s, "free_threaded": %s, "debug": %s, "os": %s, "machine": %s, "bits": %d, "libc": %s, "executable": %s}' % (
    text(sys.implementation.name), text(version), yes['t' in flags or 'free-threading' in sys.version],
    yes['d' in flags or hasattr(sys, 'gettotalrefcount')], text(sys.platform), text(machine),
    64 if sys.maxsize > 2**32 else 32, text(libc), text(sys.executable or '')))
`

// systems gives the name that py.Platform has for a sys.platform.
var systems = map[string]string{"linux": "linux", "darwin": "darwin", "win32": "windows"}

var (
	word     = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)
	libcText = regexp.MustCompile(`^(glibc|musl) ([0-9]{1,3})\.([0-9]{1,3})(\.[0-9.]{1,12})?$`)
)

// parseFacts reads one JSON object and nothing else.
func parseFacts(data []byte) (facts, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var f facts
	if err := d.Decode(&f); err != nil {
		return facts{}, fmt.Errorf("its answer is not the expected JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return facts{}, errors.New("its answer goes on after the expected JSON")
	}
	return f, f.check()
}

// check refuses facts that no interpreter can have.
func (f facts) check() error {
	_, err := py.ParseVersion(f.Version)
	switch {
	case err != nil || len(f.Version) > 40:
		return fmt.Errorf("it says that its version is %.40q", f.Version)
	case !word.MatchString(f.Implementation):
		return fmt.Errorf("it says that its implementation is %.40q", f.Implementation)
	case !word.MatchString(f.OS):
		return fmt.Errorf("it says that its operating system is %.40q", f.OS)
	case !word.MatchString(f.Machine):
		return fmt.Errorf("it says that its machine is %.40q", f.Machine)
	case f.Bits != 32 && f.Bits != 64:
		return fmt.Errorf("it says that it has %d bits", f.Bits)
	case f.Libc != "" && !libcText.MatchString(f.Libc):
		return fmt.Errorf("it says that its C library is %.40q", f.Libc)
	}
	return nil
}

// python returns the version. The facts were checked.
func (f facts) python() py.Version {
	v, _ := py.ParseVersion(f.Version)
	return v
}

// label returns what the facts are called.
func (f facts) label() label {
	v := f.python()
	r := v.Release()
	return label{implementation: f.Implementation, numbers: r[:min(len(r), 3)], exact: v, freeThreaded: f.FreeThreaded, sure: true}
}

// supported refuses a Python for which wheel tags and markers are not known.
func (f facts) supported() error {
	r := f.label().numbers
	switch {
	case f.Implementation != "cpython" && f.Implementation != "pypy":
		return fmt.Errorf("it is %s, and only CPython and PyPy are supported", f.Implementation)
	case r[0] != 3 || len(r) < 2 || r[1] < supportedMinor:
		return fmt.Errorf("it is Python %s, and 3.%d is the oldest that is supported", f.Version, supportedMinor)
	}
	return nil
}

// platform returns the platform the interpreter was made for, without what
// host.complete adds.
func (f facts) platform() (py.Platform, error) {
	system, ok := systems[f.OS]
	if !ok {
		return py.Platform{}, fmt.Errorf("no wheels are known for its operating system %q: say a platform with --platform", f.OS)
	}
	p := py.Platform{OS: system, Machine: f.Machine}
	if system != "linux" {
		return p, nil
	}
	if f.Bits == 32 { // a 32-bit interpreter installs 32-bit wheels, whatever the kernel
		switch f.Machine {
		case "x86_64":
			p.Machine = "i686"
		case "aarch64":
			p.Machine = "armv7l"
		}
	}
	if m := libcText.FindStringSubmatch(f.Libc); m != nil {
		p.Libc = m[1]
		p.Major, _ = strconv.Atoi(m[2]) // at most three digits
		p.Minor, _ = strconv.Atoi(m[3])
	}
	return p, nil
}

// complaint returns the last line of what an interpreter complained, fit to be
// printed: that is where Python names the error.
func complaint(stderr []byte) string {
	text := strings.TrimSpace(string(stderr))
	text = text[strings.LastIndexByte(text, '\n')+1:]
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, text)
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}
