package solver

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// DocumentSchema names the form of a Document. What is added keeps the number;
// what changes or goes raises it.
const DocumentSchema = "thamos/learnt/1"

// MaxDocument bounds a document, in bytes.
const MaxDocument = 4 << 20

// A Document is what one run taught: the truth that observations and indicators
// are derived from. It is content-addressed; see Digest.
type Document struct {
	Schema   string   `json:"schema"`
	Packages []string `json:"packages"` // that were there, NAME==VERSION, sorted
	Targets  []string `json:"targets"`  // that were tried

	// Artefacts are the files that were taken.
	Artefacts []Artefact `json:"artefacts"`

	Environment EnvironmentJSON `json:"environment"`
	Image       ImageJSON       `json:"image"`
	Engine      string          `json:"engine"`
	Solver      string          `json:"solver"` // Version
	At          string          `json:"at"`     // RFC 3339
	Hardware    Hardware        `json:"hardware"`

	// Class and Reason say why the run as a whole failed.
	Class  Class  `json:"class,omitempty"`
	Reason string `json:"reason,omitempty"`

	Results    []Result        `json:"results"`
	Indicators []IndicatorJSON `json:"indicators,omitempty"`
	Metrics    []MetricJSON    `json:"metrics,omitempty"`
	MemoryPeak int64           `json:"memory_peak_bytes,omitempty"`

	// Unchecked says in words what was not tried, and why.
	Unchecked []string `json:"unchecked,omitempty"`
	// Inspection is the specification of an inspection.
	Inspection json.RawMessage `json:"inspection,omitempty"`
}

