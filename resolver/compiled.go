package resolver

import (
	"context"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A Compiled is a problem as a network that has all its stacks: for who wants
// other stacks than the best one. The network's scores are those of the last
// tier; Report knows those of all.
type Compiled struct {
	engine  *engine
	mapping *mapping
}

// Compile makes the network of a problem. It fails as Solve does if there is no
// stack or that is not known.
func Compile(ctx context.Context, p *Problem, k Knowledge) (*Compiled, error) {
	c, err := newClosure(ctx, p, k, noHope)
	if err != nil {
		return nil, err
	}
	e := newEngine(newTables(c, false))
	found, _, err := e.search(ctx, nil)
	if err != nil {
		return nil, err
	}
	if !found {
		_, err := Solve(ctx, p, k) // which says why
		return nil, err
	}
	goal := objective{}
	goal.weights[lastLevel] = 1
	return &Compiled{e, newSpace(c).network(&goal)}, nil
}

// Network returns the network. It must not be changed.
func (c *Compiled) Network() *wcsp.Network { return c.mapping.net }

// Members returns the packages that a value of a variable stands for, the best
// first: nobody can tell them apart but by what each is worth by itself. It is
// empty for absence, and for the variables of extras, which follow the others.
func (c *Compiled) Members(v, x int32) []py.Package {
	s := &c.mapping.vars[v]
	if s.extra >= 0 {
		return nil
	}
	p := c.mapping.closure.projects[s.project]
	var all []py.Package
	for _, i := range s.values[c.mapping.values[v][x]] {
		all = append(all, py.Package{Name: p.name, Version: p.releases[i].Version})
	}
	return all
}

// Report reports the stack of a legal assignment of the network, with the best
// member of every value.
func (c *Compiled) Report(x []int32) (*Report, error) {
	return c.engine.reportOf(c.mapping.releases(c.mapping.origin(x)))
}
