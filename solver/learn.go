package solver

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// Describe makes the document of a run. artefacts are the files that the job
// has; at is when it began.
func (s *Sandbox) Describe(job Job, r *Report, artefacts []Artefact, at time.Time) *Document {
	d := &Document{
		Schema: DocumentSchema, Artefacts: artefacts, Environment: s.environmentJSON(),
		Image: ImageJSON{s.Image.ID, s.Image.Name, s.Image.Own}, Engine: s.Engine.Version, Solver: Version,
		At: at.UTC().Format(time.RFC3339), Hardware: r.Hardware, Class: r.Class, Reason: r.Reason, MemoryPeak: r.MemoryPeak,
		Results: []Result{},
	}
	if d.Artefacts == nil {
		d.Artefacts = []Artefact{}
	}
	var all, targets []py.Package
	for _, x := range job.Dists {
		all = append(all, x.Package)
		if x.Target {
			targets = append(targets, x.Package)
		}
	}
	d.Packages, d.Targets = packagesText(all...), packagesText(targets...)
	if r.Class != "" {
		return d
	}
	l := &learner{s, job, r, map[py.Name]Dist{}}
	for _, x := range job.Dists {
		l.dists[x.Package.Name] = x
	}
	d.Results = append(d.Results, l.builds()...)
	d.Results = append(d.Results, l.installs(targets, all)...)
	d.Results = append(d.Results, l.imports()...)
	d.Results = append(d.Results, l.tests(all)...)
	for _, x := range job.Dists {
		seen := r.Dists[x.Package.Name]
		for _, tool := range []struct {
			name   string
			counts map[string]float64
		}{{"thamos", seen.Counts}, {"bandit", seen.Bandit}} {
			for _, metric := range slices.Sorted(maps.Keys(tool.counts)) {
				d.Indicators = append(d.Indicators, IndicatorJSON{x.Package.String(), tool.name, metric, tool.counts[metric]})
			}
		}
	}
	if r.Spoiled != "" {
		d.Unchecked = append(d.Unchecked, r.Spoiled)
	}
	return d
}

func (s *Sandbox) environmentJSON() EnvironmentJSON {
	i := s.Interpreter
	e, err := i.Environment()
	if err != nil {
		return EnvironmentJSON{} // Open has made sure of it
	}
	return EnvironmentJSON{
		Python: e.MarkerValues()["python_version"], PythonFull: i.Version, Implementation: i.Implementation,
		Platform: "linux_" + i.Machine, Libc: strings.TrimSpace(i.Libc + " " + i.LibcVersion), OS: word(i.OS), OSVersion: word(i.OSVersion),
		Interpreter: s.options.Python,
	}
}

// A learner makes results of the steps of a report.
type learner struct {
	box    *Sandbox
	job    Job
	report *Report
	dists  map[py.Name]Dist
}

// result is that of one step, of packages.
func (l *learner) result(s Step, kind string, packages ...py.Package) Result {
	r := Result{
		Packages: packagesText(packages...), Kind: kind, Outcome: outcomeOK, Class: s.Class, Ended: s.Ended, Excerpt: s.Excerpt,
		Seconds: s.Seconds, CPU: s.CPU, Peak: s.Peak, Modules: s.Good, Bad: s.Bad, LeftBehind: s.LeftBehind,
	}
	switch {
	case s.OK:
	case s.Class.Retryable():
		r.Outcome = string(s.Class)
	case s.Class.OfImage() && l.box.Image.Own:
		r.Outcome = outcomeLacking
	default:
		r.Outcome = outcomeFailed
	}
	return r
}

func (l *learner) builds() (out []Result) {
	for _, s := range l.report.Steps {
		d, ok := l.dists[s.Dist]
		if s.Name != StepBuild || !ok {
			continue
		}
		r := l.result(s, "build", d.Package)
		if s.OK {
			if reason := d.wrong(l.report.Dists[s.Dist].Metadata); reason != "" {
				r.Outcome, r.Class, r.Excerpt = outcomeFailed, ClassMetadata, reason
			}
		}
		out = append(out, r)
	}
	return out
}

