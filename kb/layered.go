package kb

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/thamos/thamos/kb/py"
)

// Layered is a snapshot with local knowledge on top of it, for one route. It is
// safe for concurrent use. What it returns is shared: do not modify it.
//
// A project is served by the first index of its route that has it, if of every
// index before that it is known that it has not. What a snapshot says holds for
// its origin only. Of one index:
//
//   - the newer of the snapshot and the local answer says which releases there
//     are; an Absent that is newer than the snapshot removes the project;
//   - files that the snapshot left out are those of the local listing;
//   - metadata that either knows is known, of the releases that there are; if
//     both do, the newer counts;
//   - a release is unreadable if the local answer says so, no metadata of it is
//     known and no file of it was added since.
//
// A project that no index of its route has is one without releases. One of
// which that cannot be said is not known.
type Layered struct {
	snapshot *DB
	origin   string // of the snapshot
	local    *Local
	route    Route
	offline  bool

	mu      sync.Mutex
	served  map[py.Name]*served
	bounder *bounder // see Suspicions; nil until it is wanted
}

// A served is what is known of a project, until more is learnt of it.
type served struct {
	learnt    int         // see Local.learnt
	project   *py.Project // nil: not known
	index     string
	listed    bool     // by the snapshot
	read      int64    // see ReadAt
	uncertain []string // see Doubt.Unknown

	// suspicions are those of project, if suspected says that they were asked for.
	suspicions []py.Suspicion
	suspected  bool
}

// A Doubt is a project that was taken from an index although an earlier one of
// its route, which was not asked, may have it: somebody else's project with the
// name of a private one would be taken in its place (dependency confusion).
type Doubt struct {
	Name    py.Name
	Index   string   // it was taken from
	Unknown []string // the indexes before it that were not asked
}

// NewLayered joins a snapshot and local knowledge; either may be nil. Offline,
// where nobody can be asked, an index that was not is passed over; see Doubts.
// Without indexes in the route nothing is known.
func NewLayered(snapshot *DB, local *Local, route Route, offline bool) *Layered {
	k := &Layered{
		snapshot: snapshot,
		local:    local,
		route:    Route{Pins: map[py.Name]string{}},
		offline:  offline,
		served:   map[py.Name]*served{},
	}
	if snapshot != nil {
		k.origin = cmp.Or(trimIndex(snapshot.origin), route.Nameless)
	}
	for _, index := range route.Indexes {
		k.route.Indexes = append(k.route.Indexes, trimIndex(index))
	}
	for name, index := range route.Pins {
		k.route.Pins[name] = trimIndex(index)
	}
	return k
}

// Projects returns what is known of each project, in the order of names; nil
// means that nothing is. It asks the snapshot and the local knowledge only for
// what it was not asked for before, and for what was learnt since.
func (k *Layered) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	all, err := k.serve(ctx, names)
	if err != nil {
		return nil, err
	}
	found := make([]*py.Project, len(names))
	for i, s := range all {
		found[i] = s.project
	}
	return found, nil
}

