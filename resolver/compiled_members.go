package resolver

// ReportOf is Report with other members than the best: of the value of each
// variable the one with the index, in the order of Members, that member has for
// it. Where a value has no members the index does not matter.
func (c *Compiled) ReportOf(x []int32, member []int) (*Report, error) {
	chosen := c.mapping.releases(c.mapping.origin(x))
	for v := range c.mapping.vars {
		s := &c.mapping.vars[v]
		if s.extra < 0 && chosen[s.project] >= 0 {
			chosen[s.project] = s.values[c.mapping.values[v][x[v]]][member[v]]
		}
	}
	return c.engine.reportOf(chosen)
}
