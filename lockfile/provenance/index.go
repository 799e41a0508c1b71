package provenance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// release holds one entry against what the indexes that may serve it have.
func (r *run) release(e *release) {
	if e.outside != "" {
		r.unchecked(e.entry(), "release", e.outside)
		return
	}
	if r.exists(e) {
		r.report.Counts.Known++
		r.doubt(e)
		r.status(e)
		r.differ(e)
		r.age(e)
	}
	r.hashes(e) // which may betray where it is from although nobody has the release
}

// doubt notes that an index that comes before the one that has the release may
// have a project of the same name, for all that is known.
func (r *run) doubt(e *release) {
	var unknown []string
	for _, k := range e.from {
		if e.at[k].release != nil {
			break
		}
		if e.at[k].project == nil {
			unknown = append(unknown, r.world.Indexes[k].URL)
		}
	}
	if len(unknown) > 0 {
		r.unchecked(e.entry(), "index", strings.Join(unknown, " and ")+" comes first, and may have a project of this name")
	}
}

// exists reports whether an index that may serve the entry has the release, and
// tells if none has: as what is wrong if it is known, and as not checked if the
// release may be newer than what is known.
func (r *run) exists(e *release) bool {
	var unknown, without, with []string // indexes that are not known, have no such project, have other releases of it
	old := int64(0)                     // the oldest day of what may be too old
	for _, k := range e.from {
		s, url := e.at[k], r.world.Indexes[k].URL
		switch {
		case s.project == nil:
			unknown = append(unknown, url)
		case s.release != nil:
			return true
		case s.project.Status == quarantined:
			r.quarantine(e, s.project, url)
			return false
		case len(s.project.Releases) == 0:
			without = append(without, url)
		default:
			with = append(with, url)
		}
		if e.mayBeNewer(s) && (old == 0 || s.known < old) {
			old = s.known
		}
	}
	switch {
	case len(unknown) > 0:
		r.unchecked(e.entry(), "release", "it is not known what "+strings.Join(unknown, " and ")+" has of it")
	case old > 0:
		r.unchecked(e.entry(), "release", fmt.Sprintf("%s has no such release by the knowledge of %s, which may be older: ask with --online%s",
			strings.Join(append(with, without...), " and "), day(old), r.otherIndex(e)))
	case len(with) == 0:
		r.add(ProjectMissing, e.entry(), strings.Join(without, " and ")+" has no such project"+r.otherIndex(e))
	default:
		r.add(ReleaseMissing, e.entry(), strings.Join(append(with, without...), " and ")+" has no such release"+r.otherIndex(e))
	}
	return false
}

// mayBeNewer reports whether the release may have been uploaded after an index
// was asked for the project, for all that the lock says. When that was is not
// taken for certain where the version is the newest: a mirror or a cache may have
// answered with an older listing. It is certain that the listing has what was
// uploaded before the newest file in it.
//
// Who made the lock may lie about the time: what may be newer is not verified, and
// only not called wrong.
func (e *release) mayBeNewer(s standing) bool {
	if s.known == 0 {
		return false // it was asked in this run
	}
	certain := s.known
	if p := s.project; len(p.Releases) > 0 && e.Version.Compare(p.Releases[0].Version) > 0 {
		certain = 0
		for i := range p.Releases {
			certain = max(certain, p.Releases[i].Uploaded, p.Releases[i].LastUploaded)
		}
	}
	return !slices.ContainsFunc(e.Files, func(f lockfile.LockedFile) bool { return f.Uploaded > 0 && f.Uploaded <= certain })
}

// otherIndex says which index has the release that may not serve it.
func (r *run) otherIndex(e *release) string {
	for k, s := range e.at {
		if s.release != nil && !slices.Contains(e.from, k) {
			return ", but " + r.world.Indexes[k].URL + " has"
		}
	}
	return ""
}

// Words of PEP 792.
const quarantined = "quarantined"

func (r *run) quarantine(e *release, p *py.Project, url string) {
	r.add(ProjectQuarantined, e.entry(), url+" has it in quarantine", p.StatusReason)
}

// status tells what the index itself says of the project and the release.
func (r *run) status(e *release) {
	for _, k := range e.from {
		s := e.at[k]
		if s.release == nil {
			continue
		}
		url := r.world.Indexes[k].URL
		switch s.project.Status {
		case "", "active":
		case quarantined:
			r.quarantine(e, s.project, url)
		default:
			r.add(ProjectArchived, e.entry(), "the project is "+s.project.Status, s.project.StatusReason)
		}
		if s.release.Yanked {
			r.add(ReleaseYanked, e.entry(), "the release is yanked", s.release.YankedReason)
			return
		}
		var files []string
		for _, f := range s.files {
			if f.Yanked && e.locks(f) {
				files = append(files, strings.TrimSuffix(f.Filename+": "+f.YankedReason, ": "))
			}
		}
		if len(files) > 0 {
			r.add(ReleaseYanked, e.entry(), said(len(files), "file is yanked", "files are yanked"), few(files)...)
		}
		return
	}
}

