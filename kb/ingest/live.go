package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// maxProjects bounds one reading: an index that names ever new projects must
// not keep us for ever.
const maxProjects = 100_000

// LiveOptions say what is read of a live index. Client and Projects must be set.
type LiveOptions struct {
	Client *Client

	// Projects are where the reading starts: of each requirement the name and
	// the extras count, and of the releases it admits the newest is read in
	// addition to those of Newest.
	Projects []py.Requirement

	// Newest is how many releases of each project have their metadata read: the
	// newest stable ones that are not yanked and, of a project with fewer, its
	// newest pre-releases. 0 means 5. All other releases are known with their
	// files, requirements unknown.
	Newest int

	// Extras follows the requirements of every extra. Without it those of an
	// extra are followed where a requirement that was read asks for the extra.
	Extras bool

	// Environment, if not nil, is the one the knowledge is for: requirements
	// whose markers do not hold in it are not followed. Nil follows all.
	Environment *py.Environment

	// Age is how old a kept listing may be. 0 asks for every listing anew.
	Age time.Duration

	// Progress, if not nil, is told what was read, and how much of what is known
	// to be needed that makes: total grows on the way. It is called by one
	// goroutine at a time and must not block.
	Progress func(done, total int, what string)
}

// A LiveReport says what was read of a live index and what was not. Its
// Missing are the projects that the index says it does not have, by name.
type LiveReport struct {
	Report

	// Unknown are projects of which the index did not say whether it has them:
	// it refused, failed, or answered what cannot be read.
	Unknown []Fault

	// Unread are releases that were to be read and stay without metadata.
	Unread []Fault

	Requests int // requests sent, redirects and repetitions included
}

// Live reads the projects of a list from an index and, transitively, the
// projects that the requirements it read name. Each project that the index has
// is added once, with all its files and what metadata was read, in the order
// of the names. The same answers give the same listings in any order of
// arrival.
//
// What the index does not have or does not give is in the report. The error
// says that reading as a whole ended: ctx is done, the cache's disk fails, add
// failed, or there is no end of projects; what was read till then is in the cache.
func Live(ctx context.Context, o LiveOptions, add func(kb.Listing) error) (LiveReport, error) {
	before := o.Client.Requests()
	o.Newest = cmp.Or(o.Newest, 5)
	l := &live{options: o, projects: map[py.Name]*liveProject{}}
	for _, req := range o.Projects {
		l.need(req)
	}
	err := l.read(ctx)
	if err == nil {
		err = l.emit(ctx, add)
	}
	l.report.Requests = o.Client.Requests() - before
	return l.report, err
}

// live is one reading. One goroutine owns it; workers get jobs and give
// outcomes.
type live struct {
	options  LiveOptions
	projects map[py.Name]*liveProject
	queue    []job
	report   LiveReport
}

// A liveProject is what is known so far of one project. What is to be read
// only ever grows, so the end does not depend on what came first.
type liveProject struct {
	name     py.Name
	extras   map[py.Name]bool         // that some requirement asked for
	admits   map[string]py.Specifiers // of the requirements, by their text
	page     *Page                    // nil: not read
	err      error                    // why not
	releases []*liveRelease           // newest first
}

type liveRelease struct {
	version py.Version
	files   []py.File
	tags    []string // of each file, "" for a source distribution
	yanked  bool     // all files are

	wanted   bool
	metadata *py.Metadata
	err      error
	needs    []*edge
}

// An edge is a requirement of a release that was read.
type edge struct {
	py.Requirement
	provides []py.Name // the extras of the release
	followed bool
}

// A job is one page or, if release is set, one METADATA to read.
type job struct {
	project *liveProject
	release *liveRelease
	file    RemoteFile
}

func (j job) what() string {
	if j.release != nil {
		return j.file.Package.String()
	}
	return string(j.project.name)
}

type outcome struct {
	job
	page     Page
	metadata py.Metadata
	err      error
}

