package predictor

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"math"

	"github.com/thamos/thamos/resolver/wcsp"
)

// The measures of a plot, in pixels.
const (
	plotWidth, plotHeight           = 860, 460
	plotLeft, plotRight             = 86, 86
	plotTop, plotBottom             = 74, 62
	plotRightEdge, plotBottomEdge   = plotWidth - plotRight, plotHeight - plotBottom
	plotInnerWidth, plotInnerHeight = plotRightEdge - plotLeft, plotBottomEdge - plotTop
)

// plotStyle has the colours of a plot, for who reads on white and who on black.
const plotStyle = `<style>
svg { background: #ffffff; font: 13px system-ui, sans-serif; }
text { fill: #333333; } .title { font-size: 16px; font-weight: 600; }
path { fill: none; stroke-width: 2; stroke-linejoin: round; }
.grid { stroke: #e4e4e4; stroke-width: 1; } .axis { stroke: #888888; stroke-width: 1; }
.score { stroke: #0b62a4; } .bound { stroke: #b4441a; stroke-dasharray: 6 4; } .temperature { stroke: #7a7a7a; stroke-width: 1.2; }
circle.score { fill: #0b62a4; } circle.bound { fill: #b4441a; }
@media (prefers-color-scheme: dark) {
svg { background: #16181c; } text { fill: #d8d8d8; } .grid { stroke: #2c3036; } .axis { stroke: #777777; }
.score { stroke: #6cb6f2; } .bound { stroke: #f0925e; } .temperature { stroke: #9a9a9a; }
circle.score { fill: #6cb6f2; } circle.bound { fill: #f0925e; }
}
</style>
`