// locks reports whether the entry names a file, or its hash.
func (e *release) locks(f py.File) bool {
	digest := "sha256:" + f.SHA256
	if slices.Contains(e.Hashes, digest) {
		return true
	}
	for _, l := range e.Files {
		if l.Filename == f.Filename || slices.Contains(l.Hashes, digest) {
			return true
		}
	}
	return false
}

// age tells of files that are newer than the cooldown.
func (r *run) age(e *release) {
	days := r.policy.CooldownDays
	if days == 0 {
		days = 7
	}
	if days < 0 || !r.on(ReleaseNew) {
		return
	}
	limit := r.world.Now - int64(days)*24*3600
	uploaded := map[string]int64{} // by file name, as the index says, else the lock
	for _, f := range e.Files {
		uploaded[f.Filename] = f.Uploaded
	}
	for _, k := range e.from {
		for _, f := range e.at[k].files {
			if f.Uploaded > 0 && e.locks(f) {
				uploaded[f.Filename] = f.Uploaded
			}
		}
		if s := e.at[k]; len(uploaded) == 0 && s.release != nil && s.release.Uploaded > 0 {
			uploaded["the release"] = s.release.Uploaded
		}
	}
	var young []string
	for name, at := range uploaded {
		if at > limit {
			young = append(young, name+" of "+day(at))
		}
	}
	if len(young) > 0 {
		slices.Sort(young)
		r.add(ReleaseNew, e.entry(), fmt.Sprintf("was uploaded less than %d days ago", days), few(young)...)
	}
}

// differ tells of a release that any of several indexes may serve and that is
// not the same on all of them, unless all of the lock's hashes are of the first
// that has it: then no other one can take its place. An index that lacks the release says nothing, and
// neither does one that has some of the other's files: that is how mirrors are.
// (Thoth compared the first index with all together, and called every first one
// that lacked the package different.)
func (r *run) differ(e *release) {
	var have []int
	for _, k := range e.from {
		if e.at[k].release != nil && len(e.at[k].files) > 0 {
			have = append(have, k)
		}
	}
	if len(have) < 2 || r.only(e, have[0]) {
		return
	}
	for n, a := range have {
		for _, b := range have[n+1:] {
			why := difference(e.at[a].files, e.at[b].files)
			if why == "" {
				continue
			}
			r.add(IndexesDiffer, e.entry(), "is not the same on "+r.world.Indexes[a].URL+" and "+r.world.Indexes[b].URL, why)
			return
		}
	}
}

// only reports whether every hash of the entry is that of a file on one index.
func (r *run) only(e *release, k int) bool {
	all, others := hashesOf(e)
	return len(all) > 0 && others == 0 && !slices.ContainsFunc(all, func(l locked) bool {
		return !slices.ContainsFunc(e.at[k].files, func(f py.File) bool { return f.SHA256 == l.digest })
	})
}

// difference says how the files of two indexes contradict each other; empty if
// one has all that the other has.
func difference(a, b []py.File) string {
	digests := make(map[string]string, len(a))
	for _, f := range a {
		digests[f.Filename] = f.SHA256
	}
	shared := 0
	var only string
	for _, f := range b {
		d, ok := digests[f.Filename]
		switch {
		case !ok:
			only = f.Filename
		case d != f.SHA256 && d != "" && f.SHA256 != "":
			return fmt.Sprintf("%s has sha256 %s on one and %s on the other", f.Filename, d, f.SHA256)
		default:
			shared++
		}
	}
	if only != "" && shared < len(a) {
		return only + " is on one of them only, and the other has files of its own"
	}
	return ""
}

// elsewhere tells, for each index, how many releases that are pinned to another
// one it has as well: once, for a mirror has them all.
func (r *run) elsewhere() {
	type pair struct{ pinned, other int }
	names := map[pair][]string{}
	var order []pair
	for _, e := range r.releases {
		if len(e.from) != 1 || e.at[e.from[0]].release == nil {
			continue
		}
		for k, s := range e.at {
			if k == e.from[0] || r.world.Indexes[k].Aside || !slices.ContainsFunc(s.files, e.locks) {
				continue
			}
			p := pair{e.from[0], k}
			if names[p] == nil {
				order = append(order, p)
			}
			names[p] = append(names[p], e.Package().String())
		}
	}
	for _, p := range order {
		if len(r.world.Indexes) < 2 || len(names[p]) == 0 {
			continue
		}
		pinned, other := r.world.Indexes[p.pinned].URL, r.world.Indexes[p.other].URL
		r.add(HashElsewhere, entry{}, fmt.Sprintf("%s has the same files of %s that %s is to serve", other, said(len(names[p]), "release", "releases"), pinned), few(names[p])...)
	}
}
