package ingest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/thamos/thamos/kb/py"
)

// ObservationSchema names the form of a line that ReadObservations takes.
const ObservationSchema = "thamos/observation/1"

// Bounds of observations, which are those of a knowledge base.
const (
	maxObservationLine  = 1 << 20 // bytes
	maxObservationLines = 10_000_000
	maxObservationWord  = 255 // bytes
	maxObservationText  = 64 << 10
	maxObservedPackages = 10_000
)

// observationKinds are what can be tried.
var observationKinds = []string{"build", "install", "import", "test", "metric"}

// ReadObservations reads what came of trying releases, and what tools counted in
// them: JSON Lines in UTF-8, one object a line; empty lines are skipped. All
// have
//
//	"schema"    "thamos/observation/1"
//	"packages"  what was tried, a release or a stack: ["NAME==VERSION", ...],
//	            each project once
//
// An observation has besides, all but kind and outcome optional:
//
//	"kind"      build, install, import, test or metric
//	"outcome"   ok or failed; any other word, such as timeout, says nothing
//	            about the packages
//	"class"     of the failure, a word, such as import_error
//	"excerpt"   of what was printed, at most 64 KiB
//	"python"    version, as 3.12; absent if it does not matter
//	"platform"  as linux_x86_64; absent if it does not matter
//	"document"  digest of the document that says so
//	"at"        when, as in RFC 3339
//
// and one of kind metric, which has no outcome but a measured
//
//	"metric"    name, required
//	"value"     number, required
//	"unit"      of the value, such as s
//	"higher"    true if a higher value is better
//
// A line with "tool" is an indicator: a count that a tool made of exactly one
// release. It has "tool", "metric" and "value", all required, and nothing else.
//
// Words are at most 255 bytes. The first line that is otherwise, or has a key
// that is not named here, is an error, with its number. Observations and
// indicators are in the order of the lines.
func ReadObservations(r io.Reader) ([]py.Observation, []py.Indicator, error) {
	var observations []py.Observation
	var indicators []py.Indicator
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxObservationLine)
	n := 0
	for lines.Scan() {
		if n++; n > maxObservationLines {
			return nil, nil, fmt.Errorf("read observations: more than %d lines", maxObservationLines)
		}
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		line, err := decodeObservation(text)
		if err != nil {
			return nil, nil, fmt.Errorf("read observations: line %d: %w", n, err)
		}
		if line.Tool != nil {
			indicators = append(indicators, line.indicator())
		} else {
			observations = append(observations, line.observation())
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, nil, fmt.Errorf("read observations: line %d: more than %d bytes", n+1, maxObservationLine)
	} else if err != nil {
		return nil, nil, fmt.Errorf("read observations: line %d: %w", n+1, err)
	}
	return observations, indicators, nil
}

// An observationLine is one line. Pointers tell what is absent from what is
// empty.
type observationLine struct {
	Schema   string   `json:"schema"`
	Packages []string `json:"packages"`

	Kind     string `json:"kind"`
	Outcome  string `json:"outcome"`
	Class    string `json:"class"`
	Excerpt  string `json:"excerpt"`
	Python   string `json:"python"`
	Platform string `json:"platform"`
	Document string `json:"document"`
	At       string `json:"at"`

	Tool   *string  `json:"tool"`
	Metric string   `json:"metric"`
	Value  *float64 `json:"value"`
	Unit   string   `json:"unit"`
	Higher *bool    `json:"higher"`

	packages []py.Package
	at       int64
}

// decodeObservation decodes a line and checks it.
func decodeObservation(text []byte) (*observationLine, error) {
	var line observationLine
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&line); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	if line.Schema != ObservationSchema {
		return nil, fmt.Errorf("the schema is %q, want %q", clip(line.Schema), ObservationSchema)
	}
	if err := line.parse(); err != nil {
		return nil, err
	}
	if line.Tool != nil {
		return &line, line.checkIndicator()
	}
	return &line, line.checkObservation()
}

