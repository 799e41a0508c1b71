package py

import (
	"slices"
	"strings"
	"testing"
)

func TestParsePlatform(t *testing.T) {
	glibc := func(machine string, minor int) Platform {
		return Platform{OS: "linux", Machine: machine, Libc: "glibc", Major: 2, Minor: minor}
	}
	musl := func(machine string, minor int) Platform {
		return Platform{OS: "linux", Machine: machine, Libc: "musl", Major: 1, Minor: minor}
	}
	mac := func(machine string, major, minor int) Platform {
		return Platform{OS: "darwin", Machine: machine, Major: major, Minor: minor}
	}
	windows := func(machine string) Platform { return Platform{OS: "windows", Machine: machine} }
	tests := []struct {
		in   string
		want Platform
		text string // of the result
	}{
		{"linux", glibc("x86_64", 28), "manylinux_2_28_x86_64"},
		{"macos", mac("arm64", 13, 0), "macosx_13_0_arm64"},
		{"windows", windows("AMD64"), "win_amd64"},
		{" MacOS ", mac("arm64", 13, 0), "macosx_13_0_arm64"},
		{"manylinux_2_36_x86_64", glibc("x86_64", 36), "manylinux_2_36_x86_64"},
		{"manylinux1_i686", glibc("i686", 5), "manylinux_2_5_i686"},
		{"manylinux2010_x86_64", glibc("x86_64", 12), "manylinux_2_12_x86_64"},
		{"manylinux2014_ppc64le", glibc("ppc64le", 17), "manylinux_2_17_ppc64le"},
		{"manylinux_2_31_armv7l", glibc("armv7l", 31), "manylinux_2_31_armv7l"},
		{"manylinux_3_0_x86_64", Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 3}, "manylinux_3_0_x86_64"},
		{"musllinux_1_1_aarch64", musl("aarch64", 1), "musllinux_1_1_aarch64"},
		{"linux_x86_64", Platform{OS: "linux", Machine: "x86_64"}, "linux_x86_64"},
		{"linux_armv6l", Platform{OS: "linux", Machine: "armv6l"}, "linux_armv6l"},
		{"macosx_10_9_x86_64", mac("x86_64", 10, 9), "macosx_10_9_x86_64"},
		{"macosx_14_6_arm64", mac("arm64", 14, 6), "macosx_14_6_arm64"},
		{"win_arm64", windows("ARM64"), "win_arm64"},
		{"win32", windows("x86"), "win32"},
		{"x86_64-manylinux_2_39", glibc("x86_64", 39), "manylinux_2_39_x86_64"},
		{"aarch64-manylinux2014", glibc("aarch64", 17), "manylinux_2_17_aarch64"},
		{"aarch64-unknown-linux-gnu", glibc("aarch64", 28), "manylinux_2_28_aarch64"},
		{"x86_64-unknown-linux-musl", musl("x86_64", 2), "musllinux_1_2_x86_64"},
		{"riscv64-unknown-linux", glibc("riscv64", 39), "manylinux_2_39_riscv64"},
		{"riscv64-unknown-linux-gnu", glibc("riscv64", 39), "manylinux_2_39_riscv64"},
		{"aarch64-apple-darwin", mac("arm64", 13, 0), "macosx_13_0_arm64"},
		{"x86_64-apple-darwin", mac("x86_64", 13, 0), "macosx_13_0_x86_64"},
		{"x86_64-pc-windows-msvc", windows("AMD64"), "win_amd64"},
		{"aarch64-pc-windows-msvc", windows("ARM64"), "win_arm64"},
		{"i686-pc-windows-msvc", windows("x86"), "win32"},
	}
	for _, test := range tests {
		got, err := ParsePlatform(test.in)
		if err != nil || got != test.want {
			t.Errorf("ParsePlatform(%q) = %+v, %v, want %+v", test.in, got, err, test.want)
		}
		if text := got.String(); text != test.text {
			t.Errorf("%s prints as %s, want %s", test.in, text, test.text)
		}
	}
}

func TestParsePlatformErrors(t *testing.T) {
	for _, s := range []string{
		"", "unix", "x86_64", "linux_z80", "manylinux_2_28", "manylinux_2_x86_64", "manylinux_2_028_x86_64", "manylinux_2_28_1_x86_64",
		"manylinux_2_1000_x86_64", "manylinux_-1_2_x86_64", "manylinux_1_9_x86_64", "manylinux2020_x86_64", "musllinux_0_1_x86_64",
		"macosx_9_0_x86_64", "macosx_11_0_universal2", "macosx_11_arm64", "win_x86_64", "x86_64-linux", "unknown-linux-gnu_x86_64",
		"aarch64-linux-android", "any",
	} {
		p, err := ParsePlatform(s)
		if err == nil {
			t.Errorf("ParsePlatform(%q) = %+v", s, p)
			continue
		}
		for _, word := range []string{quote(s), "linux, macos, windows", "manylinux_2_N_ARCH", "x86_64, aarch64", "win_amd64"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("the error for %q does not have %s: %v", s, word, err)
			}
		}
	}
}

