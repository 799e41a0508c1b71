package predictor

import (
	"io"

	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
)

type Strategy struct {
	Name   string
	Proves bool
}

func (Strategy) New() wcsp.Searcher { return exact.Engine{} }

func Named(string) (Strategy, bool) { return Strategy{"exact", true}, true }
func Names() string                 { return "exact" }

type History struct{}

func (h *History) Add(wcsp.Point)        {}
func Plot(w io.Writer, h History) error  { return nil }
