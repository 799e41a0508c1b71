package resolver

import (
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Reach returns the packages of the stack that some of the user's requirements
// need, directly or through others: what would be left of the stack if only
// these had been asked for, at the same versions. A requirement whose project is not
// in the stack needs nothing.
func (r *Report) Reach(requirements []py.Requirement) map[py.Name]bool {
	type node struct{ name, extra py.Name }
	reached := map[py.Name]bool{}
	seen := map[node]bool{}
	var queue []node
	enter := func(name py.Name, extras []py.Name) {
		for _, x := range append([]py.Name{""}, extras...) {
			if n := (node{name, x}); !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		}
	}
	for _, q := range requirements {
		if _, ok := r.find(q.Name); ok {
			enter(q.Name, q.Extras)
		}
	}
	for head := 0; head < len(queue); head++ {
		n := queue[head]
		reached[n.name] = true
		c, _ := r.find(n.name)
		for _, e := range c.Needs {
			if e.Extra == n.extra {
				enter(e.To, e.Extras)
			}
		}
	}
	return reached
}

func (r *Report) find(name py.Name) (*Choice, bool) {
	i, ok := slices.BinarySearchFunc(r.Stack, name, func(c Choice, n py.Name) int {
		switch {
		case c.Name < n:
			return -1
		case c.Name > n:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, false
	}
	return &r.Stack[i], true
}
