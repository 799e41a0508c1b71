package ingest

import (
	"fmt"

	"github.com/thamos/thamos/kb/py"
)

// maxFaults is how many faults a Report keeps; the rest are counted only, so
// that a hostile index cannot make a report as large as itself.
const maxFaults = 1000

// A Fault is one thing that was said and could not be used, or was expected
// and is missing. It does not end the reading.
type Fault struct {
	Where  string // project, file or document
	Reason string
}

func (f Fault) String() string { return f.Where + ": " + f.Reason }

// A Report says what a reader found and what it had to leave out.
type Report struct {
	Projects int // projects handed on
	Files    int // files handed on
	Metadata int // releases whose metadata was read

	// Ignored is how many version texts were left out because they are not
	// versions; every old project has some, so they are not faults.
	Ignored int

	// Missing are projects that were asked for and are not there, in the order
	// in which they were asked for.
	Missing []py.Name

	// Faults are the first faults in the order of the reading; Dropped counts
	// those after the thousandth.
	Faults  []Fault
	Dropped int
}

// fault notes one fault.
func (r *Report) fault(where, format string, args ...any) {
	r.add(Fault{Where: where, Reason: fmt.Sprintf(format, args...)})
}

// add notes faults.
func (r *Report) add(faults ...Fault) {
	for _, f := range faults {
		if len(r.Faults) == maxFaults {
			r.Dropped++
			continue
		}
		r.Faults = append(r.Faults, f)
	}
}
