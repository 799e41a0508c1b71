package solver

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// maxMetrics bounds what one run may measure.
const maxMetrics = 100

// A Measured is what one run of a command printed of itself: one JSON object,
// which is all of its standard output or the last line of it. Numbers at its top
// and, as Thoth's performance indicators have it, below "@result" are metrics;
// "component" (or "framework") says what was measured and "name" with what.
type Measured struct {
	Component string
	Values    map[string]float64
}

// ParseMeasured reads the output of one run; not ok if there is no such object.
func ParseMeasured(stdout string) (Measured, bool) {
	text := strings.TrimSpace(stdout)
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil {
		last := text[strings.LastIndex(text, "\n")+1:]
		if json.Unmarshal([]byte(last), &object) != nil {
			return Measured{}, false
		}
	}
	if object == nil {
		return Measured{}, false
	}
	m := Measured{Values: map[string]float64{}}
	said := func(key string) string {
		s, _ := object[key].(string)
		return word(s)
	}
	m.Component = said("component")
	if m.Component == "" {
		m.Component = said("framework")
	}
	prefix := said("name")
	if prefix != "" {
		prefix += "."
	}
	take := func(values map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			v, ok := values[key].(float64)
			name := word(prefix + key)
			if ok && !math.IsInf(v, 0) && len(m.Values) < maxMetrics && name == prefix+key && key != "" {
				m.Values[name] = v
			}
		}
	}
	take(object)
	if result, ok := object["@result"].(map[string]any); ok {
		take(result)
	}
	return m, true
}

// Unit guesses the unit of a metric by its name, and whether a higher value is
// better: as in the performance indicators, elapsed is in milliseconds and rate
// in GFLOPS.
func Unit(metric string) (unit string, higher bool) {
	name := metric[strings.LastIndex(metric, ".")+1:]
	for _, u := range []struct {
		suffix, unit string
		higher       bool
	}{
		{"elapsed", "ms", false}, {"_ms", "ms", false}, {"_seconds", "s", false}, {"_s", "s", false}, {"_bytes", "B", false},
		{"rate", "GFLOPS", true}, {"gflops", "GFLOPS", true}, {"per_second", "1/s", true}, {"throughput", "", true}, {"score", "", true}, {"accuracy", "", true},
	} {
		if strings.HasSuffix(strings.ToLower(name), u.suffix) {
			return u.unit, u.higher
		}
	}
	return "", false
}

// Summarize makes a metric of the values of repeated runs: the median, and the
// median of the distances from it, which no single run spoils.
func Summarize(metric string, packages []py.Package, values []float64) MetricJSON {
	m := MetricJSON{Packages: packagesText(packages...), Metric: metric, Value: median(values), Values: values}
	m.Unit, m.Higher = Unit(metric)
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - m.Value)
	}
	m.Spread = median(distances)
	return m
}

// median of values; 0 if there are none.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	return sorted[n/2-1]/2 + sorted[n/2]/2
}

// A Subject is what a command measures unless it says otherwise.
type Subject struct {
	Packages []py.Package
	// Named says that the user named them: then a component that is not in the
	// stack is they.
	Named bool
}

// Measurements are the metrics of the runs of a job's command: what they printed,
// of subject or of what they name in the stack, and how long and large they were.
// The first runs, as many as warmup, do not count. The notes say in words what
// was printed and is not among them.
func (r *Report) Measurements(job Job, subject Subject, warmup int) (metrics []MetricJSON, notes []string) {
	m := measuring{job: job, subject: subject, values: map[string][]float64{}, of: map[string][]py.Package{}, elsewhere: map[string]bool{}}
	var wall, cpu, peak []float64
	n := 0
	for _, s := range r.Steps {
		if s.Name != StepSmoke || !s.OK {
			continue
		}
		if n++; n <= warmup {
			continue
		}
		wall, cpu, peak = append(wall, s.Seconds), append(cpu, s.CPU), append(peak, float64(s.Peak))
		m.take(s.Stdout)
	}
	if len(wall) == 0 {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(m.values)) {
		metrics = append(metrics, Summarize(name, m.of[name], m.values[name]))
	}
	of := subject.Packages
	metrics = append(metrics, Summarize("run_seconds", of, wall), Summarize("run_cpu_seconds", of, cpu), Summarize("run_peak_bytes", of, peak))
	return metrics, m.notes(len(wall))
}

// measuring gathers what runs printed.
type measuring struct {
	job     Job
	subject Subject
	values  map[string][]float64
	of      map[string][]py.Package

	empty     int    // runs without a number
	printed   string // by the last of them
	elsewhere map[string]bool
}

func (m *measuring) take(stdout string) {
	x, _ := ParseMeasured(stdout)
	if len(x.Values) == 0 {
		m.empty++
		text := strings.TrimSpace(stdout)
		m.printed = shown(text[strings.LastIndex(text, "\n")+1:])
		return
	}
	packages := m.subject.Packages
	if x.Component != "" {
		at := slices.IndexFunc(m.job.Dists, func(d Dist) bool { return d.Package.Name == py.NormalizeName(x.Component) })
		switch {
		case at >= 0:
			packages = []py.Package{m.job.Dists[at].Package}
		case !m.subject.Named:
			m.elsewhere[x.Component] = true
			return
		}
	}
	for name, v := range x.Values {
		m.values[name], m.of[name] = append(m.values[name], v), packages
	}
}

func (m *measuring) notes(runs int) (out []string) {
	printed := "nothing"
	if m.printed != "" {
		printed = fmt.Sprintf("%q", m.printed)
	}
	switch {
	case m.empty == runs:
		out = append(out, fmt.Sprintf("no metric was read: the command printed %s, where the last line is to be a JSON object with numbers, such as {\"seconds\": 1.5}", printed))
	case m.empty > 0:
		out = append(out, fmt.Sprintf("%d of %d runs printed no JSON object with numbers, but %s", m.empty, runs, printed))
	}
	for _, c := range slices.Sorted(maps.Keys(m.elsewhere)) {
		out = append(out, fmt.Sprintf("the command says that it measured %q, which is not in the stack: its numbers were not recorded; say with --of what of the stack they are of", c))
	}
	return out
}
