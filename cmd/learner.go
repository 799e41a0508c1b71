package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver"
)

// A learner learns in one environment: outside what indexes say, and inside a
// sandbox whether it works. It is safe for concurrent use.
type learner struct {
	lab         *lab
	box         *solver.Sandbox // nil: nothing is run
	without     string          // why, and what to do
	cause       error           // why
	environment *py.Environment
	tags        *py.Tags

	asking sync.Mutex // of k: one question at a time
	k      *knowledge
}

// newLearner opens a learner for a Python, empty for the image's. Without an
// engine it is one that runs nothing, for an environment that is found as advise
// finds it.
func newLearner(ctx context.Context, l *lab, k *knowledge, python string, otherwise *py.Environment) (*learner, error) {
	x := &learner{lab: l, k: k, environment: otherwise}
	var none *solver.NoEngineError
	var noImage *solver.NoImageError
	var noPython *noPythonError
	var err error
	x.box, err = l.open(ctx, python)
	switch {
	case errors.As(err, &none), errors.As(err, &noImage), errors.As(err, &noPython):
		x.box, x.cause, x.without = nil, err, l.reason(err)
	case err != nil:
		return nil, err
	default:
		e, err := x.box.Interpreter.Environment()
		if err != nil {
			return nil, err
		}
		x.environment = &e
	}
	x.tags = x.environment.Tags()
	return x, nil
}

// A lesson is what came of learning one thing.
type lesson struct {
	docs   []*solver.Document
	target string // what was tried, NAME==VERSION
	known  bool   // there was nothing to learn
	class  solver.Class
	reason string // why it came to nothing
	exit   int    // the status of that
}

// learn learns a requirement: the release that would be chosen for it, with what
// it needs. larger gives the run more of everything.
func (l *learner) learn(ctx context.Context, r py.Requirement, larger, again bool) (lesson, error) {
	var out lesson
	problem := &resolver.Problem{Environment: l.environment, Requirements: []resolver.Requirement{{Requirement: r, Origin: "what is to be learnt"}}}
	report, err := l.solve(ctx, problem, &out)
	if err != nil {
		return out.failed(err)
	}
	at := slices.IndexFunc(report.Stack, func(c resolver.Choice) bool { return c.Name == r.Name })
	if at < 0 {
		return out, nil // its marker does not hold
	}
	target := report.Stack[at].Package
	out.target = target.String()
	if l.box == nil {
		doc, err := l.unchecked(ctx, problem, target)
		if err != nil {
			return out.failed(err)
		}
		out.docs = append(out.docs, doc)
		return out, nil
	}
	if !again {
		tried, err := l.tried(ctx, []py.Package{target})
		if err != nil {
			return out, err
		}
		if tried[0] {
			out.known = len(out.docs) == 0
			return out, nil
		}
	}
	docs, err := l.try(ctx, problem, report.Stack, []py.Name{target.Name}, larger, false)
	out.docs = append(out.docs, docs...)
	if err != nil {
		return out.failed(err)
	}
	if outcome, class := docs[len(docs)-1].Verdict(); class.Retryable() {
		out.class, out.reason = class, firstOf(docs[len(docs)-1].Reason, "a step ended with "+outcome)
	}
	return out, nil
}

// failed is a lesson that came to nothing for a reason that belongs into it; any
// other error is one of learning as a whole.
func (o lesson) failed(err error) (lesson, error) {
	if err == nil {
		return o, nil
	}
	var f *failure
	if errors.As(err, &f) {
		o.class, o.reason, o.exit = f.class, f.reason, status(f)
		return o, nil
	}
	return o, err
}

// tried reports of each package whether it need not be tried here.
func (l *learner) tried(ctx context.Context, packages []py.Package) ([]bool, error) {
	return l.lab.journal.Tried(ctx, packages, l.environment.MarkerValues()["python_version"], observedPlatform(l.environment), l.box.Image.ID)
}

// ask solves with what the indexes say.
func (l *learner) ask(ctx context.Context, p *resolver.Problem) (*resolver.Report, error) {
	l.asking.Lock()
	defer l.asking.Unlock()
	return l.k.solve(ctx, resolver.Search{Budget: defaultBudget}, p, &directs{Knowledge: l.k})
}

// maxBuilds bounds the source distributions that are built for their metadata
// before one answer is found.
const maxBuilds = 8

// solve solves, and where the requirements of a release stand in the way that
// only building it tells, builds it. The documents of that go into out.
func (l *learner) solve(ctx context.Context, p *resolver.Problem, out *lesson) (*resolver.Report, error) {
	tried := map[string]bool{}
	for {
		report, err := l.ask(ctx, p)
		var unknown *resolver.UnknownError
		if err != nil && !errors.As(err, &unknown) {
			return nil, because(l.unsolved(ctx, err), err)
		}
		var wanted []py.Package
		if unknown != nil {
			wanted = unknown.Releases
		} else {
			for _, c := range report.Stack { // newer, and passed over only because it was not read
				if c.Why.Reason == resolver.Known && c.Direct {
					wanted = append(wanted, py.Package{Name: c.Name, Version: c.Why.Better})
				}
			}
		}
		wanted = slices.DeleteFunc(slices.Clone(wanted), func(p py.Package) bool { return tried[p.String()] })
		if len(wanted) == 0 || len(tried) >= maxBuilds {
			if err != nil {
				return nil, because(l.unsolved(ctx, err), err)
			}
			return report, nil
		}
		tried[wanted[0].String()] = true
		if err := l.metadata(ctx, wanted[0], out); err != nil {
			var f *failure
			if !errors.As(err, &f) {
				return nil, err
			}
			if len(p.Requirements) == 1 && p.Requirements[0].Name == wanted[0].Name && unknown != nil {
				return nil, err // it is the one that was asked for
			}
		}
	}
}