// read works until there is no job left. It returns once no worker runs.
func (l *live) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	jobs, outcomes := make(chan job), make(chan outcome)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	for range l.options.Client.options.Concurrency {
		workers.Go(func() { l.work(ctx, jobs, outcomes) })
	}
	done, running := 0, 0
	for running > 0 || len(l.queue) > 0 {
		// A nil channel is never ready: no job, nothing to send.
		var out chan<- job
		var next job
		if len(l.queue) > 0 {
			out, next = jobs, l.queue[0]
		}
		select {
		case out <- next:
			l.queue = l.queue[1:]
			running++
		case o := <-outcomes:
			running--
			done++
			if errors.Is(o.err, errCache) {
				return o.err
			}
			l.take(o)
			if len(l.projects) > maxProjects {
				return fmt.Errorf("the projects needed are more than %d (after %s)", maxProjects, o.what())
			}
			if l.options.Progress != nil {
				l.options.Progress(done, done+running+len(l.queue), o.what())
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// work reads what it is given until ctx is done.
func (l *live) work(ctx context.Context, jobs <-chan job, outcomes chan<- outcome) {
	for {
		var o outcome
		select {
		case o.job = <-jobs:
		case <-ctx.Done():
			return
		}
		if o.release == nil {
			o.page, o.err = l.options.Client.Page(ctx, o.project.name, l.options.Age)
		} else {
			o.metadata, o.err = l.options.Client.Metadata(ctx, o.file)
		}
		select {
		case outcomes <- o:
		case <-ctx.Done():
			return
		}
	}
}

// take notes an outcome and queues what follows from it.
func (l *live) take(o outcome) {
	switch p, r := o.project, o.release; {
	case r == nil && o.err != nil:
		p.err = o.err
	case r == nil:
		p.page, p.releases = &o.page, releasesOf(o.page.Listing)
		l.wantNewest(p)
		for _, specifiers := range p.admits {
			l.wantAdmitted(p, specifiers)
		}
	case o.err != nil:
		r.err = o.err
	default:
		r.metadata = &o.metadata
		for _, line := range o.metadata.RequiresDist {
			req, err := py.ParseRequirement(line)
			if err != nil {
				continue // the line is stored as published; here it leads nowhere
			}
			r.needs = append(r.needs, &edge{Requirement: req, provides: o.metadata.ProvidesExtra})
		}
		l.follow(p, r)
	}
}

// follow needs what a release needs and was not followed yet.
func (l *live) follow(p *liveProject, r *liveRelease) {
	for _, e := range r.needs {
		if !e.followed && e.URL == "" && l.holds(p, e) {
			e.followed = true
			l.need(e.Requirement)
		}
	}
}

// need notes a requirement: its project, the extras it asks for and the
// releases it admits.
func (l *live) need(req py.Requirement) {
	p := l.projects[req.Name]
	if p == nil {
		p = &liveProject{name: req.Name, extras: map[py.Name]bool{}, admits: map[string]py.Specifiers{}}
		l.projects[req.Name] = p
		l.queue = append(l.queue, job{project: p})
	}
	if text := req.Specifiers.String(); text != "" {
		if _, known := p.admits[text]; !known {
			p.admits[text] = req.Specifiers
			l.wantAdmitted(p, req.Specifiers)
		}
	}
	grown := false
	for _, extra := range req.Extras {
		grown = grown || !p.extras[extra]
		p.extras[extra] = true
	}
	if grown {
		for _, r := range p.releases {
			l.follow(p, r)
		}
	}
}

// holds reports whether a requirement of p may matter: if in doubt it does.
func (l *live) holds(p *liveProject, e *edge) bool {
	extras := []py.Name{""}
	if e.Marker.MentionsExtra() {
		asked := slices.Collect(maps.Keys(p.extras))
		if l.options.Extras {
			asked = e.provides
		}
		if l.options.Environment == nil {
			return l.options.Extras || slices.ContainsFunc(asked, func(x py.Name) bool { return quotes(e.Marker, x) })
		}
		extras = append(extras, asked...)
	}
	return l.options.Environment == nil || slices.ContainsFunc(extras, func(x py.Name) bool {
		holds, err := e.Marker.Evaluate(l.options.Environment, x)
		return holds || err != nil
	})
}

// quotes reports whether a marker has the name of an extra among its literals.
func quotes(m py.Marker, extra py.Name) bool {
	for i, text := range strings.Split(m.String(), `"`) {
		if i%2 == 1 && py.NormalizeName(text) == extra {
			return true
		}
	}
	return false
}

// wantNewest wants the releases that LiveOptions.Newest speaks of.
func (l *live) wantNewest(p *liveProject) {
	left := l.options.Newest
	for _, prerelease := range []bool{false, true} {
		for _, r := range p.releases {
			if left > 0 && !r.yanked && r.version.Prerelease() == prerelease {
				l.want(p, r)
				left--
			}
		}
	}
}

// wantAdmitted wants the newest release that specifiers admit: a stable one
// if there is one, a yanked one only if there is no other.
func (l *live) wantAdmitted(p *liveProject, specifiers py.Specifiers) {
	var best *liveRelease
	rank := func(r *liveRelease) int {
		switch {
		case r.yanked:
			return 2
		case r.version.Prerelease():
			return 1
		}
		return 0
	}
	for _, r := range p.releases {
		if specifiers.Contains(r.version) && (best == nil || rank(r) < rank(best)) {
			best = r
		}
	}
	if best != nil {
		l.want(p, best)
	}
}

var errNoWheel = errors.New("no wheel, and no metadata of its source distribution is announced")

// want queues the reading of a release's metadata, once.
func (l *live) want(p *liveProject, r *liveRelease) {
	if r.wanted {
		return
	}
	r.wanted = true
	file, ok := bestFile(r.files, p.page.Announced)
	if !ok {
		r.err = errNoWheel
		return
	}
	sum, announced := p.page.Announced[file.Filename]
	l.queue = append(l.queue, job{p, r, RemoteFile{
		File:      file,
		Package:   py.Package{Name: p.name, Version: r.version},
		Announced: announced,
		SHA256:    sum,
	}})
}

// emit adds what was read, in the order of the names, and fills the report.
func (l *live) emit(ctx context.Context, add func(kb.Listing) error) error {
	for _, name := range slices.Sorted(maps.Keys(l.projects)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := l.projects[name]
		switch {
		case errors.Is(p.err, ErrAbsent):
			l.report.Missing = append(l.report.Missing, name)
			continue
		case p.err != nil:
			l.report.Unknown = append(l.report.Unknown, Fault{string(name), p.err.Error()})
			continue
		}
		listing := p.page.Listing
		for _, r := range p.releases {
			if r.metadata != nil {
				listing.Metadata = append(listing.Metadata, *r.metadata)
			}
			if r.err != nil {
				where := py.Package{Name: name, Version: r.version}.String()
				l.report.Unread = append(l.report.Unread, Fault{where, r.err.Error()})
			}
		}
		if err := add(listing); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
		l.report.Projects++
		l.report.Files += len(listing.Files)
		l.report.Metadata += len(listing.Metadata)
		l.report.Ignored += p.page.Ignored
		l.report.add(p.page.Faults...)
	}
	return nil
}

// releasesOf groups the files of a listing, newest release first. Files whose
// names cannot be read, or name another project, belong to no release.
func releasesOf(listing kb.Listing) []*liveRelease {
	byKey := map[string]*liveRelease{}
	for _, f := range listing.Files {
		pkg, tags, ok := packageOf(listing.Name, f.Filename)
		if !ok {
			continue
		}
		key := pkg.Version.Key()
		r := byKey[key]
		if r == nil {
			r = &liveRelease{version: pkg.Version, yanked: true}
			byKey[key] = r
		}
		r.files, r.tags = append(r.files, f), append(r.tags, tags)
		r.yanked = r.yanked && f.Yanked
	}
	releases := slices.Collect(maps.Values(byKey))
	slices.SortFunc(releases, func(a, b *liveRelease) int { return b.version.Compare(a.version) })
	return releases
}

// packageOf returns what the name of a file of a project says it is, with the
// tags of a wheel.
func packageOf(project py.Name, filename string) (pkg py.Package, tags string, ok bool) {
	if w, err := py.ParseWheelName(filename); err == nil {
		return py.Package{Name: w.Name, Version: w.Version}, w.Tags, w.Name == project
	}
	pkg, err := py.ParseSdistNameOf(project, filename)
	return pkg, "", err == nil
}

// bestFile picks the file whose metadata is read for its release: a wheel
// whose metadata is announced, else a wheel, else a source distribution whose
// metadata is announced; among equals one for every platform, one that is not
// yanked, the first by name. A release's files may differ in their metadata,
// but hardly ever do.
func bestFile(files []py.File, announced map[string]string) (py.File, bool) {
	rank := func(f py.File) int {
		wheel := strings.HasSuffix(f.Filename, ".whl")
		_, said := announced[f.Filename]
		if f.URL == "" || !wheel && !said {
			return -1
		}
		n := 0
		for _, good := range []bool{wheel, said, strings.HasSuffix(f.Filename, "-none-any.whl"), !f.Yanked} {
			n *= 2
			if good {
				n++
			}
		}
		return n
	}
	var best py.File
	most := -1
	for _, f := range files {
		if n := rank(f); n > most || n == most && n >= 0 && f.Filename < best.Filename {
			best, most = f, n
		}
	}
	return best, most >= 0
}
