package lockfile

import (
	"io/fs"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// readPoetryLock reads a poetry.lock of lock-version 1 and 2. Before 1.5 of
// Poetry the files of all packages stood in [metadata.files].
func readPoetryLock(fsys fs.FS, name string) (*Locked, error) {
	l := &Locked{Format: LockPoetry}
	rest, err := l.readPackages(fsys, name, "package", poetryPackage)
	if err != nil {
		return nil, err
	}
	version, err := rest.get("metadata", "lock-version").str("lock-version")
	if err != nil {
		return nil, err
	}
	if rest.get("metadata") == nil {
		return nil, refuse(Position{File: name}, "is the file complete? Make the lock again", "a poetry.lock has [metadata], and this has none")
	}
	if major, _, _ := strings.Cut(version, "."); version != "" && major != "1" && major != "2" {
		return nil, refuse(rest.get("metadata", "lock-version").pos, "make the lock again", "this is lock-version %q of poetry.lock, and only 1 and 2 can be read", version)
	}
	if l.ManifestHash, err = rest.get("metadata", "content-hash").str("content-hash"); err != nil {
		return nil, err
	}
	if err := l.oldFiles(rest.get("metadata", "files")); err != nil {
		return nil, err
	}
	l.Sources = indexesOf(l.Releases)
	return l, nil
}

// oldFiles gives the entries the files of [metadata.files].
func (l *Locked) oldFiles(files *node) error {
	if files == nil {
		return nil
	}
	if err := files.table("metadata.files"); err != nil {
		return err
	}
	at := map[py.Name][]int{}
	for i, r := range l.Releases {
		at[r.Name] = append(at[r.Name], i)
	}
	for _, k := range files.keys {
		entries := at[py.NormalizeName(k)]
		var all LockedRelease
		if err := all.addFiles(files.fields[k], "metadata.files"); err != nil {
			return err
		}
		all.tidy()
		for _, i := range entries {
			e := &l.Releases[i]
			if len(entries) == 1 {
				e.Files = append(e.Files, all.Files...)
				continue
			}
			// Two versions of a project share the list.
			for _, f := range all.Files {
				if p, ok := fileRelease(e.Name, f.Filename); !ok || p.Version.Compare(e.Version) == 0 {
					e.Files = append(e.Files, f)
				}
			}
		}
	}
	return nil
}

// fileRelease tells the release that a file is of by its name; not ok if the
// name does not say.
func fileRelease(project py.Name, filename string) (py.Package, bool) {
	if w, err := py.ParseWheelName(filename); err == nil {
		return py.Package{Name: w.Name, Version: w.Version}, true
	}
	if p, err := py.ParseSdistNameOf(project, filename); err == nil {
		return p, true
	}
	p, err := py.ParseSdistName(filename)
	return p, err == nil
}

func poetryPackage(n *node) (*LockedRelease, error) {
	e, err := n.entry()
	if err != nil {
		return nil, err
	}
	if err := e.addFiles(n.get("files"), "files"); err != nil {
		return nil, err
	}
	if err := e.poetrySource(n.get("source")); err != nil {
		return nil, err
	}
	dependencies := n.get("dependencies")
	if err := dependencies.table("dependencies"); err != nil {
		return nil, err
	}
	if dependencies != nil {
		for _, k := range dependencies.keys {
			e.addRequires(k)
		}
	}
	e.Conditional = n.get("markers") != nil
	e.tidy()
	return e, nil
}

// poetrySource reads where a package comes from that is not from the default index.
func (r *LockedRelease) poetrySource(n *node) error {
	if n == nil {
		return nil
	}
	texts := map[string]string{}
	for _, key := range []string{"type", "url", "resolved_reference", "reference"} {
		var err error
		if texts[key], err = n.get(key).str(key); err != nil {
			return err
		}
	}
	switch texts["type"] {
	case "legacy":
		r.Index = bare(texts["url"])
	case "git":
		r.Direct, r.Revision = bare(texts["url"]), texts["resolved_reference"]
	case "url":
		r.Direct = bare(texts["url"])
	case "directory", "file":
		r.Direct, r.Local = texts["url"], true
	default:
		return refuse(n.pos, "make the lock again", "%s has a source of an unknown type %q", r, texts["type"])
	}
	return nil
}
