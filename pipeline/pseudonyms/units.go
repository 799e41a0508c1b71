package pseudonyms

import "github.com/thamos/thamos/pipeline"

// Units lists the pseudonyms in the order in which they are asked.
func Units() []pipeline.Unit { return []pipeline.Unit{alias} }
