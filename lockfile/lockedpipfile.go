package lockfile

import (
	"io/fs"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// readLockedPipfile reads a Pipfile.lock. Unlike ReadPipfileLock it reads an
// entry whose name is not one, because a name that only looks like that of a
// project is what a check is for.
func readLockedPipfile(fsys fs.FS, name string) (*Locked, error) {
	data, err := readLimited(fsys, name, maxJSON)
	if err != nil {
		return nil, err
	}
	root, r, err := parseJSON(name, data)
	if err != nil {
		return nil, err
	}
	if err := r.want(root, '{', "a Pipfile.lock"); err != nil {
		return nil, err
	}
	lock := &PipfileLock{}
	meta, ok := root.get("_meta")
	if !ok {
		return nil, refuse(r.at(root), "is this a Pipfile.lock?", "there is no _meta")
	}
	if err := lock.readMeta(r, meta); err != nil {
		return nil, err
	}
	out := &Locked{Format: LockPipfile, ManifestHash: lock.Hash}
	for _, s := range lock.Sources {
		s.URL = bare(s.URL)
		out.Sources = append(out.Sources, s)
	}
	for _, m := range root.members {
		if m.key == "_meta" {
			continue
		}
		if err := out.addSection(lock, r, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addSection adds the entries of a section.
func (l *Locked) addSection(lock *PipfileLock, r *jsonReader, m jsonMember) error {
	odd := jsonMember{key: m.key, at: m.at, value: m.value}
	odd.value.members = nil
	for _, entry := range m.value.members {
		if _, err := py.ParseName(entry.key); err != nil {
			l.Releases = append(l.Releases, LockedRelease{Text: entry.key, Section: m.key, Pos: r.position(entry.at)})
			continue
		}
		odd.value.members = append(odd.value.members, entry)
	}
	section, err := lock.readSection(r, odd)
	if err != nil {
		return err
	}
	for i, p := range section.Packages {
		e := LockedRelease{
			Name: p.Name, Hashes: p.Hashes, Section: m.key, Conditional: p.Marker.String() != "", Pos: p.Pos,
		}
		entry := odd.value.members[i].value
		e.Text = odd.value.members[i].key
		if p.Direct != "" {
			where, err := r.field(entry, "package "+e.Text, p.Direct)
			if err != nil {
				return err
			}
			if e.Revision, err = r.field(entry, "package "+e.Text, "ref"); err != nil {
				return err
			}
			e.Direct, e.Local = bare(where), !isRemote(where)
		} else {
			e.setVersion(p.Version.String())
		}
		if at := slices.IndexFunc(lock.Sources, func(s Source) bool { return s.Name == p.Index && p.Index != "" }); at >= 0 {
			e.Index = bare(lock.Sources[at].URL)
		}
		l.Releases = append(l.Releases, e)
	}
	return nil
}
