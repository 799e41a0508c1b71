package provenance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// A locked is one hash of an entry, with the file that the lock names for it.
type locked struct {
	digest string // sha256 in hex; empty if there is none
	hash   string // as the lock has it
	file   *lockfile.LockedFile
}

// String is what evidence says of it.
func (l locked) String() string {
	if l.file == nil {
		return l.hash
	}
	return l.file.Filename + " " + l.hash
}

// hashesOf are the hashes of an entry that can be held against an index, and how
// many cannot because they are of another algorithm.
func hashesOf(e *release) (all []locked, others int) {
	take := func(hashes []string, f *lockfile.LockedFile) {
		found := false
		for _, h := range hashes {
			if digest, ok := strings.CutPrefix(h, "sha256:"); ok {
				all, found = append(all, locked{digest, h, f}), true
			}
		}
		if !found && len(hashes) > 0 {
			others += len(hashes)
		}
	}
	take(e.Hashes, nil)
	for i := range e.Files {
		take(e.Files[i].Hashes, &e.Files[i])
	}
	return all, others
}

// hashes holds the hashes of an entry against the files of its release.
func (r *run) hashes(e *release) {
	all, others := hashesOf(e)
	if others > 0 {
		r.unchecked(e.entry(), "hash", said(others, "hash is not a sha256, and indexes are known by that alone", "hashes are not sha256, and indexes are known by that alone"))
	}
	digests, files, complete := r.served(e)
	var strange []locked
	for _, l := range all {
		if l.file != nil {
			if f, ok := files[l.file.Filename]; ok {
				r.served1(e, l, f)
				continue
			}
		}
		if name, ok := digests[l.digest]; ok {
			if l.file != nil && l.file.Filename != name {
				r.add(HashMismatch, r.fileEntry(e, l), fmt.Sprintf("%s is locked with the hash of %s", l.file.Filename, name), l.hash)
				continue
			}
			r.report.Counts.Hashes++
			continue
		}
		strange = append(strange, l)
	}
	if len(strange) > 0 {
		r.puzzles = append(r.puzzles, puzzle{e, strange, complete})
	}
}

// served1 compares a named file with the one that the index has.
func (r *run) served1(e *release, l locked, f py.File) {
	switch {
	case f.SHA256 == "":
		r.unchecked(e.entry(), "hash", "the hash of "+f.Filename+" is not known")
	case f.SHA256 == l.digest:
		r.report.Counts.Hashes++
		if l.file.URL != "" && f.URL != "" && hostOf(l.file.URL) != hostOf(f.URL) {
			r.add(FileElsewhere, r.fileEntry(e, l), fmt.Sprintf("%s is to be fetched from %s", f.Filename, hostOf(l.file.URL)), "the index names "+f.URL)
		}
	default:
		why := ""
		if p, ok := r.where(l.digest); ok {
			why = "it is the hash of " + p.file + " of " + p.pkg.String()
		}
		r.add(HashMismatch, r.fileEntry(e, l), fmt.Sprintf("%s has another hash on the index", f.Filename), "locked sha256 "+l.digest, "index sha256 "+f.SHA256, why)
	}
}

// hostOf is the host of a URL in lower case.
func hostOf(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	host := rest[:strings.IndexAny(rest+"/", "/?#")]
	return strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
}

// fileEntry is the place of a hash.
func (r *run) fileEntry(e *release, l locked) entry {
	at := e.entry()
	if l.file != nil {
		at.pos = l.file.Pos
	}
	return at
}

// served are the files of the release on the indexes that may serve it, by
// digest and by name. It is complete if all that they have is known, with its
// hashes.
func (r *run) served(e *release) (digests map[string]string, files map[string]py.File, complete bool) {
	digests, files = map[string]string{}, map[string]py.File{}
	complete = true
	for _, k := range e.from {
		s := e.at[k]
		complete = complete && s.project != nil && (s.release == nil || len(s.files) > 0)
		for _, f := range s.files {
			complete = complete && f.SHA256 != ""
			digests[f.SHA256] = f.Filename
			if known, ok := files[f.Filename]; !ok || known.SHA256 == "" {
				files[f.Filename] = f
			}
		}
	}
	delete(digests, "")
	return digests, files, complete
}

