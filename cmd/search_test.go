package cmd

import (
	"reflect"
	"testing"

	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// TestPriorUnits: strategies are given the dual's prior in its own units, which are
// theirs (predictor.Options).
func TestPriorUnits(t *testing.T) {
	n := wcsptest.Generate(1, 30, 0.3)
	want, err := exact.Prior(n, priorWork)
	if err != nil {
		t.Fatal(err)
	}
	if got := (searchOptions{prior: true}).engine().Prior(n); !reflect.DeepEqual(got, want) {
		t.Error("the prior of the command line is not that of the dual")
	}
}
