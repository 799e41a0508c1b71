package py

import (
	"strconv"
	"strings"
)

// maxTagSet is the longest compressed tag set that is looked at, in bytes: file
// names are shorter. It bounds the combinations one set can make.
const maxTagSet = 512

// maxMinor is the greatest minor version of Python that tags are made for;
// there are some for each up to it.
const maxMinor = 199

// Tags are the wheel tags an environment can install, best first.
//
// The list is every pair of Python and ABI tag with every platform, pair by
// pair, and then pure pairs with the platform "any". So a rank is found from
// three small tables, without making the tags.
type Tags struct {
	platforms []string
	pairs     []pair // with each platform
	pure      []pair // with "any"

	platformRank       map[string]int
	pairRank, pureRank map[pair]int
}

// A pair is a Python tag and an ABI tag.
type pair struct{ python, abi string }

// Tags returns the tags of wheels that can be installed, in the order of the
// packaging library: for CPython by its ABI, the stable ABI (abi3, or abi3t if
// it is free-threaded) of this and older versions, and pure Python; for PyPy by
// its ABI, if its version is known, and pure Python; for others pure Python
// only. Without a Python version there are none.
func (e *Environment) Tags() *Tags {
	t := &Tags{platforms: e.Platform.Tags()}
	major, minor := e.pythonNumbers()
	if major == 0 {
		return t.ranked()
	}
	python := func(kind string, minor int) string { return kind + strconv.Itoa(major) + strconv.Itoa(minor) }
	generic := ""
	switch e.Implementation {
	case "cpython":
		generic = python("cp", minor)
		t.pairs = e.cpythonPairs(major, minor)
	case "pypy":
		generic = "pp" + strconv.Itoa(major)
		if r := e.ImplementationVersion.Release(); len(r) >= 2 {
			abi := python("pypy", minor) + "_pp" + strconv.Itoa(r[0]) + strconv.Itoa(r[1])
			t.pairs = append(t.pairs, pair{python("pp", minor), abi})
		}
		t.pairs = append(t.pairs, pair{python("pp", minor), "none"})
	}
	if generic != "" {
		t.pure = append(t.pure, pair{generic, "none"})
	}
	pure := []pair{{python("py", minor), "none"}, {"py" + strconv.Itoa(major), "none"}}
	for n := minor - 1; n >= 0; n-- {
		pure = append(pure, pair{python("py", n), "none"})
	}
	t.pairs = append(t.pairs, pure...)
	t.pure = append(t.pure, pure...)
	return t.ranked()
}

// cpythonPairs are the pairs of binary wheels for CPython.
func (e *Environment) cpythonPairs(major, minor int) []pair {
	number := strconv.Itoa(major) + strconv.Itoa(minor)
	this := "cp" + number
	threads, debug, malloc, stable := "", "", "", "abi3"
	if e.FreeThreaded && (major > 3 || minor >= 13) {
		threads, stable = "t", "abi3t"
	}
	if e.Debug {
		debug = "d"
	}
	if major == 3 && minor < 8 {
		malloc = "m"
	}
	pairs := []pair{{this, this + threads + debug + malloc}}
	if e.Debug && malloc == "" { // since 3.8 it loads what is made without debugging
		pairs = append(pairs, pair{this, this + threads})
	}
	pairs = append(pairs, pair{this, stable}, pair{this, "none"})
	for n := minor - 1; n >= 2; n-- {
		pairs = append(pairs, pair{"cp" + strconv.Itoa(major) + strconv.Itoa(n), stable})
	}
	return pairs
}

// pythonNumbers returns the first two numbers of Python's version; zeros if
// there is none.
func (e *Environment) pythonNumbers() (major, minor int) {
	r := append(e.Python.Release(), 0, 0)
	return min(r[0], maxMinor), min(r[1], maxMinor)
}

// ranked makes the tables from the lists.
func (t *Tags) ranked() *Tags {
	t.platformRank = make(map[string]int, len(t.platforms))
	for i, p := range t.platforms {
		t.platformRank[p] = i
	}
	table := func(pairs []pair) map[pair]int {
		ranks := make(map[pair]int, len(pairs))
		for i, p := range pairs {
			ranks[p] = i
		}
		return ranks
	}
	t.pairRank, t.pureRank = table(t.pairs), table(t.pure)
	return t
}

// Rank returns the place in List of the best tag of a compressed tag set such
// as "py2.py3-none-any"; lower is better. It is not ok if none of them can be
// installed, or the set is malformed. Case does not matter (PEP 425).
func (t *Tags) Rank(tags string) (rank int, ok bool) {
	if len(tags) > maxTagSet {
		return 0, false
	}
	pythons, rest, _ := strings.Cut(strings.ToLower(tags), "-")
	abis, platforms, found := strings.Cut(rest, "-")
	if !found {
		return 0, false
	}
	// Each rank of a pair is followed by one for each platform, so the best pair
	// with the best platform is the best of all combinations.
	platform, pure := -1, false
	for p := range strings.SplitSeq(platforms, ".") {
		if i, ok := t.platformRank[p]; ok && (platform < 0 || i < platform) {
			platform = i
		}
		pure = pure || p == "any"
	}
	if platform >= 0 {
		if i := best(t.pairRank, pythons, abis); i >= 0 {
			return i*len(t.platforms) + platform, true
		}
	}
	if pure {
		if i := best(t.pureRank, pythons, abis); i >= 0 {
			return len(t.pairs)*len(t.platforms) + i, true
		}
	}
	return 0, false
}

// best is the least rank of the combinations of Python and ABI tags, or -1.
func best(ranks map[pair]int, pythons, abis string) int {
	least := -1
	for python := range strings.SplitSeq(pythons, ".") {
		for abi := range strings.SplitSeq(abis, ".") {
			if i, ok := ranks[pair{python, abi}]; ok && (least < 0 || i < least) {
				least = i
			}
		}
	}
	return least
}

// List returns the tags, best first, as "cp312-cp312-manylinux_2_17_x86_64".
func (t *Tags) List() []string {
	list := make([]string, 0, len(t.pairs)*len(t.platforms)+len(t.pure))
	for _, p := range t.pairs {
		for _, platform := range t.platforms {
			list = append(list, p.python+"-"+p.abi+"-"+platform)
		}
	}
	for _, p := range t.pure {
		list = append(list, p.python+"-"+p.abi+"-any")
	}
	return list
}
