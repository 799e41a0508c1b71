package environment

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// maxLibc is how much of a C library is searched for its version; Debian's,
// not stripped, has 13 MB.
const maxLibc = 32 << 20

// libc returns the C library of a Linux machine and its version; an empty name
// means that none was found.
//
// The shell every system has names its loader, and so says which of two
// installed C libraries is the system's; machines without a shell are searched.
func (h host) libc() (name string, major, minor int) {
	if name, major, minor = h.libcOf("/bin/sh"); name != "" {
		return name, major, minor
	}
	for _, f := range h.libcFiles() {
		if name, major, minor = h.libcIn(f); name != "" {
			return name, major, minor
		}
	}
	return "", 0, 0
}

// libcOf returns the C library that the loader of a program belongs to.
func (h host) libcOf(program string) (name string, major, minor int) {
	loader := elfLoader(h.path(program))
	if loader == "" {
		return "", 0, 0
	}
	if isMusl(loader) {
		return h.libcIn(loader)
	}
	// glibc's loader and library lie in the same directory, once links such as
	// /lib64/ld-linux-x86-64.so.2 are followed.
	real, err := filepath.EvalSymlinks(h.path(loader))
	if err != nil {
		return "", 0, 0
	}
	return libcAt(filepath.Join(filepath.Dir(real), "libc.so.6"))
}

// libcIn returns the C library in the system file name.
func (h host) libcIn(name string) (string, int, int) { return libcAt(h.path(name)) }

// libcAt returns the C library in a file: musl is its own loader, glibc is
// libc.so.6.
func libcAt(file string) (name string, major, minor int) {
	name, find := "glibc", glibcVersion
	if isMusl(file) {
		name, find = "musl", muslVersion
	}
	major, minor, ok := find(readFile(file, maxLibc))
	if !ok {
		return "", 0, 0
	}
	return name, major, minor
}

func isMusl(loader string) bool {
	return strings.HasPrefix(filepath.Base(filepath.ToSlash(loader)), "ld-musl-")
}

// libcFiles lists where the C library of this architecture usually lies: glibc
// first, for a machine with both and no shell is most likely a slimmed Debian.
func (h host) libcFiles() []string {
	var files []string
	for _, dir := range []string{"/lib", "/usr/lib"} {
		for _, t := range triplets[h.goarch] {
			files = append(files, path.Join(dir, t, "libc.so.6"))
		}
	}
	for _, dir := range []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib"} {
		files = append(files, path.Join(dir, "libc.so.6"))
	}
	for _, m := range musls[h.goarch] {
		files = append(files, path.Join("/lib", "ld-musl-"+m+".so.1"))
	}
	return files
}

// triplets are Debian's multi-architecture directories.
var triplets = map[string][]string{
	"amd64": {"x86_64-linux-gnu"}, "386": {"i386-linux-gnu"}, "arm64": {"aarch64-linux-gnu"},
	"arm": {"arm-linux-gnueabihf", "arm-linux-gnueabi"}, "loong64": {"loongarch64-linux-gnu"},
	"ppc64": {"powerpc64-linux-gnu"}, "ppc64le": {"powerpc64le-linux-gnu"},
	"riscv64": {"riscv64-linux-gnu"}, "s390x": {"s390x-linux-gnu"},
}

// musls are the names that musl has for architectures.
var musls = map[string][]string{
	"amd64": {"x86_64"}, "386": {"i386"}, "arm64": {"aarch64"}, "arm": {"armhf", "arm"}, "loong64": {"loongarch64"},
	"ppc64": {"powerpc64"}, "ppc64le": {"powerpc64le"}, "riscv64": {"riscv64"}, "s390x": {"s390x"},
}

// libcStamp changes when the C library of the machine is replaced, which
// changes what an interpreter would say without changing the interpreter.
func (h host) libcStamp() string {
	if h.goos != "linux" {
		return ""
	}
	var b strings.Builder
	for _, f := range h.libcFiles() {
		if info, err := os.Stat(h.path(f)); err == nil {
			fmt.Fprintf(&b, "%s %d %d;", f, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// Patterns with many repetitions take long to compile: who needs one compiles it.
var (
	glibcBanner = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^GNU C Library[^\n\x00]{0,200}? release version ([0-9]{1,3})\.([0-9]{1,3})`)
	})
	muslText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\x00(1)\.([0-9]{1,3})\.[0-9]{1,3}(?:[-_][0-9A-Za-z._+-]{1,40})?\x00`)
	})
)

// glibcVersion finds the version in the text that libc.so.6 prints when it is
// run, "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."
func glibcVersion(lib []byte) (major, minor int, ok bool) {
	return scan(lib, "GNU C Library", glibcBanner())
}

// muslVersion finds the version that musl's loader prints: it keeps the number
// alone as a string ("1.2.3", "1.2.4_git20230717").
func muslVersion(lib []byte) (major, minor int, ok bool) {
	if !bytes.Contains(lib, []byte("musl libc")) {
		return 0, 0, false
	}
	return scan(lib, "\x001.", muslText())
}

// scan returns the numbers of the first match of pattern that begins with the
// text start. To search for the text first is ten times faster.
func scan(lib []byte, start string, pattern *regexp.Regexp) (major, minor int, ok bool) {
	for {
		i := bytes.Index(lib, []byte(start))
		if i < 0 {
			return 0, 0, false
		}
		if m := pattern.FindSubmatch(lib[i:min(len(lib), i+300)]); m != nil {
			major, err1 := strconv.Atoi(string(m[1]))
			minor, err2 := strconv.Atoi(string(m[2]))
			return major, minor, err1 == nil && err2 == nil
		}
		lib = lib[i+1:]
	}
}

// elfLoader returns the loader that an ELF program names, empty if it is none
// or needs none.
func elfLoader(program string) string {
	if info, err := os.Stat(program); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > 4096 {
			continue
		}
		text, err := io.ReadAll(p.Open())
		if err != nil {
			return ""
		}
		return strings.TrimRight(string(text), "\x00")
	}
	return ""
}
