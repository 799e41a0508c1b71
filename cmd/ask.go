package cmd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// ask asks the indexes for what the hopeful answer stands on, until it stands on
// facts that are fresh, or nothing more is to be had. It ends: nothing is asked
// for twice.
func (k *knowledge) ask(ctx context.Context, s resolver.Search, problem *resolver.Problem, d *directs) error {
	s.Count, s.Record = 0, nil // which are for the answer
	bar := newBar(k.env, 0, "asking")
	defer func() { _ = bar.Clear() }()
	reader := ingest.NewReader(ingest.ReaderOptions{
		Indexes: k.indexes, Environment: problem.Environment, Local: k.local,
		// What the snapshot says holds for its own index: a mirror, or a private
		// index that has a release of the same version, must be asked.
		Requires: k.requires(ctx), RequiresIndex: ingest.Origin(k.info.Origin),
		Built: k.built(ctx),
		Now:   k.now, Refresh: k.refresh,
		Learn: func(docs []kb.Document) error { return k.local.Learn(ctx, docs) },
		Progress: func(done, total int, what string) {
			bar.ChangeMax(total)
			bar.Describe(what)
			_ = bar.Set(done) // a terminal that cannot show it is no reason to stop
		},
		Guess: guess(problem),
	})
	q := asking{k, s, d, map[string]bool{}, map[string]bool{}}
	for {
		wants, done, err := q.next(ctx, problem)
		if err != nil || done {
			return err
		}
		if len(wants) == 0 {
			continue // with less hope
		}
		read, err := reader.Read(ctx, wants)
		if err != nil {
			return err
		}
		q.take(read)
	}
}

// gcPercentAsking keeps the heap close to what is in use while listings of
// megabytes come and go: a third of the memory that the setting of short runs
// takes, and asking waits for indexes anyway.
const gcPercentAsking = 75

// An asking is what was asked for in one run, and in vain.
type asking struct {
	*knowledge
	search  resolver.Search
	directs *directs
	asked   map[string]bool // by wantKey
	failed  map[string]bool // by wantKey: without an answer, not to be asked for again
}

// next lists what to ask for next. It is done if the answer stands on facts, or
// on what cannot be had.
func (q asking) next(ctx context.Context, problem *resolver.Problem) (wants []ingest.Want, done bool, err error) {
	report, missing, err := q.search.Ask(ctx, problem, unanswered{q.directs, q.failed})
	var none *resolver.NoStackError
	if errors.As(err, &none) {
		wants, err = q.proof(ctx, problem)
		return wants, len(wants) == 0, err
	}
	if err != nil {
		return nil, false, err
	}
	hopeless := len(q.failed)
	wants, err = q.wants(ctx, report, missing)
	return wants, len(wants) == 0 && len(q.failed) == hopeless, err
}

// proof lists what to ask for where nothing that is still to be had makes a
// stack: what cannot be had might, as far as is known, and what was not asked
// for yet may prove that it does not.
func (q asking) proof(ctx context.Context, problem *resolver.Problem) (wants []ingest.Want, err error) {
	_, err = q.search.Solve(ctx, problem, q.directs)
	var unknown *resolver.UnknownError
	if !errors.As(err, &unknown) {
		return nil, nil // the answer's own search says the same
	}
	for _, m := range unknown.Projects {
		r, err := py.ParseRequirement(m.By.Text)
		if err == nil && q.first(string(m.Name)) {
			wants = append(wants, ingest.Want{Requirement: r})
		}
	}
	names := make([]py.Name, len(unknown.Releases))
	for i, p := range unknown.Releases {
		names[i] = p.Name
	}
	projects, err := q.directs.Projects(ctx, names)
	if err != nil {
		return nil, err
	}
	for i, p := range unknown.Releases {
		w := ingest.Want{Requirement: py.Requirement{Name: p.Name}, Version: p.Version}
		if !unreadable(projects[i], p.Version) && q.first(wantKey(w)) {
			wants = append(wants, w)
		}
	}
	return wants, nil
}

// unreadable reports whether an index said that a release cannot be read.
func unreadable(p *py.Project, v py.Version) bool {
	return p != nil && slices.ContainsFunc(p.Releases, func(r py.Release) bool { return r.Unreadable && r.Version.Compare(v) == 0 })
}

// take notes what came of asking.
func (q asking) take(read ingest.ReadReport) {
	q.knowledge.asked.add(read)
	for _, u := range read.Unknown {
		q.failed[unreadKey(u)] = true
		q.notes = append(q.notes, "not read: "+u.String())
	}
	for _, u := range read.Stale {
		q.notes = append(q.notes, "asked in vain, what was known before counts: "+u.String())
	}
}

