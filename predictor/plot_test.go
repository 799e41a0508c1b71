package predictor_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/thamos/thamos/predictor"
	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

var update = flag.Bool("update", false, "rewrite golden files")

// wellFormed reads a plot as XML, and returns its text.
func wellFormed(t *testing.T, svg []byte) (text string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if c, ok := token.(xml.CharData); ok {
			text += string(c)
		}
	}
}

// TestPlot draws a recorded search, and one that is made up, which it compares with
// the one in testdata, which was looked at.
func TestPlot(t *testing.T) {
	var h predictor.History
	h.Title = "anneal & then <exact>"
	s := predictor.Auto{Options: options(), Anneal: 30000}
	solve(t, "auto", s, wcsptest.Generate(0, 40, 0.05), wcsp.Request{Record: h.Add})
	var b bytes.Buffer
	if err := predictor.Plot(&b, h); err != nil {
		t.Fatal(err)
	}
	text := wellFormed(t, b.Bytes())
	for _, want := range []string{h.Title, "best score", "bound", "temperature", "work"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plot does not say %q", want)
		}
	}
	anneal := predictor.History{Title: "annealing, made up"}
	best := int64(1_400_000)
	for i := range 300 {
		p := wcsp.Point{Work: int64(i) * 300_000, Best: best, Bound: wcsp.Unbounded, Temperature: 3000 * math.Pow(0.01, float64(i%100)/100)}
		if best += int64(300-i) * 100 / int64(1+i); i >= 20 {
			p.Bound = 1_600_000 - int64(i)*100
		}
		anneal.Add(p)
	}
	b.Reset()
	if err := predictor.Plot(&b, anneal); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/anneal.svg"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s is not what is drawn (%v): look at it, and run with -update", golden, err)
	}
}

// TestPlotExtremes draws what has no extent, and what is as large as can be.
func TestPlotExtremes(t *testing.T) {
	for name, points := range map[string][]wcsp.Point{
		"nothing":       nil,
		"no stack":      {{Work: 5, Best: wcsp.None, Bound: wcsp.Unbounded}, {Work: 9, Best: wcsp.None, Bound: wcsp.None}},
		"one point":     {{Work: 0, Best: 0, Bound: 0}},
		"all the same":  {{Work: 7, Best: -3, Bound: -3, Temperature: 1}, {Work: 7, Best: -3, Bound: -3, Temperature: 1}},
		"as large":      {{Work: math.MaxInt64, Best: -wcsp.MaxScore, Bound: wcsp.MaxScore, Temperature: 1e300}, {Work: math.MaxInt64, Best: wcsp.MaxScore, Bound: wcsp.MaxScore, Temperature: 1e-300}},
		"no fire":       {{Work: 1, Best: 1, Bound: 2}, {Work: 2, Best: 2, Bound: 2}},
		"an odd number": {{Work: 1, Best: 1, Bound: 2, Temperature: math.NaN()}, {Work: 2, Best: 2, Bound: 2, Temperature: math.Inf(1)}},
	} {
		h := predictor.History{Title: "\x00<script>\xff"}
		for _, p := range points {
			h.Add(p)
		}
		var b bytes.Buffer
		if err := predictor.Plot(&b, h); err != nil {
			t.Fatal(err)
		}
		if wellFormed(t, b.Bytes()); bytes.Contains(b.Bytes(), []byte("NaN")) || bytes.Contains(b.Bytes(), []byte("Inf")) || b.Len() > 20000 {
			t.Errorf("%s: %d bytes\n%.3000s", name, b.Len(), b.Bytes())
		}
	}
}

// TestHistoryThins adds far more than is kept.
func TestHistoryThins(t *testing.T) {
	var h predictor.History
	for i := range 100_001 {
		h.Add(wcsp.Point{Work: int64(i)})
	}
	points := h.Points()
	if n := len(points); n < 1000 || n > 2001 || points[0].Work != 0 || points[n-1].Work != 100_000 {
		t.Errorf("%d points from %d to %d", n, points[0].Work, points[n-1].Work)
	}
	for i := 2; i < len(points)-1; i++ {
		if points[i].Work-points[i-1].Work != points[1].Work-points[0].Work {
			t.Fatalf("a gap before %d", points[i].Work)
		}
	}
	h.Points()[0].Work = 5
	h.Add(wcsp.Point{Work: 1 << 40})
	if p := h.Points(); p[len(p)-1].Work != 1<<40 {
		t.Error("the last point is missing")
	}
}