func TestPlatformTags(t *testing.T) {
	tests := []struct {
		platform Platform
		want     string // as the packaging library lists them
	}{
		{Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 6}, "linux_x86_64 manylinux_2_6_x86_64 manylinux_2_5_x86_64 manylinux1_x86_64"},
		{Platform{OS: "linux", Machine: "aarch64", Libc: "glibc", Major: 2, Minor: 18}, "linux_aarch64 manylinux_2_18_aarch64 manylinux_2_17_aarch64 manylinux2014_aarch64"},
		{Platform{OS: "linux", Machine: "aarch64", Libc: "glibc", Major: 2, Minor: 16}, "linux_aarch64"},
		{Platform{OS: "linux", Machine: "armv8l", Libc: "glibc", Major: 2, Minor: 17}, "linux_armv8l linux_armv7l manylinux_2_17_armv8l manylinux2014_armv8l manylinux_2_17_armv7l manylinux2014_armv7l"},
		{Platform{OS: "linux", Machine: "armv6l", Libc: "glibc", Major: 2, Minor: 28}, "linux_armv6l"},
		{Platform{OS: "linux", Machine: "x86_64", Libc: "musl", Major: 1, Minor: 2}, "linux_x86_64 musllinux_1_2_x86_64 musllinux_1_1_x86_64 musllinux_1_0_x86_64"},
		{Platform{OS: "linux", Machine: "x86_64"}, "linux_x86_64"},
		{Platform{OS: "linux", Machine: "mips-64.el", Libc: "glibc", Major: 2, Minor: 28}, "linux_mips_64_el"},
		{Platform{OS: "windows", Machine: "AMD64"}, "win_amd64"},
		{Platform{OS: "windows", Machine: "x86"}, "win32"},
		{Platform{OS: "darwin", Machine: "x86_64", Major: 10, Minor: 4}, "macosx_10_4_x86_64 macosx_10_4_intel macosx_10_4_fat64 macosx_10_4_fat3 macosx_10_4_universal2 macosx_10_4_universal"},
		{Platform{OS: "darwin", Machine: "x86_64", Major: 10, Minor: 3}, ""},
		{Platform{OS: "darwin", Machine: "arm64", Major: 12, Minor: 6}, "macosx_12_0_arm64 macosx_12_0_universal2 macosx_11_0_arm64 macosx_11_0_universal2 " +
			"macosx_10_16_universal2 macosx_10_15_universal2 macosx_10_14_universal2 macosx_10_13_universal2 macosx_10_12_universal2 macosx_10_11_universal2 macosx_10_10_universal2 " +
			"macosx_10_9_universal2 macosx_10_8_universal2 macosx_10_7_universal2 macosx_10_6_universal2 macosx_10_5_universal2 macosx_10_4_universal2"},
		{Platform{OS: "darwin", Machine: "arm64"}, ""},
		{Platform{}, ""},
	}
	for _, test := range tests {
		if got := strings.Join(test.platform.Tags(), " "); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.platform, got, test.want)
		}
	}
	three := Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 3, Minor: 1}.Tags()
	if i := slices.Index(three, "manylinux_3_0_x86_64"); i < 0 || three[i+1] != "manylinux_2_50_x86_64" {
		t.Errorf("glibc 3 does not run what is made for glibc 2: %v", three)
	}
	newer := Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 3, Minor: 17}.Tags()
	if newer[1] != "manylinux_3_17_x86_64" || newer[2] != "manylinux_3_16_x86_64" {
		t.Errorf("glibc 3.17 is taken for 2.17: %v", newer)
	}
	huge := Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 1 << 40, Minor: 1 << 40}
	if n := len(huge.Tags()); n > 20000 {
		t.Errorf("%d tags for glibc %d", n, huge.Major)
	}
}

func FuzzPlatform(f *testing.F) {
	for _, s := range []string{"linux", "manylinux_2_28_x86_64", "musllinux_1_2_aarch64", "macosx_14_0_arm64", "x86_64-manylinux2014", "win32", "linux_armv6l", "i686-pc-windows-msvc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePlatform(text)
		if err != nil {
			return
		}
		if again, err := ParsePlatform(p.String()); err != nil || again != p {
			t.Fatalf("%q is %+v and prints as %s, which is %+v, %v", text, p, p, again, err)
		}
		e := &Environment{Implementation: "cpython", Platform: p}
		e.Python, _ = ParseVersion("3.12.4")
		if list := e.Tags().List(); len(list) < 14 {
			t.Fatalf("%q has %d tags", text, len(list))
		}
	})
}
