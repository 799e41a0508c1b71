package wraps

import (
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// Units lists the wraps in the order in which they are asked.
func Units() []pipeline.Unit {
	return []pipeline.Unit{
		advisoriesLeft, suspicionsLeft, projectStatus, maturity, builds, yankedLeft, licences, releaseNotes, projectLinks,
	}
}

// names are those of a stack, in its order.
func names(stack []resolver.Choice) []py.Name {
	all := make([]py.Name, len(stack))
	for i, c := range stack {
		all[i] = c.Name
	}
	return all
}
