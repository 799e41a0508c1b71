package py

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func environment(t testing.TB, python, platform string) *Environment {
	t.Helper()
	p, err := ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	return &Environment{Implementation: "cpython", Python: mustVersion(t, python), Platform: p}
}

// What is wanted was made by the packaging library 26.3 (cpython_tags and
// compatible_tags with the platforms it lists for such a machine).
func TestTagsOfEnvironments(t *testing.T) {
	tests := []struct {
		python, platform    string
		freeThreaded, debug bool

		count         int
		digest        string // begin of the SHA-256 of all lines
		first, middle string
	}{
		{"3.8.20", "manylinux_2_17_x86_64", false, false, 334, "dd9de6f82cf5", "cp38-cp38-linux_x86_64", "py38-none-manylinux_2_6_x86_64"},
		{"3.12.4", "manylinux_2_36_x86_64", false, false, 987, "558a42e4297b", "cp312-cp312-linux_x86_64", "py312-none-manylinux_2_13_x86_64"},
		{"3.13.1", "manylinux_2_28_aarch64", true, false, 422, "1f279c6147f0", "cp313-cp313t-linux_aarch64", "py3-none-manylinux_2_28_aarch64"},
		{"3.15.0a1", "musllinux_1_2_x86_64", true, false, 150, "24ac32891bb8", "cp315-cp315t-linux_x86_64", "py314-none-musllinux_1_0_x86_64"},
		{"3.11.9", "linux_i686", false, true, 40, "10da367f21f5", "cp311-cp311d-linux_i686", "py35-none-linux_i686"},
		{"3.10.0", "manylinux_2_31_armv8l", false, false, 795, "1fff5dbbc339", "cp310-cp310-linux_armv8l", "py310-none-manylinux_2_26_armv7l"},
		{"3.13.0", "macosx_14_6_arm64", true, true, 646, "882f7bd96464", "cp313-cp313td-macosx_14_0_arm64", "py313-none-macosx_10_16_universal2"},
		{"3.9.6", "macosx_10_15_x86_64", false, false, 1524, "5bd6df2a9285", "cp39-cp39-macosx_10_15_x86_64", "py39-none-macosx_10_8_x86_64"},
		{"3.14.0", "macosx_26_0_x86_64", false, false, 5411, "914b7b6a6813", "cp314-cp314-macosx_26_0_x86_64", "py314-none-macosx_11_0_universal"},
		{"3.12.0", "win_amd64", false, false, 42, "c2c7b5dd21db", "cp312-cp312-win_amd64", "py35-none-win_amd64"},
		{"3.7.17", "win32", false, false, 27, "f0e023ec7ad7", "cp37-cp37m-win32", "py33-none-win32"},
		{"3.6", "manylinux_2_12_x86_64", false, true, 174, "aa869eb3fe33", "cp36-cp36dm-linux_x86_64", "py36-none-manylinux1_x86_64"},
	}
	for _, test := range tests {
		e := environment(t, test.python, test.platform)
		e.FreeThreaded, e.Debug = test.freeThreaded, test.debug
		tags := e.Tags()
		list := tags.List()
		if len(list) != test.count || list[0] != test.first || list[len(list)/2] != test.middle {
			t.Errorf("%s on %s: %d tags, %s ... %s, want %d, %s ... %s", test.python, test.platform,
				len(list), list[0], list[len(list)/2], test.count, test.first, test.middle)
		}
		if sum := sha256.Sum256([]byte(strings.Join(list, "\n"))); fmt.Sprintf("%x", sum[:6]) != test.digest {
			t.Errorf("%s on %s: not the tags that the packaging library has:\n%s", test.python, test.platform, strings.Join(list, "\n"))
		}
		for i, tag := range list {
			if rank, ok := tags.Rank(tag); !ok || rank != i {
				t.Fatalf("%s on %s: Rank(%s) = %d, %t, want %d", test.python, test.platform, tag, rank, ok, i)
			}
		}
	}
}

