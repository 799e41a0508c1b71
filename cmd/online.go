package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

// onlineOptions are the flags that say what may be asked of indexes.
type onlineOptions struct {
	online, offline bool
	refresh         string // age, or "now"
	concurrency     int
}

// refreshNow is what --refresh without an age means.
const refreshNow = "0s"

// age returns how old what an index said may be, and whether an age was asked
// for at all.
func (o onlineOptions) age() (time.Duration, error) {
	if o.refresh == "" {
		return -1, nil
	}
	d, err := time.ParseDuration(o.refresh)
	if err != nil || d < 0 {
		return 0, usagef("--refresh: %q is no age such as 10m or 24h", o.refresh)
	}
	return d, nil
}

// knowledge is what a run knows: the snapshot with local knowledge on top, and,
// if asking is allowed, somebody to ask.
type knowledge struct {
	*kb.Layered
	snapshot *kb.DB
	info     kb.Info         // of the snapshot
	local    *kb.Local       // nil: there is none
	indexes  *ingest.Indexes // nil: nobody is to be asked
	client   ingest.ClientOptions
	env      *Env
	now      func() time.Time
	refresh  time.Duration     // see ingest.ReaderOptions
	main     map[string]bool   // origins that stand for the default index
	names    map[string]string // of the manifest's sources, by origin

	asked askedJSON // what was asked for
	notes []string
}

// localFile names the file of local knowledge, empty if there is no place for it.
func localFile(env *Env) string {
	if env.DataDir == "" {
		return ""
	}
	return filepath.Join(env.DataDir, "local.db")
}

// openLocal opens local knowledge. Offline one that does not exist is none;
// online it is made.
func openLocal(ctx context.Context, env *Env, create bool) (*kb.Local, error) {
	file := localFile(env)
	if file == "" {
		if create {
			return nil, usagef("there is no home directory to remember in what the index says; set XDG_DATA_HOME")
		}
		return nil, nil
	}
	if _, err := os.Stat(file); !create && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return kb.OpenLocal(ctx, file)
}

func (k *knowledge) close() {
	if k.local != nil {
		k.local.Close() // what was learnt is on the disk: Learn returned
	}
	k.snapshot.Close()
}

// openKnowledge opens what a run knows: the knowledge base at path, local
// knowledge, and online the indexes that m and the configuration name.
func openKnowledge(ctx context.Context, env *Env, path string, m *lockfile.Manifest, o onlineOptions) (_ *knowledge, err error) {
	k := &knowledge{env: env, now: env.Now}
	if k.refresh, err = o.age(); err != nil {
		return nil, err
	}
	if k.snapshot, err = openKB(ctx, env, path); err != nil {
		return nil, err
	}
	if k.local, err = openLocal(ctx, env, o.online); err != nil {
		k.snapshot.Close()
		return nil, err
	}
	if k.info, err = k.snapshot.Info(ctx); err == nil {
		err = k.setIndexes(env, m, k.info, o)
	}
	if err != nil {
		k.close()
		return nil, err
	}
	route := k.indexes.Route()
	if !o.online {
		k.indexes = nil
		route = k.offlineRoute(route, k.info.Origin)
	}
	k.Layered = kb.NewLayered(k.snapshot, k.local, route, !o.online)
	return k, nil
}

// solve finds the stack. Online it asks, before it answers, for what the answer
// stands on.
func (k *knowledge) solve(ctx context.Context, problem *resolver.Problem, d *directs) (*resolver.Report, error) {
	if k.indexes != nil {
		if err := k.ask(ctx, problem, d); err != nil {
			return nil, err
		}
	}
	return resolver.Solve(ctx, problem, d)
}