// wants lists what to ask for: what the answer stands on without it being
// known, and the projects in it of which nobody asked lately.
func (q asking) wants(ctx context.Context, report *resolver.Report, missing *resolver.UnknownError) ([]ingest.Want, error) {
	if missing == nil {
		missing = new(resolver.UnknownError)
	}
	unknown := map[py.Name]bool{}
	for _, m := range missing.Projects {
		unknown[m.Name] = true
	}
	names := make([]py.Name, len(report.Stack))
	extras := map[py.Name][]py.Name{}
	for i, c := range report.Stack {
		names[i], extras[c.Name] = c.Name, c.Extras
	}
	fresh, err := q.fresh(ctx, names)
	if err != nil {
		return nil, err
	}
	var wants []ingest.Want
	for _, c := range report.Stack {
		key := string(c.Name)
		if q.directs.from[c.Name] != nil || !unknown[c.Name] && (fresh[c.Name] || q.asked[key]) || !q.first(key) {
			continue
		}
		for _, v := range c.Via {
			if r, err := py.ParseRequirement(v.Text); err == nil {
				wants = append(wants, ingest.Want{Requirement: r})
			}
		}
	}
	for _, p := range missing.Releases {
		w := ingest.Want{Requirement: py.Requirement{Name: p.Name, Extras: extras[p.Name]}, Version: p.Version}
		if q.first(wantKey(w)) {
			wants = append(wants, w)
		}
	}
	return wants, nil
}

// first reports whether something may be asked for, and notes that it is. What
// was asked for and still is not known is hopeless: the reader and the
// knowledge may judge differently what is known, and whatever the reason, asking
// must end.
func (q asking) first(key string) bool {
	if q.asked[key] {
		q.failed[key] = true
	}
	q.asked[key] = true
	return !q.failed[key]
}

func unreadKey(u ingest.Unread) string {
	return wantKey(ingest.Want{Requirement: py.Requirement{Name: u.Name}, Version: u.Version})
}

func wantKey(w ingest.Want) string {
	if w.Version.IsZero() {
		return string(w.Requirement.Name)
	}
	return py.Package{Name: w.Requirement.Name, Version: w.Version}.String()
}

// fresh reports, for each project, whether what its indexes say of it need not
// be asked for again.
func (k *knowledge) fresh(ctx context.Context, names []py.Name) (map[py.Name]bool, error) {
	answers, err := k.local.Answers(ctx, names)
	if err != nil {
		return nil, err
	}
	type place struct {
		name  py.Name
		index string
	}
	known := map[place]kb.Document{}
	for _, d := range answers {
		known[place{d.Project, d.Index}] = d
	}
	now := k.now()
	fresh := map[py.Name]bool{}
	for _, n := range names {
		fresh[n] = true
		for _, index := range k.indexes.Route().Of(n) {
			d, ok := known[place{n, index}]
			if !ok || d.Fresh <= now.Unix() || k.refresh >= 0 && now.Sub(time.Unix(d.Read, 0)) > k.refresh {
				fresh[n] = false
				break
			}
			if d.Kind == kb.KindListing {
				break
			}
		}
	}
	return fresh, nil
}

// requires looks up what a release requires, for the reader, in the snapshot.
func (k *knowledge) requires(ctx context.Context) func(py.Name, py.Version) *py.Requires {
	return func(name py.Name, v py.Version) *py.Requires {
		projects, err := k.snapshot.Projects(ctx, []py.Name{name})
		if err != nil || projects[0] == nil {
			return nil // then it is asked for, and the answer's own reading fails
		}
		for i := range projects[0].Releases {
			if r := &projects[0].Releases[i]; r.Version.Compare(v) == 0 {
				return r.Requires
			}
		}
		return nil
	}
}

// built looks up what a release requires that the index has as source only, and
// that was built to learn it.
func (k *knowledge) built(ctx context.Context) func(py.Name, py.Version) *py.Requires {
	return func(name py.Name, v py.Version) *py.Requires {
		projects, err := k.Projects(ctx, []py.Name{name})
		if err != nil || projects[0] == nil {
			return nil // then it is unreadable, as far as the index tells
		}
		for i := range projects[0].Releases {
			if r := &projects[0].Releases[i]; r.Version.Compare(v) == 0 {
				return r.Requires
			}
		}
		return nil
	}
}

// guess tells the reader how the answer will be chosen.
func guess(p *resolver.Problem) ingest.Guess {
	g := ingest.Guess{
		ExcludeNewer: p.ExcludeNewer,
		NoBuild:      p.NoBuild.Has,
		NoBinary:     p.NoBinary.Has,
		Prereleases: func(n py.Name) bool {
			return p.Prereleases == resolver.Allow || slices.Contains(p.PrereleasesFor, n)
		},
	}
	for _, c := range p.Constraints {
		g.Constraints = append(g.Constraints, c.Requirement)
	}
	return g
}
