package environment

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

const (
	glibc231 = "\x7fELF\x00GNU C Library\x00GNU C Library (Debian GLIBC 2.31-9) stable release version 2.31.\nCopyright"
	musl123  = "\x7fELF\x00musl libc (x86_64)\nVersion %s\nDynamic Program Loader\x00" + "1.2.3\x00tail"
)

// program returns a smallest ELF file that names a loader.
func program(t *testing.T, loader string) string {
	t.Helper()
	var b bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	size := uint64(len(loader) + 1)
	for _, part := range []any{h, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: size, Memsz: size}, []byte(loader + "\x00")} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestHost(t *testing.T) {
	tests := []struct {
		name         string
		goos, goarch string
		files        map[string]string
		links        map[string]string // relative to the link's directory
		want         py.Platform
	}{
		{name: "Debian", goos: "linux", goarch: "amd64",
			files: map[string]string{"lib/x86_64-linux-gnu/libc.so.6": glibc231, "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n", "proc/sys/kernel/version": "#1 SMP Debian\n"},
			want:  py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 31, Release: "6.1.0-18-amd64", Version: "#1 SMP Debian"}},
		{name: "Fedora", goos: "linux", goarch: "arm64", files: map[string]string{"lib64/libc.so.6": strings.ReplaceAll(glibc231, "2.31", "2.41")},
			want: py.Platform{OS: "linux", Machine: "aarch64", Libc: "glibc", Major: 2, Minor: 41}},
		{name: "Alpine", goos: "linux", goarch: "amd64", files: map[string]string{"lib/ld-musl-x86_64.so.1": musl123},
			want: py.Platform{OS: "linux", Machine: "x86_64", Libc: "musl", Major: 1, Minor: 2}},
		{name: "musl from a commit", goos: "linux", goarch: "amd64", files: map[string]string{"lib/ld-musl-x86_64.so.1": strings.ReplaceAll(musl123, "1.2.3", "1.3.0_git20230717")},
			want: py.Platform{OS: "linux", Machine: "x86_64", Libc: "musl", Major: 1, Minor: 3}},
		{name: "the shell is glibc's, musl is there, too", goos: "linux", goarch: "amd64",
			files: map[string]string{"bin/sh": program(t, "/lib64/ld-linux-x86-64.so.2"), "nix/glibc/ld-linux-x86-64.so.2": "", "nix/glibc/libc.so.6": glibc231, "lib/ld-musl-x86_64.so.1": musl123},
			links: map[string]string{"lib64/ld-linux-x86-64.so.2": "../nix/glibc/ld-linux-x86-64.so.2"},
			want:  py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 31}},
		{name: "the shell is musl's, glibc is there, too", goos: "linux", goarch: "amd64",
			files: map[string]string{"bin/sh": program(t, "/lib/ld-musl-x86_64.so.1"), "lib/libc.so.6": glibc231, "lib/ld-musl-x86_64.so.1": musl123},
			want:  py.Platform{OS: "linux", Machine: "x86_64", Libc: "musl", Major: 1, Minor: 2}},
		{name: "the shell's loader is gone", goos: "linux", goarch: "amd64", files: map[string]string{"bin/sh": program(t, "/gone"), "lib/libc.so.6": glibc231},
			want: py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 31}},
		{name: "the shell is no ELF", goos: "linux", goarch: "amd64", files: map[string]string{"bin/sh": "\x7fELF\x02\x01\x01", "lib/libc.so.6": glibc231},
			want: py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 31}},
		{name: "libraries of another architecture", goos: "linux", goarch: "386", files: map[string]string{"lib/x86_64-linux-gnu/libc.so.6": glibc231},
			want: py.Platform{OS: "linux", Machine: "i686"}},
		{name: "libraries that say nothing", goos: "linux", goarch: "s390x", files: map[string]string{"lib64/libc.so.6": "GNU C Library GNU C Library (", "lib/ld-musl-s390x.so.1": "musl libc 1.2.3"},
			want: py.Platform{OS: "linux", Machine: "s390x"}},
		{name: "macOS", goos: "darwin", goarch: "arm64", files: map[string]string{"System/Library/CoreServices/SystemVersion.plist": "<dict>\n\t<key>ProductName</key>\n\t<string>macOS</string>\n\t<key>ProductUserVisibleVersion</key>\n\t<string>1.1</string>\n\t<key>ProductVersion</key>\n\t<string>14.6.1</string>\n</dict>"},
			want: py.Platform{OS: "darwin", Machine: "arm64", Major: 14, Minor: 6}},
		{name: "macOS of one number", goos: "darwin", goarch: "amd64", files: map[string]string{"System/Library/CoreServices/SystemVersion.plist": "<key>ProductVersion</key><string>26</string>"},
			want: py.Platform{OS: "darwin", Machine: "x86_64", Major: 26}},
		{name: "Windows", goos: "windows", goarch: "amd64", want: py.Platform{OS: "windows", Machine: "AMD64"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "darwin" && test.goos == "darwin" {
				t.Skip("the kernel's release and version are this machine's")
			}
			root := t.TempDir()
			for name, body := range test.files {
				writeFile(t, filepath.Join(root, name), body)
			}
			for name, to := range test.links {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
					t.Skip(err)
				}
			}
			got, err := host{goos: test.goos, goarch: test.goarch, root: root}.platform()
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
	if _, err := (host{goos: "plan9", goarch: "amd64"}).platform(); err == nil || !strings.Contains(err.Error(), "--platform") {
		t.Errorf("plan9: %v", err)
	}
}

