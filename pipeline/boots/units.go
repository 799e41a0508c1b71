package boots

import (
	"fmt"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// Units lists the boots in the order in which they are asked.
func Units() []pipeline.Unit {
	return []pipeline.Unit{fullySpecified, rhel, environment, pythonVersion, kbAge, lockHash, labels, allowances, laxRequirements}
}

// note is a Booted of one note.
func note(level resolver.Level, evidence, format string, args ...any) pipeline.Booted {
	return pipeline.Booted{Notes: []resolver.Justification{{Level: level, Message: fmt.Sprintf(format, args...), Evidence: evidence}}}
}