// wrong says why the metadata of what was built is not that of the distribution.
func (d Dist) wrong(metadata []byte) string {
	m, err := py.ParseMetadata(metadata)
	switch {
	case err != nil:
		return "what was built has no metadata that can be read: " + word(err.Error())
	case py.NormalizeName(m.Name) != d.Package.Name || m.Version.Compare(d.Package.Version) != 0:
		return "what was built says that it is " + word(m.Name) + " " + word(m.Version.String())
	}
	return ""
}

// installs is one result of installing all and of pip's check of that: of the
// target if there is one, else of all together.
func (l *learner) installs(targets, all []py.Package) (out []Result) {
	if len(targets) == 1 {
		all = targets
	}
	for _, s := range l.report.Steps {
		switch {
		case s.Dist != "" || s.Name != StepInstall && s.Name != StepCheck:
		case len(out) == 0 || !s.OK && out[0].Outcome == outcomeOK:
			out = []Result{l.result(s, "install", all...)}
		}
	}
	return out
}

func (l *learner) imports() (out []Result) {
	for _, s := range l.report.Steps {
		d, ok := l.dists[s.Dist]
		if s.Name != StepImport || !ok {
			continue
		}
		if l.report.Spoiler != "" && l.report.Spoiler == s.Dist && s.OK {
			s.OK, s.Class, s.Excerpt = false, ClassVoid, l.report.Spoiled
		}
		packages := []py.Package{d.Package}
		if !s.OK {
			packages = append(packages, l.culprits(d, s.Excerpt)...)
		}
		out = append(out, l.result(s, "import", packages...))
	}
	// What brings nothing that can be imported has nothing that can fail.
	for _, d := range l.job.Dists {
		if x, ok := l.report.Dists[d.Package.Name]; ok && d.Target && x.Files > 0 && len(x.Modules) == 0 {
			out = append(out, Result{Packages: packagesText(d.Package), Kind: "import", Outcome: outcomeOK})
		}
	}
	return out
}

// fromModule finds the module that a failed import says it did not find what it
// wanted in, and inModule that of each line of a traceback.
var (
	fromModule = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`cannot import name '[^']*' from (?:partially initialized module )?'([\w.]+)'|module '([\w.]+)' has no attribute|No module named '([\w.]+)'`)
	})
	inModule = regexp.MustCompile(`(?m)^\s*File "[^"\n]*/site-packages/(\w+)[/.]`)
)

// culprits are the packages besides d to which a failure belongs: the one whose
// module lacks what d wants, else the one in whose code it failed, else those of
// d.With.
func (l *learner) culprits(d Dist, text string) []py.Package {
	lines := strings.Split(text, "\n")
	var modules []string
	for _, m := range fromModule().FindAllStringSubmatch(lines[len(lines)-1], -1) {
		modules = append(modules, m[1]+m[2]+m[3])
	}
	if frames := inModule.FindAllStringSubmatch(text, -1); len(frames) > 0 {
		modules = append(modules, frames[len(frames)-1][1])
	}
	for _, module := range modules {
		top, _, _ := strings.Cut(module, ".")
		for _, x := range l.job.Dists {
			if x.Package.Name != d.Package.Name && slices.ContainsFunc(l.report.Dists[x.Package.Name].Modules, func(own string) bool {
				has, _, _ := strings.Cut(own, ".")
				return has == top
			}) {
				return []py.Package{x.Package}
			}
		}
	}
	return d.With
}

// tests is one result of all runs of the smoke command: the first that failed.
func (l *learner) tests(all []py.Package) (out []Result) {
	for _, s := range l.report.Steps {
		if s.Name == StepSmoke && (len(out) == 0 || !s.OK && out[0].Outcome == outcomeOK) {
			kind := "test"
			if !l.job.Test {
				kind = KindCommand
				if s.Class == ClassTest {
					s.Class = ClassCommand
				}
			}
			out = []Result{l.result(s, kind, all...)}
		}
	}
	return out
}

// Built returns the metadata of a distribution that the run built, if it is its
// own.
func (r *Report) Built(d Dist) ([]byte, bool) {
	if !d.Build || r.Class != "" {
		return nil, false
	}
	text := r.Dists[d.Package.Name].Metadata
	return text, len(text) > 0 && d.wrong(text) == ""
}
