package solver

import (
	"encoding/json"
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

// Measurements are the metrics of the runs of a job's command: what they printed,
// of subject or of what they name in the stack, and how long and large they were.
// The first runs, as many as warmup, do not count.
func (r *Report) Measurements(job Job, subject []py.Package, warmup int) []MetricJSON {
	var all []Measured
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
		if m, ok := ParseMeasured(s.Stdout); ok {
			all = append(all, m)
		}
	}
	if len(wall) == 0 {
		return nil
	}
	values, of := map[string][]float64{}, map[string][]py.Package{}
	for _, m := range all {
		packages := subject
		for _, d := range job.Dists {
			if m.Component != "" && d.Package.Name == py.NormalizeName(m.Component) {
				packages = []py.Package{d.Package}
			}
		}
		for name, v := range m.Values {
			values[name], of[name] = append(values[name], v), packages
		}
	}
	var out []MetricJSON
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, Summarize(name, of[name], values[name]))
	}
	return append(out, Summarize("run_seconds", subject, wall), Summarize("run_cpu_seconds", subject, cpu), Summarize("run_peak_bytes", subject, peak))
}