// A puzzle is an entry with hashes that are of no file of its release on an
// index that may serve it.
type puzzle struct {
	*release
	hashes   []locked
	complete bool // all files that it could be of are known
}

// strange tells where the hashes of the puzzles are from, if that is known, and
// otherwise that they are unknown, if all that could be known is.
func (r *run) strange(ctx context.Context) error {
	own, err := r.ownFiles(ctx)
	if err != nil {
		return err
	}
	for _, e := range r.puzzles {
		found := map[string][]string{}
		var left []locked
		say := func(id string, l locked, where string) {
			found[id] = append(found[id], l.String()+" "+where)
		}
		for _, l := range e.hashes {
			if at, ok := r.otherServes(e.release, l.digest); ok {
				say(HashOtherIndex, l, "is on "+at)
			} else if p, ok := own[l.digest]; ok && p.pkg.Name == e.Name {
				say(HashOtherRelease, l, "is "+p.file+" of "+p.pkg.String())
			} else if p, ok := r.where(l.digest); ok && p.pkg.Name != e.Name {
				say(HashOtherProject, l, "is "+p.file+" of "+p.pkg.String())
			} else {
				left = append(left, l)
			}
		}
		for _, of := range []struct{ id, message string }{
			{HashOtherIndex, "is locked with hashes of files that only another index serves"},
			{HashOtherRelease, "is locked with hashes of another release"},
			{HashOtherProject, "is locked with hashes of another project"},
		} {
			if len(found[of.id]) > 0 {
				r.add(of.id, e.entry(), of.message, few(found[of.id])...)
			}
		}
		r.unknownHashes(e.release, left, e.complete)
	}
	return nil
}

// unknownHashes tells of hashes that no file has that is known.
func (r *run) unknownHashes(e *release, left []locked, complete bool) {
	if !slices.ContainsFunc(e.from, func(k int) bool { return e.at[k].release != nil }) {
		return // that it is not known, or not there, is told already
	}
	var unknown, newer []string
	known := int64(0)
	for _, k := range e.from {
		known = max(known, e.at[k].known)
	}
	for _, l := range left {
		if l.file != nil && known > 0 && l.file.Uploaded > known {
			newer = append(newer, l.file.Filename+" of "+day(l.file.Uploaded))
			continue
		}
		unknown = append(unknown, l.String())
	}
	if len(newer) > 0 {
		r.add(FileNewer, e.entry(), fmt.Sprintf("is locked with files that are newer than the knowledge of %s", day(known)), few(newer)...)
	}
	switch {
	case len(unknown) == 0:
	case complete:
		r.add(HashUnknown, e.entry(), "is locked with hashes that no file of the release has", few(unknown)...)
	default:
		r.unchecked(e.entry(), "hash", "not all files of the release are known")
	}
}

// otherServes finds an index that may not serve the entry and has a file of its
// release with a digest.
func (r *run) otherServes(e *release, digest string) (string, bool) {
	for k, s := range e.at {
		if !slices.Contains(e.from, k) && slices.ContainsFunc(s.files, func(f py.File) bool { return f.SHA256 == digest }) {
			return r.world.Indexes[k].URL, true
		}
	}
	return "", false
}

// ownFiles are the files of the other releases of the projects of the puzzles, on
// any index, by digest. Of each index they are asked for at once.
func (r *run) ownFiles(ctx context.Context) (map[string]place, error) {
	own := map[string]place{}
	for k := range r.world.Indexes {
		var packages []py.Package
		asked := map[py.Package]bool{}
		for _, e := range r.puzzles {
			p := e.at[k].project
			if p == nil {
				continue
			}
			for _, other := range p.Releases {
				pkg := py.Package{Name: e.Name, Version: other.Version}
				if other.Version.Compare(e.Version) != 0 && other.Artifacts != nil && !asked[pkg] {
					asked[pkg] = true
					packages = append(packages, pkg)
				}
			}
		}
		if len(packages) == 0 {
			continue
		}
		files, err := r.world.Indexes[k].Files(ctx, packages)
		if err != nil {
			return nil, err
		}
		for i, fs := range files {
			for _, f := range fs {
				if _, taken := own[f.SHA256]; f.SHA256 != "" && !taken {
					own[f.SHA256] = place{packages[i], f.Filename}
				}
			}
		}
	}
	return own, nil
}