func writeFile(t *testing.T, name, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPlatformUnknown is what is said when the machine does not tell.
func TestPlatformUnknown(t *testing.T) {
	w := newWorld(t, "")
	w.host.root = w.path("empty")
	want := "Python 3.12.0 from --python-version\nplatform linux_x86_64 of this machine\n" +
		"note: the C library of this machine was not found, so only files for every platform fit: say one with --platform, such as manylinux_2_28_x86_64\nstarts 0\n"
	if got := w.detect("--python-version=3.12"); got != want {
		t.Errorf("got %s", got)
	}
	w.host.goos, w.host.goarch = "darwin", "arm64"
	want = "error: the version of macOS cannot be learnt: say the platform with --platform, such as macosx_14_0_arm64\nstarts 0\n"
	if got := w.detect("--python-version=3.12"); got != want {
		t.Errorf("got %s", got)
	}
}

// TestThisMachine compares what the files say with what the C library itself
// says through getconf.
func TestThisMachine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("linux only")
	}
	out, err := exec.CommandContext(t.Context(), "getconf", "GNU_LIBC_VERSION").Output()
	if err != nil {
		t.Skipf("no getconf, or no glibc: %v", err)
	}
	h := thisHost()
	p, err := h.platform()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(string(out))
	if got := libcWords(p); got != want {
		t.Errorf("the shell's loader leads to %s, want %s", got, want)
	}
	for _, f := range h.libcFiles() {
		if name, major, minor := h.libcIn(f); name == "glibc" {
			if got := libcWords(py.Platform{Libc: name, Major: major, Minor: minor}); got != want {
				t.Errorf("%s is %s, want %s", f, got, want)
			}
		}
	}
	if p.Release == "" || p.Version == "" {
		t.Errorf("the kernel is not known: %+v", p)
	}
	if h.libcStamp() == "" {
		t.Error("no C library lies where it usually does")
	}
}

// TestRealMusl reads a real loader of musl, where one is installed.
func TestRealMusl(t *testing.T) {
	found, _ := filepath.Glob("/lib/ld-musl-*.so.1") // the pattern is well formed
	if len(found) == 0 {
		t.Skip("no musl in /lib")
	}
	out, _ := exec.CommandContext(t.Context(), found[0]).CombinedOutput() // it prints its version and fails
	name, major, minor := libcAt(found[0])
	if want := libcWords(py.Platform{Libc: "Version", Major: major, Minor: minor}); name != "musl" || !strings.Contains(string(out), want+".") {
		t.Errorf("got %s %d.%d, it says %s", name, major, minor, out)
	}
}

func libcWords(p py.Platform) string { return fmt.Sprintf("%s %d.%d", p.Libc, p.Major, p.Minor) }

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	writeFile(t, name, strings.Repeat("x", 100))
	if got := readFile(name, 10); string(got) != "xxxxxxxxxx" {
		t.Errorf("got %q", got)
	}
	if got := readFile(dir, 10); got != nil {
		t.Errorf("a directory has %q", got)
	}
	if runtime.GOOS != "windows" {
		done := make(chan []byte, 1)
		go func() { done <- readFile("/dev/zero", 10) }()
		select {
		case got := <-done:
			if got != nil {
				t.Errorf("a device has %q", got)
			}
		case <-time.After(5 * time.Second):
			t.Error("a device is read")
		}
	}
}