func TestTagsSmall(t *testing.T) {
	windows := Platform{OS: "windows", Machine: "AMD64"}
	tests := []struct {
		name string
		env  Environment
		want string
	}{
		{"free-threaded 3.2 is not", Environment{Implementation: "cpython", Python: mustVersion(t, "3.2"), FreeThreaded: true, Platform: windows},
			"cp32-cp32m-win_amd64 cp32-abi3-win_amd64 cp32-none-win_amd64 py32-none-win_amd64 py3-none-win_amd64 py31-none-win_amd64 py30-none-win_amd64 " +
				"cp32-none-any py32-none-any py3-none-any py31-none-any py30-none-any"},
		{"PyPy", Environment{Implementation: "pypy", Python: mustVersion(t, "3.1"), ImplementationVersion: mustVersion(t, "7.3.17"), Platform: windows},
			"pp31-pypy31_pp73-win_amd64 pp31-none-win_amd64 py31-none-win_amd64 py3-none-win_amd64 py30-none-win_amd64 " +
				"pp3-none-any py31-none-any py3-none-any py30-none-any"},
		{"PyPy of unknown version, unknown macOS", Environment{Implementation: "pypy", Python: mustVersion(t, "3.0"), Platform: Platform{OS: "darwin", Machine: "arm64"}},
			"pp3-none-any py30-none-any py3-none-any"},
		{"another implementation", Environment{Implementation: "graalpy", Python: mustVersion(t, "3.0.1"), Platform: windows},
			"py30-none-win_amd64 py3-none-win_amd64 py30-none-any py3-none-any"},
		{"no Python", Environment{Implementation: "cpython", Platform: windows}, ""},
	}
	for _, test := range tests {
		tags := test.env.Tags()
		if got := strings.Join(tags.List(), " "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		for i, tag := range tags.List() {
			if rank, ok := tags.Rank(tag); !ok || rank != i {
				t.Errorf("%s: Rank(%s) = %d, %t", test.name, tag, rank, ok)
			}
		}
	}
	huge := Environment{Implementation: "cpython", Python: mustVersion(t, "3.99999999999999999999"), Platform: windows}
	if n := len(huge.Tags().List()); n > 2000 {
		t.Errorf("%d tags", n)
	}
}

func TestTagsRank(t *testing.T) {
	tags := environment(t, "3.12.4", "manylinux_2_28_x86_64").Tags()
	place := map[string]int{}
	for i, tag := range tags.List() {
		place[tag] = i
	}
	tests := []struct{ set, best string }{ // best "": cannot be installed
		{"py3-none-any", "py3-none-any"},
		{"py2.py3-none-any", "py3-none-any"},
		{"cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp312-cp312-manylinux_2_17_x86_64"},
		{"cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64"},
		{"cp39.cp310.cp311.cp312-abi3.none-manylinux_2_5_x86_64.manylinux1_x86_64", "cp312-abi3-manylinux_2_5_x86_64"},
		{"cp37-abi3-manylinux_2_28_x86_64", "cp37-abi3-manylinux_2_28_x86_64"},
		{"py3-none-any.manylinux_2_28_x86_64", "py3-none-manylinux_2_28_x86_64"},
		{"cp312.py3-none-any", "cp312-none-any"},
		{"CP312-CP312-Manylinux_2_17_X86_64", "cp312-cp312-manylinux_2_17_x86_64"},
		{"cp312-cp312-manylinux_2_29_x86_64", ""},
		{"cp312-cp312-musllinux_1_2_x86_64", ""},
		{"cp313-abi3-manylinux_2_28_x86_64", ""},
		{"cp311-cp311-manylinux_2_28_x86_64", ""},
		{"cp311-none-manylinux_2_28_x86_64", ""},
		{"cp312-cp312-any", ""},
		{"cp312-abi3-any", ""},
		{"py2-none-any", ""},
		{"", ""},
		{"py3-none", ""},
		{"py3-none-any-any", ""},
		{"cp312-none-any" + strings.Repeat(".x", maxTagSet), ""},
	}
	for _, test := range tests {
		rank, ok := tags.Rank(test.set)
		want, wantOK := place[test.best]
		if rank != want || ok != wantOK {
			t.Errorf("Rank(%s) = %d, %t, want %d, %t (%s)", quote(test.set), rank, ok, want, wantOK, test.best)
		}
	}
}

// The rank of a set is the least rank of the tags it stands for.
func TestTagsRankOfSets(t *testing.T) {
	tags := environment(t, "3.12.4", "manylinux_2_28_x86_64").Tags()
	place := map[string]int{}
	for i, tag := range tags.List() {
		place[tag] = i
	}
	some := func(words ...string) *rapid.Generator[[]string] {
		return rapid.SliceOfN(rapid.SampledFrom(words), 1, 4)
	}
	rapid.Check(t, func(t *rapid.T) {
		pythons := some("cp312", "cp311", "cp37", "cp313", "py3", "py312", "py2", "py36").Draw(t, "pythons")
		abis := some("cp312", "abi3", "none", "cp311").Draw(t, "abis")
		platforms := some("any", "manylinux_2_28_x86_64", "manylinux2014_x86_64", "linux_x86_64", "win_amd64").Draw(t, "platforms")
		want, wantOK := 0, false
		for _, python := range pythons {
			for _, abi := range abis {
				for _, platform := range platforms {
					if i, ok := place[python+"-"+abi+"-"+platform]; ok && (!wantOK || i < want) {
						want, wantOK = i, true
					}
				}
			}
		}
		set := strings.Join(pythons, ".") + "-" + strings.Join(abis, ".") + "-" + strings.Join(platforms, ".")
		if rank, ok := tags.Rank(set); rank != want || ok != wantOK {
			t.Fatalf("Rank(%s) = %d, %t, want %d, %t", set, rank, ok, want, wantOK)
		}
	})
}

func TestTagsRankAllocates(t *testing.T) {
	tags := environment(t, "3.12.4", "manylinux_2_28_x86_64").Tags()
	if n := testing.AllocsPerRun(100, func() { tags.Rank("cp312.cp311-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTagsRank(b *testing.B) {
	tags := environment(b, "3.12.4", "manylinux_2_28_x86_64").Tags()
	for _, set := range []string{"py3-none-any", "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp312-cp312-win_amd64"} {
		b.Run(set, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tags.Rank(set)
			}
		})
	}
}

func BenchmarkTags(b *testing.B) {
	e := environment(b, "3.12.4", "manylinux_2_36_x86_64")
	b.ReportAllocs()
	for b.Loop() {
		e.Tags()
	}
}