// parse parses what is text on the line and checks all words.
func (l *observationLine) parse() error {
	if n := len(l.Packages); n == 0 || n > maxObservedPackages {
		return fmt.Errorf("%d packages, want 1 to %d", n, maxObservedPackages)
	}
	for _, text := range l.Packages {
		p, err := parsePinned(text)
		if err != nil {
			return err
		}
		l.packages = append(l.packages, p)
	}
	slices.SortFunc(l.packages, func(a, b py.Package) int { return strings.Compare(string(a.Name), string(b.Name)) })
	for i := range l.packages[1:] {
		if l.packages[i].Name == l.packages[i+1].Name {
			return fmt.Errorf("%s is there twice", l.packages[i].Name)
		}
	}
	for _, w := range []struct{ what, word string }{
		{"outcome", l.Outcome}, {"class", l.Class}, {"python", l.Python}, {"platform", l.Platform},
		{"document", l.Document}, {"metric", l.Metric}, {"unit", l.Unit},
	} {
		if !isWordOrEmpty(w.word) {
			return fmt.Errorf("%s: %q is not a word", w.what, clip(w.word))
		}
	}
	if len(l.Excerpt) > maxObservationText {
		return fmt.Errorf("excerpt: %d bytes, the limit is %d", len(l.Excerpt), maxObservationText)
	}
	if l.At == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, l.At)
	if err != nil || at.Unix() < 0 {
		return fmt.Errorf("at: %q is not a time since 1970 (want one as 2026-11-24T00:00:00Z)", clip(l.At))
	}
	l.at = at.Unix()
	return nil
}

// parsePinned parses NAME==VERSION.
func parsePinned(text string) (py.Package, error) {
	name, version, found := strings.Cut(text, "==")
	if !found {
		return py.Package{}, fmt.Errorf("packages: %q is not NAME==VERSION", clip(text))
	}
	n, err := py.ParseName(name)
	if err != nil {
		return py.Package{}, fmt.Errorf("packages: %w", err)
	}
	v, err := py.ParseVersion(version)
	if err != nil {
		return py.Package{}, fmt.Errorf("packages: %w", err)
	}
	if len(n) > maxObservationWord || len(v.String()) > maxOSVVersion {
		return py.Package{}, fmt.Errorf("packages: %q is too long", clip(text))
	}
	return py.Package{Name: n, Version: v}, nil
}

// isWordOrEmpty reports whether s is short and on one line.
func isWordOrEmpty(s string) bool {
	return len(s) <= maxObservationWord && s == strings.TrimSpace(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}

func (l *observationLine) checkObservation() error {
	metric := l.Kind == "metric"
	switch {
	case !slices.Contains(observationKinds, l.Kind):
		return fmt.Errorf("kind: %q is none of %s", clip(l.Kind), strings.Join(observationKinds, ", "))
	case metric && (l.Metric == "" || l.Value == nil):
		return errors.New("a metric needs metric and value")
	case metric && l.Outcome != "":
		return errors.New("a metric has no outcome")
	case !metric && l.Outcome == "":
		return fmt.Errorf("%s needs an outcome", l.Kind)
	case !metric && (l.Metric != "" || l.Value != nil || l.Unit != "" || l.Higher != nil):
		return fmt.Errorf("metric, value, unit and higher are of kind metric, not %s", l.Kind)
	}
	return nil
}

func (l *observationLine) checkIndicator() error {
	switch {
	case len(l.packages) != 1:
		return fmt.Errorf("an indicator is of one package, not of %d", len(l.packages))
	case *l.Tool == "" || !isWordOrEmpty(*l.Tool):
		return fmt.Errorf("tool: %q is not a word", clip(*l.Tool))
	case l.Metric == "" || l.Value == nil:
		return errors.New("an indicator needs metric and value")
	case l.Kind+l.Outcome+l.Class+l.Excerpt+l.Python+l.Platform+l.Document+l.At+l.Unit != "" || l.Higher != nil:
		return errors.New("an indicator has schema, packages, tool, metric and value only")
	}
	return nil
}

func (l *observationLine) observation() py.Observation {
	o := py.Observation{
		Packages: l.packages, Kind: l.Kind, Outcome: l.Outcome, Class: l.Class, Excerpt: l.Excerpt,
		Python: l.Python, Platform: l.Platform, Metric: l.Metric, Unit: l.Unit, Document: l.Document, At: l.at,
	}
	if l.Value != nil {
		o.Value = *l.Value
	}
	if l.Higher != nil {
		o.Higher = *l.Higher
	}
	return o
}

func (l *observationLine) indicator() py.Indicator {
	return py.Indicator{Package: l.packages[0], Tool: *l.Tool, Metric: l.Metric, Value: *l.Value}
}
