package solver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Report is what one run came to.
type Report struct {
	// Class says why the run as a whole failed: there is no report from inside.
	// Empty: there is one.
	Class  Class
	Reason string // in words

	Steps []Step
	Dists map[py.Name]DistReport

	// Spoiled says in words that one package changed what belongs to another:
	// what comes after it was not tried. Spoiler is the one, if that is known.
	Spoiled string
	Spoiler py.Name

	MemoryPeak int64 // bytes, of the whole container; 0 is not known
	Hardware   Hardware
	Noise      int // bytes on standard output that were no report
}

// A Step is what came of one step.
type Step struct {
	Name    string
	Dist    py.Name // that it is of; empty for all
	OK      bool
	Class   Class  // of the failure
	Ended   string // how it failed, in words
	Excerpt string // of what it printed

	Seconds, CPU float64
	Peak         int64 // bytes
	LeftBehind   int   // processes that were still there at its end
	Stdout       string
	Good, Bad    []string // modules of an import
}

// A DistReport is what was seen of a distribution.
type DistReport struct {
	Metadata []byte   // header part, of one that was built
	Modules  []string // importable names at its top
	Files    int
	Bytes    int64
	Counts   map[string]float64
	Bandit   map[string]float64
}

// Hardware is what a run ran on.
type Hardware struct {
	Model  string `json:"model"`
	Family string `json:"family"`
	CPUs   int    `json:"cpus"`
	Memory int64  `json:"memory_bytes"`
}

// insideJSON is what the runner says.
type insideJSON struct {
	Schema      string                `json:"schema"`
	Fault       string                `json:"fault"`
	Steps       []stepJSON            `json:"steps"`
	Dists       map[string]insideDist `json:"dists"`
	Spoiled     string                `json:"spoiled"`
	Spoiler     string                `json:"spoiler"`
	MemoryPeak  int64                 `json:"memory_peak"`
	Hardware    Hardware              `json:"hardware"`
	Interpreter *Interpreter          `json:"interpreter"`
	Isolation   *Isolation            `json:"isolation"`
}

type stepJSON struct {
	Step       string  `json:"step"`
	Dist       string  `json:"dist"`
	Exit       *int    `json:"exit"`
	Signal     int     `json:"signal"`
	End        string  `json:"end"` // exit, timeout, output, start or nothing
	Seconds    float64 `json:"seconds"`
	CPU        float64 `json:"cpu_seconds"`
	Peak       int64   `json:"peak_bytes"`
	Printed    int64   `json:"printed"`
	LeftBehind int     `json:"left_behind"`
	Text       string  `json:"text"`
	Stdout     string  `json:"stdout"`
}

type insideDist struct {
	Metadata string             `json:"metadata"`
	Wheel    string             `json:"wheel"`
	Modules  []string           `json:"modules"`
	Files    int                `json:"files"`
	Bytes    int64              `json:"bytes"`
	Counts   map[string]float64 `json:"counts"`
	Bandit   map[string]float64 `json:"bandit"`
}

const insideSchema = "thamos/inside/1"

// errNoReport reports an output without a report.
var errNoReport = errors.New("it ended without a report")

// findReport finds the one line that begins with the token, and how much else
// there is. Whoever does not know the token cannot make such a line.
func findReport(output []byte, token string) (*insideJSON, int, error) {
	var found []byte
	for line := range bytes.Lines(output) {
		if rest, ok := bytes.CutPrefix(line, []byte(token+" ")); ok && bytes.HasSuffix(line, []byte("\n")) {
			if found != nil {
				return nil, len(output), errors.New("it reported twice")
			}
			found = rest
		}
	}
	if found == nil {
		return nil, len(output), errNoReport
	}
	var inside insideJSON
	if err := json.Unmarshal(found, &inside); err != nil {
		return nil, len(output), fmt.Errorf("its report cannot be read: %w", err)
	}
	if inside.Schema != insideSchema {
		return nil, len(output), fmt.Errorf("its report has the schema %.40q, want %q", inside.Schema, insideSchema)
	}
	return &inside, len(output) - len(found) - len(token) - 1, nil
}

// Bounds of what is kept of a report.
const (
	maxSteps   = 4096
	maxExcerpt = 4 << 10 // bytes
	maxModules = 64
	maxCounts  = 64
)

