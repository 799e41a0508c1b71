package kb

import (
	"cmp"
	"slices"
	"sort"

	"github.com/thamos/thamos/kb/py"
)

// A suspect is a release as suspicions look at it. Those of a project are
// sorted newest first, and called by their rank in that order.
type suspect struct {
	version py.Version
	yanked  bool
	asks    *asks // nil: its requirements are not known
	unread  bool  // if it has none, that may be because nobody read them
}

// A hint is what one later release says of earlier ones.
type hint struct {
	kind       py.SuspicionKind
	dependency py.Name
	top        py.Top
	line       string
	by         int   // rank
	suspects   []int // ranks, ascending
}

// hintsOf is what the releases of a project make one think of earlier ones, by
// dependency, newest witness first.
//
// A retro-cap is told by the nearest later release that has a lower top for a
// dependency, a hole by the nearest later one that needs something. A release
// that is yanked tells nothing, and a pre-release only where there is nothing
// else.
func hintsOf(name py.Name, releases []suspect) []hint {
	h := hinter{
		name: name,
		tops: map[py.Name][]witness{},
		at:   map[hintKey]int{},
		stable: slices.ContainsFunc(releases, func(r suspect) bool {
			return !r.version.Prerelease()
		}),
	}
	oldest := len(releases) // the oldest that needs something: only after it there are holes
	for oldest > 0 {
		oldest--
		if a := releases[oldest].asks; a != nil && a.plain != "" {
			break
		}
	}
	for rank := range releases {
		if releases[rank].asks != nil {
			h.look(rank, &releases[rank], rank < oldest)
		}
	}
	slices.SortFunc(h.hints, func(a, b hint) int {
		return cmp.Or(cmp.Compare(a.dependency, b.dependency), cmp.Compare(a.kind, b.kind), cmp.Compare(a.by, b.by))
	})
	return h.hints
}

// A hinter goes from the newest release to the oldest.
type hinter struct {
	name   py.Name
	stable bool // not every release is a pre-release

	// tops are the releases met so far that can be the nearest with a lower top
	// of some older one: each has a higher top than the one met before it.
	tops  map[py.Name][]witness
	plain *witness // the last that needs something

	hints []hint
	at    map[hintKey]int
}

// A witness is a release with what it says of one dependency.
type witness struct {
	by   int
	top  py.Top
	line string
}

type hintKey struct {
	kind       py.SuspicionKind
	dependency py.Name
	by         int
}

// look compares a release with those after it, and then counts it among them.
func (h *hinter) look(rank int, r *suspect, between bool) {
	counts := !r.yanked && !(h.stable && r.version.Prerelease())
	if r.asks.none && h.plain != nil && (between || r.unread) {
		h.hint(py.Hole, "", *h.plain, rank)
	}
	for _, b := range r.asks.bounds {
		if b.dependency == h.name {
			continue // an extra of its own
		}
		later := h.tops[b.dependency]
		lower := sort.Search(len(later), func(i int) bool { return !later[i].top.Below(b.top) })
		if lower > 0 && b.admitsAbove(later[lower-1].top) {
			h.hint(py.RetroCap, b.dependency, later[lower-1], rank)
		}
		if counts && !b.top.Version.IsZero() {
			h.tops[b.dependency] = append(later[:lower], witness{rank, b.top, b.line})
		}
	}
	if counts && r.asks.plain != "" {
		h.plain = &witness{by: rank, line: r.asks.plain}
	}
}

func (h *hinter) hint(kind py.SuspicionKind, dependency py.Name, w witness, rank int) {
	key := hintKey{kind, dependency, w.by}
	i, ok := h.at[key]
	if !ok {
		i = len(h.hints)
		h.at[key] = i
		h.hints = append(h.hints, hint{kind: kind, dependency: dependency, top: w.top, line: w.line, by: w.by})
	}
	h.hints[i].suspects = append(h.hints[i].suspects, rank)
}

// suspicions writes hints out, newest release first, by dependency.
func suspicions(name py.Name, hints []hint, releases int, version func(rank int) py.Version) []py.Suspicion {
	next := make([]int, releases+1) // where the next of a release goes; for now, how many the one before has
	for _, h := range hints {
		for _, rank := range h.suspects {
			next[rank+1]++
		}
	}
	for rank := range releases {
		next[rank+1] += next[rank]
	}
	if next[releases] == 0 {
		return nil
	}
	out := make([]py.Suspicion, next[releases])
	for _, h := range hints {
		by := version(h.by)
		for _, rank := range h.suspects {
			out[next[rank]] = py.Suspicion{
				Kind: h.kind, Project: name, Version: version(rank),
				Dependency: h.dependency, Top: h.top,
				By: by, Line: h.line,
			}
			next[rank]++
		}
	}
	return out
}

// suspectsOf are the releases of a project as suspicions look at them. unread
// says of which an empty list may be one that was not read; nil of none.
func (b *bounder) suspectsOf(p *py.Project, unread func(*py.Release) bool) []suspect {
	out := make([]suspect, len(p.Releases))
	read := map[*py.Requires]*asks{}
	for i := range p.Releases {
		r := &p.Releases[i]
		out[i] = suspect{version: r.Version, yanked: r.Yanked, unread: unread != nil && unread(r)}
		if r.Requires == nil {
			continue
		}
		a := read[r.Requires]
		if a == nil {
			a = b.read(r.Requires.Lines)
			read[r.Requires] = a
		}
		out[i].asks = a
	}
	return out
}

// suspectsOfDrafts are drafts as suspicions look at them.
func suspectsOfDrafts(b *bounder, drafts []draft, unread bool) []suspect {
	out := make([]suspect, len(drafts))
	for i, d := range drafts {
		out[i] = suspect{version: d.version, yanked: d.yanked, unread: unread}
		if d.requires != nil {
			out[i].asks = b.asks(d.requires.lines)
		}
	}
	return out
}