// Plot draws a history as an SVG that needs nothing else: score and bound against
// work, and the temperature, if there is one, on a logarithmic axis of its own. A
// score is drawn from the first stack on, a bound from when something is known.
func Plot(w io.Writer, h History) error {
	points := h.Points()
	c := newChart(points)
	var b bytes.Buffer
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", plotWidth, plotHeight, plotWidth, plotHeight)
	title := cmp.Or(h.Title, "Score and bound of a search")
	fmt.Fprintf(&b, "<title>%s</title>\n%s", escape(title), plotStyle)
	fmt.Fprintf(&b, "<text class=\"title\" x=\"%d\" y=\"28\">%s</text>\n", plotLeft, escape(title))
	c.axes(&b)
	c.line(&b, "temperature", false, points, func(p wcsp.Point) (float64, bool) {
		return c.fire.at(math.Log10(p.Temperature)), hot(p)
	})
	c.line(&b, "bound", true, points, func(p wcsp.Point) (float64, bool) {
		return c.score.at(float64(p.Bound)), p.Bound != wcsp.Unbounded && p.Bound != wcsp.None
	})
	c.line(&b, "score", true, points, func(p wcsp.Point) (float64, bool) {
		return c.score.at(float64(p.Best)), p.Best != wcsp.None
	})
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// hot reports whether a point has a temperature.
func hot(p wcsp.Point) bool { return p.Temperature > 0 && !math.IsInf(p.Temperature, 1) }

// escape makes any text that of an XML element.
func escape(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a buffer never fails
	return b.String()
}

// A scale maps what is from low to high to pixels from begin to end.
type scale struct {
	low, high  float64
	begin, end float64
	any        bool // something was included
}

func (s *scale) include(x float64) {
	if !s.any {
		s.low, s.high, s.any = x, x, true
	}
	s.low, s.high = min(s.low, x), max(s.high, x)
}

// widen leaves room around, so that nothing lies on the edge.
func (s *scale) widen(share float64) {
	room := (s.high - s.low) * share
	if room == 0 {
		room = max(1, math.Abs(s.low)*0.01)
	}
	s.low, s.high = s.low-room, s.high+room
}

func (s *scale) at(x float64) float64 {
	return s.begin + (x-s.low)/(s.high-s.low)*(s.end-s.begin)
}

// ticks returns round numbers within the scale, about as many as asked for, and
// the step between them: 1, 2 or 5 times a power of ten.
func (s *scale) ticks(about float64) (at []float64, step float64) {
	raw := (s.high - s.low) / about
	step = math.Pow(10, math.Floor(math.Log10(raw)))
	switch f := raw / step; {
	case f > 5:
		step *= 10
	case f > 2:
		step *= 5
	case f > 1:
		step *= 2
	}
	for i := math.Ceil(s.low / step); i*step <= s.high; i++ {
		at = append(at, i*step)
	}
	return at, step
}

// A chart is the scales of a history.
type chart struct{ work, score, fire scale }

func newChart(points []wcsp.Point) *chart {
	c := &chart{
		work:  scale{begin: plotLeft, end: plotRightEdge},
		score: scale{begin: plotBottomEdge, end: plotTop},
		fire:  scale{begin: plotBottomEdge, end: plotTop},
	}
	c.work.include(0)
	for _, p := range points {
		c.work.include(float64(p.Work))
		if p.Best != wcsp.None {
			c.score.include(float64(p.Best))
		}
		if p.Bound != wcsp.Unbounded && p.Bound != wcsp.None {
			c.score.include(float64(p.Bound))
		}
		if hot(p) {
			c.fire.include(math.Log10(p.Temperature))
		}
	}
	c.score.widen(0.06)
	if c.work.high == c.work.low {
		c.work.high++
	}
	if c.fire.any {
		c.fire.low, c.fire.high = math.Floor(c.fire.low), math.Ceil(c.fire.high)
		if c.fire.low == c.fire.high {
			c.fire.high++
		}
	}
	return c
}

// axes draws all that is not a line: grid, ticks, labels and legend.
func (c *chart) axes(b *bytes.Buffer) {
	at, step := c.work.ticks(7)
	for _, x := range at {
		px := c.work.at(x)
		fmt.Fprintf(b, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", px, plotTop, plotBottomEdge)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", px, plotBottomEdge+20, number(x, step))
	}
	if c.score.any {
		at, step = c.score.ticks(6)
		for _, y := range at {
			py := c.score.at(y)
			fmt.Fprintf(b, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", plotLeft, py, plotRightEdge)
			fmt.Fprintf(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", plotLeft-8, py+4.5, number(y, step))
		}
	}
	label(b, (plotLeft+plotRightEdge)/2, plotBottomEdge+46, 0, "work (units of about a nanosecond)")
	label(b, 20, plotTop+plotInnerHeight/2, -90, "score")
	x := legend(b, plotLeft, "score", "best score")
	x = legend(b, x, "bound", "bound: no stack is better")
	if c.fire.any {
		for y := c.fire.low; y <= c.fire.high; y += max(1, math.Round((c.fire.high-c.fire.low)/6)) {
			fmt.Fprintf(b, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", plotRightEdge+8, c.fire.at(y)+4.5, power(y))
		}
		label(b, plotWidth-16, plotTop+plotInnerHeight/2, 90, "temperature")
		legend(b, x, "temperature", "temperature (right axis)")
	}
	fmt.Fprintf(b, "<path class=\"axis\" d=\"M%d %dV%dH%dV%d\"/>\n", plotLeft, plotTop, plotBottomEdge, plotRightEdge, plotTop)
}

func label(b *bytes.Buffer, x, y, turn int, text string) {
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\"", x, y)
	if turn != 0 {
		fmt.Fprintf(b, " transform=\"rotate(%d %d %d)\"", turn, x, y)
	}
	fmt.Fprintf(b, ">%s</text>\n", escape(text))
}

// legend draws one entry, and returns where the next one begins.
func legend(b *bytes.Buffer, x int, class, text string) int {
	const y = 52
	fmt.Fprintf(b, "<path class=\"%s\" d=\"M%d %dH%d\"/>\n", class, x, y, x+28)
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\">%s</text>\n", x+36, y+4, escape(text))
	return x + 62 + len(text)*7
}

// line draws what y gives of the points that have it, in steps or straight. A line
// of one point is a dot.
func (c *chart) line(b *bytes.Buffer, class string, steps bool, points []wcsp.Point, y func(wcsp.Point) (float64, bool)) {
	var d bytes.Buffer
	n, px, py := 0, 0.0, 0.0
	for _, p := range points {
		at, ok := y(p)
		if !ok {
			continue
		}
		x := c.work.at(float64(p.Work))
		switch {
		case n == 0:
			fmt.Fprintf(&d, "M%.1f %.1f", x, at)
		case steps:
			fmt.Fprintf(&d, "H%.1f", x)
			if at != py {
				fmt.Fprintf(&d, "V%.1f", at)
			}
		default:
			fmt.Fprintf(&d, "L%.1f %.1f", x, at)
		}
		n, px, py = n+1, x, at
	}
	switch {
	case n == 1:
		fmt.Fprintf(b, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", class, px, py)
	case n > 1:
		fmt.Fprintf(b, "<path class=\"%s\" d=\"%s\"/>\n", class, d.Bytes())
		if steps {
			fmt.Fprintf(b, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", class, px, py)
		}
	}
}

// number writes x so that numbers a step apart differ.
func number(x, step float64) string {
	unit, name := 1.0, ""
	for _, u := range []struct {
		size float64
		name string
	}{{1e3, " k"}, {1e6, " M"}, {1e9, " G"}, {1e12, " T"}} {
		if max(math.Abs(x), step) >= u.size {
			unit, name = u.size, u.name
		}
	}
	if x == 0 {
		return "0"
	}
	digits := max(0, int(math.Ceil(-math.Log10(step/unit)-1e-9)))
	return fmt.Sprintf("%.*f%s", digits, x/unit, name)
}

// power writes a power of ten.
func power(exponent float64) string {
	if exponent >= -2 && exponent <= 5 {
		return fmt.Sprintf("%g", math.Pow(10, exponent))
	}
	return fmt.Sprintf("1e%.0f", exponent)
}