// fill judges what the runner said of job.
func (r *Report) fill(inside *insideJSON, job Job) {
	r.Hardware, r.MemoryPeak = inside.Hardware, max(0, inside.MemoryPeak)
	r.Hardware.Model, r.Hardware.Family = word(inside.Hardware.Model), word(inside.Hardware.Family)
	r.Spoiled, r.Dists = word(inside.Spoiled), map[py.Name]DistReport{}
	names := map[string]py.Name{"": ""}
	for _, d := range job.Dists {
		names[string(d.Package.Name)] = d.Package.Name
	}
	r.Spoiler = names[inside.Spoiler]
	for _, s := range inside.Steps[:min(len(inside.Steps), maxSteps)] {
		if strings.HasPrefix(s.Dist, "@") {
			s.Dist = "" // the tools of a build, the environment
		}
		name, known := names[s.Dist]
		if !known {
			continue
		}
		modules := []string(nil)
		if s.Step == StepImport {
			modules = inside.Dists[s.Dist].Modules
		}
		r.Steps = append(r.Steps, s.step(name, modules))
	}
	for _, d := range job.Dists {
		x, ok := inside.Dists[string(d.Package.Name)]
		if !ok {
			continue
		}
		out := DistReport{Files: max(0, x.Files), Bytes: max(0, x.Bytes), Counts: bounded(x.Counts), Bandit: bounded(x.Bandit)}
		if d.Build {
			out.Metadata = []byte(x.Metadata)
		}
		for _, m := range x.Modules[:min(len(x.Modules), maxModules)] {
			if moduleName.MatchString(m) {
				out.Modules = append(out.Modules, m)
			}
		}
		r.Dists[d.Package.Name] = out
	}
}

var moduleName = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)

// word is a text on one line and not long.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.TrimSpace(s[:min(len(s), 200)])
}

// bounded keeps so many counts that are not negative.
func bounded(counts map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for k, v := range counts {
		if len(out) < maxCounts && v >= 0 && len(k) <= 80 && word(k) == k {
			out[k] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// step judges one step.
func (s stepJSON) step(name py.Name, modules []string) Step {
	out := Step{
		Name: s.Step, Dist: name, Excerpt: excerpt(s.Text), Seconds: max(0, s.Seconds), CPU: max(0, s.CPU),
		Peak: max(0, s.Peak), LeftBehind: max(0, s.LeftBehind), Stdout: s.Stdout,
	}
	out.Class = s.class()
	if s.Step == StepImport {
		lines := strings.Split(s.Stdout, "\n")
		for _, m := range modules {
			switch {
			case slices.Contains(lines, "@good "+m):
				out.Good = append(out.Good, m)
			default:
				out.Bad = append(out.Bad, m)
			}
		}
		out.Stdout = ""
		if out.Class == "" && len(out.Bad) > 0 {
			out.Class = ClassExit // it ended well before all were imported
		}
	}
	out.OK = out.Class == ""
	if out.OK {
		out.Excerpt = ""
	} else {
		out.Ended = s.ended()
	}
	return out
}

// Signals, as Linux numbers them on all machines that wheels are made for.
const (
	sigKill     = 9
	sigTooLarge = 25 // SIGXFSZ
	sigSyscall  = 31 // SIGSYS
)

// class is why a step failed; empty if it did not.
func (s stepJSON) class() Class {
	switch {
	case s.End == "timeout":
		return ClassTimeout
	case s.End == "output":
		return ClassFlood
	case s.End == "start" && s.Step == StepSmoke:
		return ClassTest // its name is the user's
	case s.End == "start":
		return ClassEngine
	case s.End == "nothing" && s.Step == StepBuild:
		return ClassBackend
	case s.End != "exit":
		return ClassUnknown
	case s.Signal == sigKill:
		return ClassMemory // not ours, so the kernel's
	case s.Signal == sigTooLarge:
		return ClassDisk
	case s.Signal == sigSyscall:
		return ClassPermission
	case s.Signal != 0:
		return ClassCrash
	case s.Exit == nil:
		return ClassUnknown
	case *s.Exit == 0:
		return ""
	case *s.Exit == 137:
		return ClassMemory
	}
	return classify(s.Step, s.Text)
}

// marker is a line that tells how far an import is; see the runner.
var marker = regexp.MustCompile(`(?m)^@(good|bad) [\w.]+\n?`)

// excerpt keeps the end of a text, which is where failures are told.
func excerpt(text string) string {
	text = colours.ReplaceAllString(marker.ReplaceAllString(strings.ToValidUTF8(text, "?"), ""), "")
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxExcerpt {
		text = text[len(text)-maxExcerpt:]
		if _, rest, ok := strings.Cut(text, "\n"); ok {
			text = rest
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, ""))
}
