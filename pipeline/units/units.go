package units

import (
	"slices"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/boots"
	"github.com/thamos/thamos/pipeline/prescription"
	"github.com/thamos/thamos/pipeline/pseudonyms"
	"github.com/thamos/thamos/pipeline/sieves"
	"github.com/thamos/thamos/pipeline/steps"
	"github.com/thamos/thamos/pipeline/strides"
	"github.com/thamos/thamos/pipeline/wraps"
)

// All lists every unit: those built in by kind, in the order in which they are
// asked, and then those that look up prescriptions.
func All() []pipeline.Unit {
	return slices.Concat(
		boots.Units(), pseudonyms.Units(), sieves.Units(), steps.Units(), strides.Units(), wraps.Units(),
		prescription.Units(),
	)
}