// because is a failure with its cause, which gives its exit status.
func because(err, cause error) error {
	var f *failure
	if errors.As(err, &f) {
		f.cause = cause
	}
	return err
}

// unsolved is why there is no stack to try.
func (l *learner) unsolved(ctx context.Context, err error) error {
	var none *resolver.NoStackError
	var unknown *resolver.UnknownError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &none):
		return &failure{class: solver.ClassNoArtifact, reason: err.Error()}
	case errors.As(err, &unknown):
		l.asking.Lock()
		defer l.asking.Unlock()
		for _, m := range unknown.Projects {
			for _, n := range l.k.notes { // which tell what an index did
				if strings.Contains(n, string(m.Name)) {
					return &failure{class: solver.ClassNetwork, reason: n}
				}
			}
		}
		lines := strings.Split(err.Error(), "\n")
		return &failure{class: solver.ClassNetwork, reason: strings.TrimSpace(lines[min(1, len(lines)-1)])}
	}
	return err
}

// metadata learns what a release requires that has a source distribution only:
// as it says itself where that is binding, else by building it.
func (l *learner) metadata(ctx context.Context, pkg py.Package, out *lesson) error {
	problem := &resolver.Problem{Environment: l.environment}
	started := l.lab.env.Now()
	a, err := l.fetch(ctx, problem, pkg, true)
	if err != nil {
		return l.refuse(a, "build", err, out)
	}
	text, static := a.static()
	if !static {
		if l.box == nil {
			return &failure{class: solver.ClassEngine, reason: fmt.Sprintf("what %s requires only building it tells: %s", pkg, l.without)}
		}
		tools, err := l.tools(ctx, []*artefact{a})
		if err != nil {
			return l.refuse(a, "build", err, out)
		}
		job := solver.Job{Dists: []solver.Dist{a.dist(true)}, BuildOnly: true, Limits: l.limits([]*artefact{a}, tools, false)}
		for _, t := range tools {
			job.Tools = append(job.Tools, t.path)
		}
		report, err := l.box.Run(ctx, job)
		if err != nil {
			return err
		}
		doc := l.box.Describe(job, report, records([]*artefact{a}, tools), started)
		out.docs = append(out.docs, doc)
		built, ok := report.Built(job.Dists[0])
		if !ok {
			outcome, class := doc.Verdict()
			return &failure{class: cmp.Or(class, solver.ClassBackend), reason: fmt.Sprintf("%s was not built: %s", pkg, firstOf(doc.Reason, doc.Told(), outcome, string(class)))}
		}
		text = built
	}
	return l.k.local.Learn(ctx, []kb.Document{{
		Kind: kb.KindMetadata, Index: a.record.Index, Project: pkg.Name, Version: pkg.Version, Read: l.lab.env.Now().Unix(), Metadata: text,
	}})
}

// refuse makes a document of a file that was refused before it was run. What was
// not fetched says nothing.
func (l *learner) refuse(a *artefact, kind string, err error, out *lesson) error {
	var f *failure
	if a == nil || !errors.As(err, &f) || f.class.Retryable() || f.class == solver.ClassNoArtifact {
		return err // of the last, another index may have what is lacking
	}
	d := l.head(a.pkg, []*artefact{a})
	r := solver.Result{Packages: []string{a.pkg.String()}, Kind: kind, Outcome: "failed", Class: f.class, Excerpt: f.reason}
	if f.class == solver.ClassHash || f.class == solver.ClassArchive || f.class == solver.ClassWheel {
		d.Environment = solver.EnvironmentJSON{} // so it is everywhere
	}
	d.Results = append(d.Results, r)
	out.docs = append(out.docs, d)
	return err
}

// head is a document of what was not run.
func (l *learner) head(pkg py.Package, files []*artefact) *solver.Document {
	d := &solver.Document{
		Schema: solver.DocumentSchema, Packages: []string{pkg.String()}, Targets: []string{pkg.String()}, Artefacts: records(files, nil),
		Solver: solver.Version, At: l.lab.env.Now().UTC().Format(time.RFC3339), Results: []solver.Result{},
		Environment: solver.EnvironmentJSON{
			Python: l.environment.MarkerValues()["python_version"], PythonFull: l.environment.Python.String(),
			Implementation: l.environment.Implementation, Platform: observedPlatform(l.environment),
		},
	}
	if l.box != nil {
		d.Image, d.Engine = solver.ImageJSON{ID: l.box.Image.ID, Name: l.box.Image.Name, Own: l.box.Image.Own}, l.box.Engine.Version
	}
	return d
}

// unchecked is the document of a release of which nothing was run: what is known
// of it without, and what is not.
func (l *learner) unchecked(ctx context.Context, p *resolver.Problem, pkg py.Package) (*solver.Document, error) {
	a, err := l.fetch(ctx, p, pkg, false)
	if err != nil {
		var out lesson
		err := l.refuse(a, "install", err, &out)
		if len(out.docs) == 1 {
			return out.docs[0], nil
		}
		return nil, err
	}
	d := l.head(pkg, []*artefact{a})
	steps := "install and import"
	if a.build {
		steps = "build, install and import"
	}
	d.Unchecked = []string{steps + " were not tried: " + l.without}
	return d, nil
}

func records(lists ...[]*artefact) []solver.Artefact {
	out := []solver.Artefact{}
	for _, list := range lists {
		for _, a := range list {
			out = append(out, a.record)
		}
	}
	return out
}

func (a *artefact) dist(target bool) solver.Dist {
	return solver.Dist{Package: a.pkg, Path: a.path, Build: a.build, Target: target, Native: a.listing.Native}
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

// oneLine is a text of several lines on one, and not long.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return text
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
