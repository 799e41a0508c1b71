package ingest

import (
	"context"
	"slices"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A walk is one Read. One goroutine owns it and everything of the Reader;
// others ask and send what came of it as an event.
type walk struct {
	reader *Reader
	ctx    context.Context
	nodes  map[py.Name]*node
	report ReadReport

	events   chan event
	running  int // goroutines that ask
	done     int // that have asked
	pending  []kb.Document
	learning bool
}

// An event changes the walk; its error ends it.
type event func(*walk) error

// A node is what is asked of a project in this walk. It only ever grows.
type node struct {
	name      py.Name
	project   *heldProject // nil: not known (yet)
	extras    map[py.Name]bool
	specs     []py.Specifiers
	texts     map[string]bool // of specs
	versions  []py.Version    // wanted before the project was known
	followed  []*heldRelease  // whose requirements were walked
	walked    map[walkedKey]bool
	requested bool // some requirement asks for a release
}

// A walkedKey is a requirement of a release, by its place.
type walkedKey struct {
	release *heldRelease
	line    int
}

// start lets ask run in a goroutine of its own.
func (w *walk) start(what string, ask func() event) {
	w.running++
	go func() {
		then := ask()
		w.events <- func(w *walk) error {
			w.running--
			w.done++
			err := then(w)
			if progress := w.reader.options.Progress; progress != nil {
				progress(w.done, w.done+w.running, what)
			}
			return err
		}
	}()
}

// full reports whether what waits to be learnt should wait no longer.
func (w *walk) full() bool {
	files := 0
	for _, d := range w.pending {
		if d.Listing != nil {
			files += len(d.Listing.Files)
		}
	}
	return len(w.pending) >= learnAtOnce || files >= learnAtOnceFiles
}

// learn hands on what came since the last time. A document that cannot be kept
// fails all that are learnt with it, so it is left out.
func (w *walk) learn() {
	docs := w.pending
	w.pending, w.learning = nil, true
	go func() {
		var refused []Unread
		err := w.reader.options.Learn(docs)
		if err != nil {
			docs, refused = keepable(docs)
			if len(refused) > 0 {
				err = w.reader.options.Learn(docs)
			}
		}
		w.events <- func(w *walk) error {
			w.learning = false
			w.report.Unknown = append(w.report.Unknown, refused...)
			return err
		}
	}()
}

// keepable splits documents into those that can be kept and those that cannot.
func keepable(docs []kb.Document) (good []kb.Document, refused []Unread) {
	for _, d := range docs {
		if _, err := d.Digest(); err != nil {
			refused = append(refused, Unread{d.Project, d.Version, d.Index, err.Error()})
			continue
		}
		good = append(good, d)
	}
	return good, refused
}

// want begins with one want.
func (w *walk) want(want Want) {
	n := w.node(want.Requirement.Name)
	if want.Version.IsZero() {
		w.need(want.Requirement)
		return
	}
	w.ask(n, want.Requirement.Extras)
	if n.project == nil {
		n.versions = append(n.versions, want.Version)
		return
	}
	w.release(n, want.Version)
}

// node returns the node of a project and has its indexes asked the first time.
func (w *walk) node(name py.Name) *node {
	n := w.nodes[name]
	if n != nil {
		return n
	}
	n = &node{name: name, extras: map[py.Name]bool{}, texts: map[string]bool{}, walked: map[walkedKey]bool{}}
	w.nodes[name] = n
	if n.project = w.reader.projects[name]; n.project != nil {
		for _, rel := range n.project.releases {
			rel.asked = false
		}
		if n.project.source == nil {
			w.report.Missing = append(w.report.Missing, name)
		}
		return n
	}
	r, ctx := w.reader, w.ctx
	w.start(string(name), func() event {
		found := r.find(ctx, name)
		return func(w *walk) error { return w.found(n, found) }
	})
	return n
}

// found takes what the indexes of a project answered.
func (w *walk) found(n *node, found answered) error {
	if found.err != nil || w.ctx.Err() != nil {
		return found.err
	}
	w.pending = append(w.pending, found.docs...)
	w.report.Listings += found.listed
	w.report.Stale = append(w.report.Stale, found.stale...)
	w.report.Faults = append(w.report.Faults, found.faults...)
	if found.unknown != nil {
		w.report.Unknown = append(w.report.Unknown, *found.unknown)
		return nil
	}
	n.project = found.project
	w.reader.projects[n.name] = found.project
	if found.project.source == nil {
		w.report.Missing = append(w.report.Missing, n.name)
		return nil
	}
	for _, v := range n.versions {
		w.release(n, v)
	}
	w.choose(n)
	return nil
}

// need notes what a requirement asks of a project.
func (w *walk) need(req py.Requirement) {
	n := w.node(req.Name)
	fresh := !n.requested
	n.requested = true
	if text := req.Specifiers.String(); text != "" && !n.texts[text] {
		n.texts[text] = true
		n.specs = append(n.specs, req.Specifiers)
		fresh = true
	}
	w.ask(n, req.Extras)
	if fresh {
		w.choose(n)
	}
}

// ask asks a project for extras.
func (w *walk) ask(n *node, extras []py.Name) {
	grown := false
	for _, x := range extras {
		grown = grown || !n.extras[x]
		n.extras[x] = true
	}
	if grown {
		for _, rel := range n.followed {
			w.follow(n, rel)
		}
	}
}

// choose reads the release that will most likely be chosen of a project.
func (w *walk) choose(n *node) {
	if n.project == nil || !n.requested {
		return
	}
	if rel := w.reader.guess(n); rel != nil {
		w.readRelease(n, rel)
	}
}

// release reads a release by its version.
func (w *walk) release(n *node, v py.Version) {
	if n.project.source == nil {
		return
	}
	rel := n.project.byKey[v.Key()]
	if rel == nil {
		w.unreadable(n, &heldRelease{version: v}, kb.Document{
			Kind: kb.KindUnreadable, Index: n.project.source.origin, Project: n.name, Version: v,
			Read: w.reader.options.Now().Unix(), Reason: errNoFile.Error(),
		})
		return
	}
	w.readRelease(n, rel)
}

// readRelease follows a release, whose metadata it asks for if need be.
func (w *walk) readRelease(n *node, rel *heldRelease) {
	r, ctx, p := w.reader, w.ctx, n.project
	speaks := r.options.RequiresIndex == "" || r.options.RequiresIndex == p.source.origin
	if rel.needs == nil && r.options.Requires != nil && speaks && !rel.unreadable {
		if known := r.options.Requires(n.name, rel.version); known != nil {
			rel.needs = newNeeds(known.Lines)
		}
	}
	if rel.needs == nil && rel.file == nil && r.options.Built != nil {
		if known := r.options.Built(n.name, rel.version); known != nil {
			rel.needs = newNeeds(known.Lines)
		}
	}
	switch {
	case rel.needs != nil:
		if !slices.Contains(n.followed, rel) {
			n.followed = append(n.followed, rel)
			w.follow(n, rel)
		}
		return
	case rel.asked || rel.unreadable:
		return
	}
	rel.asked = true
	w.start(py.Package{Name: n.name, Version: rel.version}.String(), func() event {
		a := r.readMetadata(ctx, p, rel)
		return func(w *walk) error { return w.read(n, rel, a) }
	})
}

// read takes what came of asking for the metadata of a release.
func (w *walk) read(n *node, rel *heldRelease, a metadataAnswer) error {
	switch {
	case w.ctx.Err() != nil:
		return nil
	case a.err == nil:
		rel.needs = a.needs
		w.report.Metadata++
		w.pending = append(w.pending, a.doc)
		w.readRelease(n, rel)
	case a.doc.Kind == kb.KindUnreadable:
		w.unreadable(n, rel, a.doc)
		w.choose(n)
	default:
		// A server that fails may fail with the next one, and so on through all:
		// no other release is guessed.
		w.report.Unknown = append(w.report.Unknown, Unread{n.name, rel.version, a.doc.Index, a.err.Error()})
	}
	return nil
}

// unreadable notes that a release has no metadata that can be had.
func (w *walk) unreadable(n *node, rel *heldRelease, doc kb.Document) {
	rel.unreadable = true
	w.pending = append(w.pending, doc)
	w.report.Unreadable = append(w.report.Unreadable, Unread{n.name, rel.version, doc.Index, doc.Reason})
}

// follow needs what a release needs in the environment with the extras that are
// asked for.
func (w *walk) follow(n *node, rel *heldRelease) {
	for i, req := range rel.needs.requirements {
		key := walkedKey{rel, i}
		if !n.walked[key] && w.holds(n, req.Marker) {
			n.walked[key] = true
			w.need(req)
		}
	}
}

// holds reports whether a requirement of a project may matter: if in doubt it
// does.
func (w *walk) holds(n *node, m py.Marker) bool {
	if m.IsZero() {
		return true
	}
	judge := func(extra py.Name) bool {
		holds, err := m.Evaluate(w.reader.options.Environment, extra)
		return holds || err != nil
	}
	if judge("") {
		return true
	}
	if m.MentionsExtra() {
		for extra := range n.extras {
			if judge(extra) {
				return true
			}
		}
	}
	return false
}
