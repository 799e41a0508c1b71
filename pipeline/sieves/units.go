package sieves

import (
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// Units lists the sieves in the order in which they are asked.
func Units() []pipeline.Unit { return []pipeline.Unit{dropMalware, dropQuarantined, dropVulnerable} }

// refuse says why a release may not be chosen; the first reason counts.
func refuse(s *resolver.Sifted, release int, reason string) {
	if s.Refused == nil {
		s.Refused = map[int]string{}
	}
	if s.Refused[release] == "" {
		s.Refused[release] = reason
	}
}