// An Artefact is a file that a run had.
type Artefact struct {
	Package string `json:"package"`
	File    string `json:"file"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	Index   string `json:"index,omitempty"`
}

// EnvironmentJSON is where a run was.
type EnvironmentJSON struct {
	Python         string `json:"python"` // 3.11
	PythonFull     string `json:"python_full"`
	Implementation string `json:"implementation"`
	Platform       string `json:"platform"` // linux_x86_64
	Libc           string `json:"libc,omitempty"`
	OS             string `json:"os,omitempty"`
	OSVersion      string `json:"os_version,omitempty"`
	Interpreter    string `json:"interpreter,omitempty"` // of this machine, shown to the image
}

// ImageJSON is the image of a run.
type ImageJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Own  bool   `json:"own,omitempty"`
}

// A Result is what came of one thing that was tried.
type Result struct {
	Packages []string `json:"packages"`
	Kind     string   `json:"kind"`    // build, install, import, test or KindCommand
	Outcome  string   `json:"outcome"` // ok or failed; any other word says nothing of the packages
	Class    Class    `json:"class,omitempty"`
	Ended    string   `json:"ended,omitempty"` // how it failed, in words
	Excerpt  string   `json:"excerpt,omitempty"`

	Seconds    float64  `json:"seconds"`
	CPU        float64  `json:"cpu_seconds"`
	Peak       int64    `json:"peak_bytes"`
	Modules    []string `json:"modules,omitempty"`     // that were imported
	Bad        []string `json:"bad_modules,omitempty"` // that could not be
	LeftBehind int      `json:"left_behind,omitempty"` // processes
}

// An IndicatorJSON is a count that a tool made.
type IndicatorJSON struct {
	Package string  `json:"package"`
	Tool    string  `json:"tool"`
	Metric  string  `json:"metric"`
	Value   float64 `json:"value"`
}

// A MetricJSON is a measured value: the median of N runs and the median of their
// distances from it.
type MetricJSON struct {
	Packages []string  `json:"packages"`
	Metric   string    `json:"metric"`
	Unit     string    `json:"unit,omitempty"`
	Value    float64   `json:"value"`
	Spread   float64   `json:"spread"`
	Values   []float64 `json:"values"`
	Higher   bool      `json:"higher,omitempty"` // a higher value is better
}

// KindCommand is the kind of a Result of a user's command that is no test. How it
// ends says nothing of the packages, so it is no observation.
const KindCommand = "command"

// outcomes of a Result that are neither ok nor failed.
const (
	outcomeOK      = "ok"
	outcomeFailed  = "failed"
	outcomeLacking = "lacking" // the image, not the package
)

// Text is the document as it is kept: JSON, ended by a newline.
func (d *Document) Text() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	if b.Len() > MaxDocument {
		return nil, fmt.Errorf("a document of %d bytes, the limit is %d", b.Len(), MaxDocument)
	}
	return b.Bytes(), nil
}

// DigestOf is what a document is called by its text: the SHA-256, in hex.
func DigestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ParseDocument reads a document, which may be a stranger's.
func ParseDocument(text []byte) (*Document, error) {
	if len(text) > MaxDocument {
		return nil, fmt.Errorf("a document of %d bytes, the limit is %d", len(text), MaxDocument)
	}
	var d Document
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("a document: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("a document: more than one value")
	}
	if d.Schema != DocumentSchema {
		return nil, fmt.Errorf("a document of the schema %.40q, want %q", d.Schema, DocumentSchema)
	}
	if _, err := d.time(); err != nil {
		return nil, fmt.Errorf("a document: %w", err)
	}
	for _, r := range d.Results {
		if _, err := parsePackages(r.Packages); err != nil {
			return nil, fmt.Errorf("a document: %w", err)
		}
	}
	return &d, nil
}

func (d *Document) time() (time.Time, error) { return time.Parse(time.RFC3339, d.At) }

// parsePackages parses NAME==VERSION, each project once; sorted by name.
func parsePackages(texts []string) ([]py.Package, error) {
	if len(texts) == 0 {
		return nil, errors.New("it is of no package")
	}
	var out []py.Package
	for _, text := range texts {
		name, version, _ := strings.Cut(text, "==")
		n, err := py.ParseName(name)
		if err != nil {
			return nil, err
		}
		v, err := py.ParseVersion(version)
		if err != nil {
			return nil, err
		}
		out = append(out, py.Package{Name: n, Version: v})
	}
	slices.SortFunc(out, func(a, b py.Package) int { return cmp.Compare(a.Name, b.Name) })
	for i := range out[1:] {
		if out[i].Name == out[i+1].Name {
			return nil, fmt.Errorf("%s is there twice", out[i].Name)
		}
	}
	return out, nil
}

// packagesText is the inverse of parsePackages.
func packagesText(packages ...py.Package) []string {
	out := make([]string, len(packages))
	for i, p := range packages {
		out[i] = p.String()
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Subjects are the projects that the document says something of, sorted.
func (d *Document) Subjects() []py.Name {
	lists := [][]string{d.Targets}
	for _, r := range d.Results {
		lists = append(lists, r.Packages)
	}
	for _, m := range d.Metrics {
		lists = append(lists, m.Packages)
	}
	for _, i := range d.Indicators {
		lists = append(lists, []string{i.Package})
	}
	var out []py.Name
	for _, text := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(text, "==")
		out = append(out, py.NormalizeName(name))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Observations are what the document says of packages, in the form of a
// knowledge base. digest is that of the document.
func (d *Document) Observations(digest string) ([]py.Observation, error) {
	at, err := d.time()
	if err != nil {
		return nil, err
	}
	head := py.Observation{Python: d.Environment.Python, Platform: d.Environment.Platform, Document: digest, At: at.Unix()}
	var out []py.Observation
	for _, r := range d.Results {
		if r.Kind == KindCommand || r.Outcome != outcomeOK && r.Outcome != outcomeFailed {
			continue
		}
		o := head
		if o.Packages, err = parsePackages(r.Packages); err != nil {
			return nil, err
		}
		o.Kind, o.Outcome, o.Class, o.Excerpt = r.Kind, r.Outcome, string(r.Class), r.Excerpt
		out = append(out, o)
	}
	for _, m := range d.Metrics {
		o := head
		if o.Packages, err = parsePackages(m.Packages); err != nil {
			return nil, err
		}
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			return nil, fmt.Errorf("the value of %.40q", m.Metric)
		}
		o.Kind, o.Metric, o.Unit, o.Value, o.Higher = "metric", m.Metric, m.Unit, m.Value, m.Higher
		out = append(out, o)
	}
	return out, nil
}

// Counts are the indicators that the document has, in the form of a knowledge
// base.
func (d *Document) Counts() ([]py.Indicator, error) {
	var out []py.Indicator
	for _, i := range d.Indicators {
		p, err := parsePackages([]string{i.Package})
		if err != nil {
			return nil, err
		}
		out = append(out, py.Indicator{Package: p[0], Tool: i.Tool, Metric: i.Metric, Value: i.Value})
	}
	return out, nil
}

// Verdict is what the document says of its targets in a word: "ok", "failed"
// with the first class, or the class for which it says nothing.
func (d *Document) Verdict() (outcome string, class Class) {
	if d.Class != "" {
		return string(d.Class), d.Class
	}
	outcome = outcomeOK
	for _, r := range d.Results {
		switch {
		case r.Outcome == outcomeFailed:
			return outcomeFailed, r.Class
		case r.Outcome != outcomeOK && outcome == outcomeOK:
			outcome, class = r.Outcome, r.Class
		}
	}
	if len(d.Results) == 0 && len(d.Unchecked) > 0 {
		return "unchecked", ""
	}
	return outcome, class
}
