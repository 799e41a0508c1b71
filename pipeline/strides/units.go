package strides

import "github.com/thamos/thamos/pipeline"

// Units lists the strides in the order in which they are asked.
func Units() []pipeline.Unit { return []pipeline.Unit{unique} }