// ask asks the indexes for what the hopeful answer stands on, until it stands on
// facts that are fresh, or nothing more is to be had.
func (k *knowledge) ask(ctx context.Context, problem *resolver.Problem, d *directs) error {
	bar := newBar(k.env, 0, "asking")
	defer func() { _ = bar.Clear() }()
	reader := ingest.NewReader(ingest.ReaderOptions{
		Indexes: k.indexes, Environment: problem.Environment, Local: k.local,
		Requires: k.requires(ctx),
		Now:      k.now, Refresh: k.refresh,
		Learn: func(docs []kb.Document) error { return k.local.Learn(ctx, docs) },
		Progress: func(done, total int, what string) {
			bar.ChangeMax(total)
			bar.Describe(what)
			_ = bar.Set(done) // a terminal that cannot show it is no reason to stop
		},
		Guess: guess(problem),
	})
	failed := map[string]bool{} // what could not be read, not to be asked for twice
	asked := map[py.Name]bool{} // projects asked for in this run
	for {
		report, missing, err := resolver.Ask(ctx, problem, unanswered{d, failed})
		var none *resolver.NoStackError
		if errors.As(err, &none) {
			return nil // Solve tells whether that is proved
		}
		if err != nil {
			return err
		}
		wants, err := k.wants(ctx, d, report, missing, asked, failed)
		if err != nil || len(wants) == 0 {
			return err
		}
		read, err := reader.Read(ctx, wants)
		if err != nil {
			return err
		}
		k.asked.Requests += read.Requests
		k.asked.Listings += read.Listings
		k.asked.Metadata += read.Metadata
		for _, u := range read.Unknown {
			failed[unreadKey(u)] = true
			k.notes = append(k.notes, "not read: "+u.String())
		}
		for _, u := range read.Stale {
			k.notes = append(k.notes, "asked in vain, what was known before counts: "+u.String())
		}
	}
}

// wants lists what to ask for: what the answer stands on without it being
// known, and the projects in it of which nobody asked lately.
func (k *knowledge) wants(ctx context.Context, d *directs, report *resolver.Report, missing *resolver.UnknownError, asked map[py.Name]bool, failed map[string]bool) ([]ingest.Want, error) {
	var wants []ingest.Want
	add := func(w ingest.Want) {
		if !failed[wantKey(w)] {
			wants = append(wants, w)
		}
	}
	unknown := map[py.Name]bool{}
	if missing != nil {
		for _, m := range missing.Projects {
			unknown[m.Name] = true
		}
	}
	names := make([]py.Name, len(report.Stack))
	for i, c := range report.Stack {
		names[i] = c.Name
	}
	fresh, err := k.fresh(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, c := range report.Stack {
		if d.from[c.Name] != nil || !unknown[c.Name] && (fresh[c.Name] || asked[c.Name]) {
			continue
		}
		asked[c.Name] = true
		for _, v := range c.Via {
			if r, err := py.ParseRequirement(v.Text); err == nil {
				add(ingest.Want{Requirement: r})
			}
		}
	}
	if missing != nil {
		for _, p := range missing.Releases {
			extras := []py.Name(nil)
			for _, c := range report.Stack {
				if c.Name == p.Name {
					extras = c.Extras
				}
			}
			add(ingest.Want{Requirement: py.Requirement{Name: p.Name, Extras: extras}, Version: p.Version})
		}
	}
	return wants, nil
}

// unanswered is knowledge without hope for what was asked for in vain: the next
// question must be another one. It is for asking only; the answer is found
// with what is known.
type unanswered struct {
	resolver.Knowledge
	failed map[string]bool // by wantKey
}

func (u unanswered) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	all, err := u.Knowledge.Projects(ctx, names)
	if err != nil || len(u.failed) == 0 {
		return all, err
	}
	all = slices.Clone(all)
	for i, n := range names {
		switch {
		case all[i] == nil && u.failed[string(n)]:
			all[i] = &py.Project{Name: n}
		case all[i] != nil:
			all[i] = u.without(all[i])
		}
	}
	return all, nil
}

// without marks the releases that were asked for in vain.
func (u unanswered) without(p *py.Project) *py.Project {
	var marked *py.Project
	for i := range p.Releases {
		if p.Releases[i].Requires != nil || !u.failed[py.Package{Name: p.Name, Version: p.Releases[i].Version}.String()] {
			continue
		}
		if marked == nil {
			marked = &py.Project{Name: p.Name, Releases: slices.Clone(p.Releases)}
		}
		marked.Releases[i].Unreadable = true
	}
	if marked == nil {
		return p
	}
	return marked
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

// requires looks up what a release requires, for the reader.
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
