package steps

import "github.com/thamos/thamos/pipeline"

// Units lists the steps in the order in which they are asked.
func Units() []pipeline.Unit {
	return []pipeline.Unit{
		hole, malware, retroCap, advisory, freshness, cooldown, wheel, yanked, classifiers,
		observed, performance, securityIndicators, licence, leastChange,
	}
}
