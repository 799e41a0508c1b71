package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// An osvPoint is what the events of a range say of one version. The zero
// version is before all.
type osvPoint struct {
	at                       py.Version
	introduced, fixed, final bool
}

// osvIntervals evaluates the events of a range (OSV schema, "Evaluation") for
// all versions at once. It counts the events that say nothing. With an event
// that cannot be read the whole range is left out: the rest would mean
// something else.
func osvIntervals(events []osvEvent) (ranges []py.Affected, empty int, err error) {
	var points []osvPoint
	var limit py.Version // the highest: a version below any is in
	limited, unlimited, introduced := false, false, false
	parse := func(what, text string) (v py.Version) {
		v, ok := osvVersion(text)
		if !ok && err == nil {
			err = fmt.Errorf("%s: %q is not a version", what, clip(text))
		}
		return v
	}
	for _, e := range events {
		if e == (osvEvent{}) {
			empty++
		}
		// The schema wants one each; old records have two, whose meaning is plain.
		if e.Introduced != "" {
			introduced = true
			p := osvPoint{introduced: true}
			if e.Introduced != "0" {
				p.at = parse("introduced", e.Introduced)
			}
			points = append(points, p)
		}
		if e.Fixed != "" {
			points = append(points, osvPoint{at: parse("fixed", e.Fixed), fixed: true})
		}
		if e.LastAffected != "" {
			points = append(points, osvPoint{at: parse("last_affected", e.LastAffected), final: true})
		}
		if e.Limit == "*" {
			unlimited = true
		} else if e.Limit != "" {
			limited = true
			if v := parse("limit", e.Limit); v.Compare(limit) > 0 {
				limit = v
			}
		}
	}
	if err != nil {
		return nil, empty, err
	}
	if !introduced && empty < len(events) {
		return nil, empty, errors.New("nothing is introduced")
	}
	ranges = osvSweep(points)
	if limited && !unlimited {
		ranges = osvClip(ranges, limit)
	}
	return ranges, empty, nil
}

// osvSweep goes through the points in the order of versions. Where one version
// has several events, their order is that in which none is lost: what is open
// ends before it opens again, and what opens may end at once.
func osvSweep(points []osvPoint) []py.Affected {
	slices.SortStableFunc(points, func(a, b osvPoint) int { return a.at.Compare(b.at) })
	var ranges []py.Affected
	var from py.Version
	open := false
	end := func(p osvPoint) {
		if !open || !p.fixed && !p.final {
			return
		}
		open = false
		if !p.fixed {
			ranges = append(ranges, py.Affected{From: from, Last: p.at})
		} else if from.Compare(p.at) < 0 { // else introduced and fixed at once: nowhere
			ranges = append(ranges, py.Affected{From: from, Before: p.at})
		}
	}
	for i := 0; i < len(points); {
		p := points[i]
		for i++; i < len(points) && points[i].at.Compare(p.at) == 0; i++ {
			p.introduced = p.introduced || points[i].introduced
			p.fixed = p.fixed || points[i].fixed
			p.final = p.final || points[i].final
		}
		was := open
		end(p)
		if p.introduced && !open {
			from, open = p.at, true
			if !was {
				end(p)
			}
		}
	}
	if open {
		ranges = append(ranges, py.Affected{From: from})
	}
	return ranges
}

// osvClip leaves of ranges what is below limit.
func osvClip(ranges []py.Affected, limit py.Version) []py.Affected {
	var out []py.Affected
	for _, r := range ranges {
		if r.From.Compare(limit) >= 0 {
			continue
		}
		if below := (py.Affected{Before: limit}); compareEnds(below, r) < 0 {
			r.Before, r.Last = limit, py.Version{}
		}
		out = append(out, r)
	}
	return out
}

// osvUnion returns the fewest ranges that have the same versions, in order. The
// order of list does not matter.
func osvUnion(list []py.Affected) []py.Affected {
	list = slices.Clone(list)
	slices.SortFunc(list, compareAffected)
	out := list[:0]
	for _, r := range list {
		if n := len(out); n > 0 && reaches(out[n-1], r.From) {
			if last := &out[n-1]; compareEnds(*last, r) < 0 {
				last.Before, last.Last = r.Before, r.Last
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// compareAffected orders ranges by where they begin. Spellings of equal
// versions count last, so that which one is kept does not depend on the order
// of reading.
func compareAffected(a, b py.Affected) int {
	return cmp.Or(a.From.Compare(b.From), compareEnds(a, b),
		cmp.Compare(a.From.String(), b.From.String()),
		cmp.Compare(a.Before.String(), b.Before.String()),
		cmp.Compare(a.Last.String(), b.Last.String()))
}

// compareEnds compares where ranges end: no end is last, and an end that is in
// the range is after one that is not.
func compareEnds(a, b py.Affected) int {
	endA, inA := endOf(a)
	endB, inB := endOf(b)
	switch {
	case endA.IsZero() || endB.IsZero():
		return ordered(endB.IsZero(), endA.IsZero())
	case endA.Compare(endB) != 0:
		return endA.Compare(endB)
	}
	return ordered(inB, inA)
}

// ordered returns -1 if only less, 1 if only more, else 0.
func ordered(less, more bool) int {
	switch {
	case less && !more:
		return -1
	case more && !less:
		return 1
	}
	return 0
}

func endOf(r py.Affected) (end py.Version, included bool) {
	if !r.Last.IsZero() {
		return r.Last, true
	}
	return r.Before, false
}

// reaches reports whether no version is between the end of r and from.
func reaches(r py.Affected, from py.Version) bool {
	end, _ := endOf(r)
	return end.IsZero() || from.Compare(end) <= 0
}
