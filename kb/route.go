package kb

import "github.com/thamos/thamos/kb/py"

// A Route says which index serves a project: the first that has it, or the one
// that it is pinned to. That order is what keeps a stranger's project on a
// later index from taking the place of a private one with the same name.
type Route struct {
	// Indexes are the indexes that are asked for every project, in order, each
	// its URL without credentials. Explicit indexes are not among them.
	Indexes []string

	// Pins are projects that one index alone may serve.
	Pins map[py.Name]string

	// Nameless is what a snapshot is called here that does not record the index
	// that it is of.
	Nameless string
}

// Of returns the indexes that may serve a project, in order.
func (r Route) Of(name py.Name) []string {
	if index, ok := r.Pins[name]; ok {
		return []string{index}
	}
	return r.Indexes
}
