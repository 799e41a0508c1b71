package resolver

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Report is a stack and why it is as it is.
type Report struct {
	// Stack is sorted by name; no name occurs twice.
	Stack []Choice

	// Projects and Releases count what the search chose among.
	Projects, Releases int

	// Terms are those of the pipeline's that hold of the stack, those that
	// outrank others first; Score is their sum.
	Terms []Term
	Score Score

	// Skipped are projects that are required and left out, and Replaced those in
	// whose place another stands; sorted by name.
	Skipped  []Skipped
	Replaced []Replaced

	// Optimum says how good the stack is known to be; nil where nothing is worth
	// anything, so that the first stack is as good as any.
	Optimum *Optimum

	// Alternatives are the next best stacks, as many as the search was asked for.
	// Unless AlternativesOpen is set, they are proved to be.
	Alternatives     []*Report
	AlternativesOpen bool

	search *optimization
}

// Skipped is a project that the pipeline leaves out of the stack.
type Skipped struct {
	Name   py.Name
	Reason string
}

// Replaced is a package for which another of the stack stands in.
type Replaced struct {
	py.Package
	By   py.Package
	Unit string // that says so
}

// A Choice is one package of a stack.
type Choice struct {
	py.Package
	Release *py.Release
	Extras  []py.Name // that are asked for, sorted

	// Direct reports that one of the user's requirements names it.
	Direct bool

	// Build reports that it has no wheel for the environment, so that installing
	// it means building it from source.
	Build bool

	// Via are the requirements that it satisfies, and Needs those of its own
	// that hold in the environment.
	Via, Needs []Edge

	Why Why
}

// An Edge is one requirement that one part of a stack has of another.
type Edge struct {
	// From is who requires: a project, or empty for the user; Origin is then
	// where the user wrote it.
	From   py.Name
	Origin string

	// Extra is the extra of From for which it is required, or empty.
	Extra py.Name

	To     py.Name
	Extras []py.Name // of To that it asks for
	Text   string    // the requirement as it was written
}

// report reads the stack that the engine found.
func (e *engine) report() *Report {
	r := new(Report)
	for p := range e.cands {
		r.Projects++
		r.Releases += len(e.cands[p])
	}
	byProject := map[int]*Choice{}
	e.walk(func(p int) bool {
		project := e.closure.projects[p]
		release := project.releases[e.cands[p][e.chosen[p]]]
		if in := release.standIn; in != nil {
			r.Replaced = append(r.Replaced, Replaced{py.Package{Name: project.name, Version: release.Version}, in.By, in.Unit})
			return true
		}
		byProject[p] = &Choice{
			Package: py.Package{Name: project.name, Version: release.Version},
			Release: release.Release,
			Direct:  project.direct,
			Build:   e.closure.admit.builds(project.name, release.Artifacts),
		}
		return true
	})
	edge := func(n *need, x Edge) {
		child := byProject[e.stands(n.child.id)]
		x.To, x.Text = child.Name, n.line.text
		for _, i := range n.extras {
			x.Extras = append(x.Extras, n.child.extras[i])
		}
		child.Extras = append(child.Extras, x.Extras...)
		child.Via = append(child.Via, x)
		if parent, ok := e.closure.byName[x.From]; ok {
			byProject[parent].Needs = append(byProject[parent].Needs, x)
		}
	}
	for _, root := range e.closure.roots {
		switch {
		case root.need.child.skip != "":
			r.skipped(root.need.child)
		case !root.constraint:
			edge(root.need, Edge{Origin: root.req.Origin})
		}
	}
	for _, p := range sortedKeys(byProject) {
		project := e.closure.projects[p]
		for _, n := range project.releases[e.cands[p][e.chosen[p]]].group.needs {
			if n.child.skip != "" && n.extra < 0 {
				r.skipped(n.child)
			}
		}
		e.needs(p, func(n *need) {
			x := Edge{From: project.name}
			if n.extra >= 0 {
				x.Extra = project.extras[n.extra]
			}
			edge(n, x)
		})
	}
	in := e.inStack()
	r.Terms, r.Score = e.held(in)
	for _, p := range sortedKeys(byProject) {
		choice := byProject[p]
		slices.Sort(choice.Extras)
		choice.Extras = slices.Compact(choice.Extras)
		choice.Why = e.why(in, p, choice)
		r.Stack = append(r.Stack, *choice)
	}
	slices.SortFunc(r.Stack, func(a, b Choice) int { return strings.Compare(string(a.Name), string(b.Name)) })
	slices.SortFunc(r.Skipped, func(a, b Skipped) int { return strings.Compare(string(a.Name), string(b.Name)) })
	slices.SortFunc(r.Replaced, func(a, b Replaced) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return r
}

// skipped notes a project that is left out, once.
func (r *Report) skipped(p *project) {
	if s := (Skipped{p.name, p.skip}); !slices.Contains(r.Skipped, s) {
		r.Skipped = append(r.Skipped, s)
	}
}

// stands returns the project that stands for p in the stack: mostly itself.
func (e *engine) stands(p int) int {
	for range len(e.cands) { // as long as one stands in for another
		in := e.closure.projects[p].releases[e.cands[p][e.chosen[p]]].standIn
		if in == nil {
			break
		}
		p = e.closure.byName[in.By.Name]
	}
	return p
}

func sortedKeys(m map[int]*Choice) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
