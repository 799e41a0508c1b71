package py

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Platform is an operating system on a machine with a C library.
type Platform struct {
	OS           string // "linux", "darwin", "windows"
	Machine      string // platform.machine(): "x86_64", "aarch64", "arm64", "AMD64"...
	Libc         string // on linux "glibc" or "musl"; empty elsewhere or if not known
	Major, Minor int    // of the C library on linux, of macOS on darwin
	Release      string // platform.release(), may be empty
	Version      string // platform.version(), may be empty
}

// linuxMachines are the machines that wheels for linux are made for.
var linuxMachines = []string{
	"x86_64", "aarch64", "i686", "armv6l", "armv7l", "armv8l", "loongarch64", "ppc64", "ppc64le", "riscv64", "s390x",
}

// windowsMachines maps the end of a platform tag to platform.machine().
var windowsMachines = map[string]string{"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}

// platformNames are the platforms that have one word or one target triple. The
// versions are those uv takes for these words: glibc 2.28 (2.39 on riscv64,
// which no older manylinux has), musl 1.2, macOS 13.
var platformNames = map[string]Platform{
	"linux":                     {OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 28},
	"macos":                     {OS: "darwin", Machine: "arm64", Major: 13},
	"windows":                   {OS: "windows", Machine: "AMD64"},
	"riscv64-unknown-linux":     {OS: "linux", Machine: "riscv64", Libc: "glibc", Major: 2, Minor: 39},
	"riscv64-unknown-linux-gnu": {OS: "linux", Machine: "riscv64", Libc: "glibc", Major: 2, Minor: 39},
	"aarch64-apple-darwin":      {OS: "darwin", Machine: "arm64", Major: 13},
	"x86_64-apple-darwin":       {OS: "darwin", Machine: "x86_64", Major: 13},
	"x86_64-pc-windows-msvc":    {OS: "windows", Machine: "AMD64"},
	"aarch64-pc-windows-msvc":   {OS: "windows", Machine: "ARM64"},
	"i686-pc-windows-msvc":      {OS: "windows", Machine: "x86"},
	"win_amd64":                 {OS: "windows", Machine: "AMD64"},
	"win_arm64":                 {OS: "windows", Machine: "ARM64"},
	"win32":                     {OS: "windows", Machine: "x86"},
}

// legacyManylinux are the names that manylinux had before PEP 600, by the
// minor version of glibc 2 that they stand for.
var legacyManylinux = map[int]string{5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}

// ParsePlatform reads a platform in the words of
//   - wheel tags: manylinux_2_28_x86_64 (and manylinux2014_x86_64),
//     musllinux_1_2_aarch64, macosx_14_0_arm64, win_amd64, and linux_x86_64 for
//     a C library that is not known;
//   - uv: x86_64-manylinux_2_28, x86_64-unknown-linux-gnu, aarch64-apple-darwin,
//     x86_64-pc-windows-msvc, linux, macos, windows.
//
// A word without versions means what it means to uv: glibc 2.28 (2.39 on
// riscv64), musl 1.2, macOS 13; linux is on x86_64, macos on arm64, windows on
// AMD64. Case does not matter.
func ParsePlatform(s string) (Platform, error) {
	word := strings.ToLower(trimSpace(s))
	if p, ok := platformNames[word]; ok {
		return p, nil
	}
	for _, machine := range linuxMachines {
		if libc, ok := strings.CutPrefix(word, machine+"-"); ok {
			if p, ok := parseLibc(cmp.Or(tripleLibc[libc], libc), machine); ok {
				return p, nil
			}
		}
		if libc, ok := strings.CutSuffix(word, "_"+machine); ok {
			if libc == "linux" {
				return Platform{OS: "linux", Machine: machine}, nil
			}
			if p, ok := parseLibc(libc, machine); ok {
				return p, nil
			}
		}
	}
	if rest, ok := strings.CutPrefix(word, "macosx_"); ok {
		for _, machine := range []string{"arm64", "x86_64"} {
			if version, ok := strings.CutSuffix(rest, "_"+machine); ok {
				if major, minor, ok := parseTagVersion(version); ok && major >= 10 {
					return Platform{OS: "darwin", Machine: machine, Major: major, Minor: minor}, nil
				}
			}
		}
	}
	return Platform{}, fmt.Errorf("platform %s is not known; have linux, macos, windows; "+
		"manylinux_2_N_ARCH, musllinux_1_N_ARCH, linux_ARCH, ARCH-manylinux_2_N, ARCH-unknown-linux-gnu and -musl with ARCH one of %s; "+
		"macosx_N_N_arm64 and _x86_64, aarch64-apple-darwin, x86_64-apple-darwin; "+
		"win_amd64, win_arm64, win32, and x86_64, aarch64 and i686-pc-windows-msvc",
		quote(s), strings.Join(linuxMachines, ", "))
}

// tripleLibc says in the words of tags what the end of a target triple means.
var tripleLibc = map[string]string{"unknown-linux-gnu": "manylinux_2_28", "unknown-linux-musl": "musllinux_1_2"}

// parseLibc reads the part of a platform that says the C library.
func parseLibc(word, machine string) (Platform, bool) {
	p := Platform{OS: "linux", Machine: machine}
	for minor, name := range legacyManylinux {
		if word == name {
			p.Libc, p.Major, p.Minor = "glibc", 2, minor
			return p, true
		}
	}
	ok := false
	if version, found := strings.CutPrefix(word, "manylinux_"); found {
		p.Libc = "glibc"
		p.Major, p.Minor, ok = parseTagVersion(version)
		ok = ok && p.Major >= 2
	} else if version, found := strings.CutPrefix(word, "musllinux_"); found {
		p.Libc = "musl"
		p.Major, p.Minor, ok = parseTagVersion(version)
		ok = ok && p.Major >= 1
	}
	return p, ok
}

// maxPlatformVersion is the greatest number in a version of a C library or of
// macOS. There is a tag for each up to it, so it bounds their number.
const maxPlatformVersion = 199

// parseTagVersion reads the version in a platform tag, such as 2_28.
func parseTagVersion(s string) (major, minor int, ok bool) {
	first, second, _ := strings.Cut(s, "_")
	numbers := [2]int{}
	for i, digits := range []string{first, second} {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n > maxPlatformVersion || strconv.Itoa(n) != digits {
			return 0, 0, false
		}
		numbers[i] = n
	}
	return numbers[0], numbers[1], true
}

// String returns the platform as the wheel tag that fits it best. If
// ParsePlatform can make p at all, it does so from this, save for Release and
// Version, which a tag does not have.
func (p Platform) String() string {
	switch {
	case p.OS == "darwin":
		return fmt.Sprintf("macosx_%d_%d_%s", p.Major, p.Minor, p.Machine)
	case p.OS == "linux" && p.Libc == "glibc":
		return fmt.Sprintf("manylinux_%d_%d_%s", p.Major, p.Minor, p.Machine)
	case p.OS == "linux" && p.Libc == "musl":
		return fmt.Sprintf("musllinux_%d_%d_%s", p.Major, p.Minor, p.Machine)
	}
	if tags := p.Tags(); len(tags) > 0 {
		return tags[0]
	}
	return cmp.Or(p.OS, "unknown")
}

// Tags returns the platform tags of wheels that can be installed, best first,
// as the packaging library lists them: PEP 425, manylinux by PEP 600 and musl
// by PEP 656. There are none for a macOS of unknown version.
func (p Platform) Tags() []string {
	switch p.OS {
	case "linux":
		return p.linuxTags()
	case "darwin":
		return p.macTags()
	case "windows":
		for tag, machine := range windowsMachines {
			if strings.EqualFold(machine, p.Machine) {
				return []string{tag}
			}
		}
		return []string{"win_" + tagWord(p.Machine)}
	}
	return nil
}

// tagWord is text as a part of a tag.
func tagWord(s string) string {
	return strings.ToLower(strings.NewReplacer(".", "_", "-", "_", " ", "_").Replace(s))
}

func (p Platform) linuxTags() []string {
	machine := tagWord(p.Machine)
	machines := []string{machine}
	if machine == "armv8l" { // 32-bit Python on a 64-bit machine
		machines = append(machines, "armv7l")
	}
	var tags []string
	for _, m := range machines {
		tags = append(tags, "linux_"+m)
	}
	major, minor := min(p.Major, maxPlatformVersion), min(p.Minor, maxPlatformVersion)
	switch {
	case p.Libc == "glibc" && machine != "armv6l" && slices.Contains(linuxMachines, machine):
		for _, m := range machines {
			tags = appendManylinux(tags, m, major, minor)
		}
	case p.Libc == "musl":
		for _, m := range machines {
			for n := minor; n >= 0; n-- {
				tags = append(tags, fmt.Sprintf("musllinux_%d_%d_%s", major, n, m))
			}
		}
	}
	return tags
}

func appendManylinux(tags []string, machine string, major, minor int) []string {
	oldest := 17 // of glibc 2, with manylinux2014
	if machine == "x86_64" || machine == "i686" {
		oldest = 5
	}
	for ; major >= 2; major, minor = major-1, 50 { // glibc 2 is not expected to go beyond 2.50
		least := 0
		if major == 2 {
			least = oldest
		}
		for n := minor; n >= least; n-- {
			tags = append(tags, fmt.Sprintf("manylinux_%d_%d_%s", major, n, machine))
			if legacy := legacyManylinux[n]; legacy != "" && major == 2 {
				tags = append(tags, legacy+"_"+machine)
			}
		}
	}
	return tags
}

// macTags lists macOS versions from this one down. Up to 10.16 each minor
// version counts, from 11 on each major one.
func (p Platform) macTags() []string {
	var tags []string
	add := func(major, minor int, formats ...string) {
		for _, format := range formats {
			tags = append(tags, fmt.Sprintf("macosx_%d_%d_%s", major, minor, format))
		}
	}
	major, minor := min(p.Major, maxPlatformVersion), min(p.Minor, maxPlatformVersion)
	machine := tagWord(p.Machine)
	formats := macFormats(machine)
	if major == 10 {
		for n := minor; n >= 4; n-- {
			add(10, n, formats...)
		}
		return tags
	}
	for n := major; n >= 11; n-- {
		add(n, 0, formats...)
	}
	if machine != "x86_64" {
		formats = []string{"universal2"} // whose other half may be older than arm64
	}
	for n := 16; n >= 4 && major > 10; n-- {
		add(10, n, formats...)
	}
	return tags
}

// macFormats are the kinds of binary that run on a machine with macOS.
func macFormats(machine string) []string {
	if machine == "x86_64" {
		return []string{"x86_64", "intel", "fat64", "fat3", "universal2", "universal"}
	}
	if machine == "arm64" {
		return []string{"arm64", "universal2"}
	}
	return []string{machine}
}
