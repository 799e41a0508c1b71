package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver"
)

// try runs a stack and tries targets of it. The first document is that of the
// run. together says that a failure may be that of the stack: what failed is then
// tried again with only what it needs.
func (l *learner) try(ctx context.Context, p *resolver.Problem, stack []resolver.Choice, targets []py.Name, larger, together bool) ([]*solver.Document, error) {
	var out lesson
	job, files, tools, err := l.job(ctx, p, stack, targets, larger, &out)
	if err != nil {
		return out.docs, err
	}
	if together {
		for i, d := range job.Dists {
			needs := reach(stack, d.Package.Name)
			if len(needs) == len(stack) {
				continue // by itself it would be the same run
			}
			for name := range needs {
				if at := indexOf(stack, name); at >= 0 && name != d.Package.Name {
					job.Dists[i].With = append(job.Dists[i].With, stack[at].Package)
				}
			}
		}
	}
	started := l.lab.env.Now()
	report, err := l.box.Run(ctx, job)
	if err != nil {
		return out.docs, err
	}
	doc := l.box.Describe(job, report, records(files, tools), started)
	docs := append(out.docs, doc)
	if !together {
		return docs, nil
	}
	for _, name := range alone(doc, targets) {
		more, err := l.try(ctx, p, only(stack, reach(stack, name)), []py.Name{name}, larger, false)
		docs = append(docs, more...)
		if err != nil {
			return docs, err
		}
	}
	return docs, nil
}

// maxAlone bounds how many of a stack are tried by themselves after it failed.
const maxAlone = 10

// alone lists the targets of a stack's document that are to be tried by
// themselves: of which it does not say by themselves how they are.
func alone(d *solver.Document, targets []py.Name) []py.Name {
	fine := map[py.Name]bool{}
	for _, r := range d.Results {
		said := r.Kind == "import" && (r.Outcome == "ok" || r.Outcome == "failed") || r.Kind == "build" && r.Outcome == "failed"
		if p, err := parsePin(r.Packages[0]); err == nil && len(r.Packages) == 1 && said {
			fine[p.Name] = true
		}
	}
	var left []py.Name
	for _, t := range targets {
		if !fine[t] {
			left = append(left, t)
		}
	}
	return left[:min(len(left), maxAlone)]
}

// job stages a stack.
func (l *learner) job(ctx context.Context, p *resolver.Problem, stack []resolver.Choice, targets []py.Name, larger bool, out *lesson) (job solver.Job, files, tools []*artefact, err error) {
	for _, c := range stack {
		a, err := l.fetch(ctx, p, c.Package, false)
		if err != nil {
			return job, nil, nil, l.refuse(a, "install", err, out)
		}
		files = append(files, a)
		job.Dists = append(job.Dists, a.dist(slices.Contains(targets, c.Name)))
	}
	if tools, err = l.tools(ctx, files); err != nil {
		return job, nil, nil, err
	}
	for _, t := range tools {
		job.Tools = append(job.Tools, t.path)
	}
	job.Limits = l.limits(files, tools, larger)
	return job, files, tools, nil
}

// limits are those of a run with files: room for what is unpacked, and for what
// a build makes of it. The memory holds the files too.
func (l *learner) limits(files, tools []*artefact, larger bool) solver.Limits {
	room, builds := int64(128<<20), int64(0)
	for _, list := range [][]*artefact{files, tools} {
		for _, a := range list {
			room += a.listing.Bytes + a.listing.Bytes/2
			if a.build {
				room += 3 * a.listing.Bytes
				builds++
			}
		}
	}
	limits := l.lab.limits
	if limits.Memory == 0 {
		limits.Memory = 512 << 20
	}
	limits.Memory, limits.Disk = limits.Memory+room, room
	if limits.Wall == 0 {
		limits.Wall = seconds(300)
	}
	limits.Wall += seconds(2 * len(files))
	if larger {
		return limits.Larger()
	}
	return limits
}

// reach lists what a package of a stack needs, itself included.
func reach(stack []resolver.Choice, name py.Name) map[py.Name]bool {
	found := map[py.Name]bool{}
	var walk func(py.Name)
	walk = func(n py.Name) {
		at := indexOf(stack, n)
		if found[n] || at < 0 {
			return
		}
		found[n] = true
		for _, e := range stack[at].Needs {
			walk(e.To)
		}
	}
	walk(name)
	return found
}

func indexOf(stack []resolver.Choice, name py.Name) int {
	return slices.IndexFunc(stack, func(c resolver.Choice) bool { return c.Name == name })
}

func only(stack []resolver.Choice, names map[py.Name]bool) []resolver.Choice {
	var out []resolver.Choice
	for _, c := range stack {
		if names[c.Name] {
			out = append(out, c)
		}
	}
	return out
}

// parsePin parses NAME==VERSION.
func parsePin(text string) (py.Package, error) {
	r, err := py.ParseRequirement(text)
	if err != nil {
		return py.Package{}, err
	}
	v, ok := r.Specifiers.Pinned()
	if !ok {
		return py.Package{}, fmt.Errorf("%q is not NAME==VERSION", text)
	}
	return py.Package{Name: r.Name, Version: v}, nil
}
