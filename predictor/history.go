package predictor

import "github.com/thamos/thamos/resolver/wcsp"

// A History keeps what a search records, thinned so that it stays small however
// long the search is. The zero History is empty.
type History struct {
	// Title is what Plot writes above; it may be anything.
	Title string

	points []wcsp.Point
	every  int // one of so many is kept; 0 means 1
	turn   int // points since one was kept
	last   wcsp.Point
}

// most is how many points a History keeps, besides the last.
const most = 2000

// Add keeps a point, or every second, fourth, … one after a while. It is a
// Request's Record.
func (h *History) Add(p wcsp.Point) {
	h.last = p
	if h.turn++; len(h.points) > 0 && h.turn < h.every {
		return
	}
	h.turn = 0
	if len(h.points) == most {
		for i := range most / 2 {
			h.points[i] = h.points[2*i]
		}
		h.points = h.points[:most/2]
		h.every = max(1, h.every) * 2
	}
	h.points = append(h.points, p)
}

// Points returns what is kept, with the first and the last point there was.
func (h *History) Points() []wcsp.Point {
	n := len(h.points)
	if n == 0 || h.points[n-1] == h.last {
		return h.points[:n:n]
	}
	return append(h.points[:n:n], h.last)
}