// serve is Projects with all that is known.
func (k *Layered) serve(ctx context.Context, names []py.Name) ([]*served, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var missing []py.Name
	learnt := k.local.learntOf(names)
	asked := map[py.Name]bool{}
	for i, name := range names {
		if s := k.served[name]; (s == nil || s.learnt != learnt[i]) && !asked[name] {
			asked[name] = true
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		if err := k.load(ctx, missing); err != nil {
			return nil, err
		}
	}
	all := make([]*served, len(names))
	for i, name := range names {
		all[i] = k.served[name]
	}
	return all, nil
}

// load reads projects. The caller holds k.mu.
func (k *Layered) load(ctx context.Context, names []py.Name) error {
	// Before the question: what is learnt meanwhile is asked for again.
	learnt := k.local.learntOf(names)
	snapshots := make([]*py.Project, len(names))
	var err error
	if k.snapshot != nil {
		if snapshots, err = k.snapshot.Projects(ctx, names); err != nil {
			return err
		}
	}
	var locals map[py.Name]map[string]*record
	if k.local != nil {
		if locals, err = k.local.records(ctx, textsOf(names)); err != nil {
			return err
		}
	}
	for i, name := range names {
		s := k.choose(name, snapshots[i], locals[name])
		s.learnt = learnt[i]
		k.served[name] = s
	}
	return nil
}

// choose finds the index that serves a project and what is known of it there.
func (k *Layered) choose(name py.Name, snapshot *py.Project, locals map[string]*record) *served {
	s := new(served)
	indexes := k.route.Of(name)
	oldest := int64(math.MaxInt64) // of the answers that an index has no such project
	for _, index := range indexes {
		var known *py.Project
		if index == k.origin {
			known = snapshot
		}
		switch state := k.at(s, known, locals[index]); {
		case state == KindAbsent:
			oldest = min(oldest, locals[index].read)
			continue
		case state == KindListing:
			s.index = index
			return s
		case !k.offline:
			return s // it must be asked first
		}
		s.uncertain = append(s.uncertain, index)
	}
	if len(indexes) > 0 && len(s.uncertain) == 0 {
		s.project, s.read = &py.Project{Name: name}, oldest
	}
	return s
}

// at sets the project of s to what one index has of it, and says whether that
// is known: KindListing, KindAbsent, or neither.
func (k *Layered) at(s *served, snapshot *py.Project, local *record) DocumentKind {
	if local == nil {
		local = new(record)
	}
	newer := snapshot == nil || local.read >= k.snapshot.built // the local answer, if there is one
	switch {
	case local.kind == KindListing && newer:
		s.listed, s.read, s.project = false, local.read, k.join(local.project, snapshot, local.releases)
	case snapshot != nil && (local.kind == "" || !newer):
		s.listed, s.read, s.project = true, k.snapshot.built, k.join(snapshot, local.project, local.releases)
	default:
		return local.kind
	}
	return KindListing
}

// join adds to the releases of a listing what is known of them besides: by the
// older listing of the other layer, or nil, and by the records of local
// knowledge.
func (k *Layered) join(listing, older *py.Project, records []releaseRecord) *py.Project {
	if older == nil && len(records) == 0 {
		return listing
	}
	out := &py.Project{Name: listing.Name, Status: listing.Status, StatusReason: listing.StatusReason, Releases: slices.Clone(listing.Releases)}
	if older != nil {
		from := older.Releases // both have the newest first
		for i := range out.Releases {
			r := &out.Releases[i]
			for len(from) > 0 && from[0].Version.Compare(r.Version) > 0 {
				from = from[1:]
			}
			if len(from) == 0 || from[0].Version.Compare(r.Version) != 0 {
				continue
			}
			if r.Requires == nil && from[0].Requires != nil {
				r.Requires, r.RequiresPython = from[0].Requires, from[0].RequiresPython
			}
			if r.Artifacts == nil {
				r.Artifacts = from[0].Artifacts
			}
		}
	}
	for _, record := range records {
		at, found := findRelease(out, record.version)
		if !found {
			continue
		}
		r := &out.Releases[at]
		switch {
		case record.requires == nil:
			r.Unreadable = r.Requires == nil && r.LastUploaded <= record.read
		case r.Requires == nil || record.read >= k.snapshot.built: // only a snapshot can have given others
			r.Requires, r.RequiresPython = record.requires, record.requiresPython
		}
	}
	return out
}

// findRelease finds a version, however it is spelled.
func findRelease(p *py.Project, v py.Version) (at int, found bool) {
	return slices.BinarySearchFunc(p.Releases, v, func(r py.Release, v py.Version) int {
		return v.Compare(r.Version) // newest first
	})
}

// Files returns the files of each package, in the order of packages, sorted by
// file name; an empty entry means that they are not known. A version may be
// spelled in any way that is equal.
func (k *Layered) Files(ctx context.Context, packages []py.Package) ([][]py.File, error) {
	names := make([]py.Name, len(packages))
	for i, p := range packages {
		names[i] = p.Name
	}
	all, err := k.serve(ctx, names)
	if err != nil {
		return nil, err
	}
	files := make([][]py.File, len(packages))
	var old []py.Package // to be asked of the snapshot
	var oldAt []int
	for i, s := range all {
		if s.listed {
			old, oldAt = append(old, packages[i]), append(oldAt, i)
		}
	}
	if len(old) > 0 {
		found, err := k.snapshot.Files(ctx, old)
		if err != nil {
			return nil, err
		}
		for n, i := range oldAt {
			files[i] = found[n]
		}
	}
	var questions []fileQuestion
	for i, s := range all {
		if s.index == "" || len(files[i]) > 0 {
			continue
		}
		if _, found := findRelease(s.project, packages[i].Version); found {
			questions = append(questions, fileQuestion{s.index, packages[i], &files[i]})
		}
	}
	if k.local == nil || len(questions) == 0 {
		return files, nil
	}
	return files, k.local.files(ctx, questions)
}

// Index returns the index that serves a project that Projects was asked for:
// its URL, without a slash at the end. It is empty if none is known to.
func (k *Layered) Index(name py.Name) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.served[name]; s != nil {
		return s.index
	}
	return ""
}

// ReadAt returns when an index was asked for the releases of a project that
// Projects was asked for, in Unix seconds: what was uploaded later is not among
// them. Of a snapshot that is when its day began. It is 0 if nothing is known.
func (k *Layered) ReadAt(name py.Name) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.served[name]; s != nil && s.project != nil {
		return s.read
	}
	return 0
}

// Doubts returns, of the projects that Projects was asked for, those that may be
// somebody else's, by name. There are none unless the Layered is offline.
func (k *Layered) Doubts() []Doubt {
	k.mu.Lock()
	defer k.mu.Unlock()
	var doubts []Doubt
	for _, name := range slices.Sorted(maps.Keys(k.served)) {
		if s := k.served[name]; s.index != "" && len(s.uncertain) > 0 {
			doubts = append(doubts, Doubt{name, s.index, s.uncertain})
		}
	}
	return doubts
}
