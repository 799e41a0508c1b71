package lockfile

import (
	"cmp"
	"io/fs"
	"strings"
)

// readPylock reads a pylock.toml (PEP 751, lock-version 1).
func readPylock(fsys fs.FS, name string) (*Locked, error) {
	l := &Locked{Format: LockPylock}
	rest, err := l.readPackages(fsys, name, "packages", pylockPackage)
	if err != nil {
		return nil, err
	}
	version, err := rest.get("lock-version").str("lock-version")
	if err != nil {
		return nil, err
	}
	if version != "" && !strings.HasPrefix(version, "1.") {
		return nil, refuse(rest.get("lock-version").pos, "make the lock again", "this is lock-version %q of pylock.toml, and only 1 can be read", version)
	}
	for _, key := range []string{"lock-version", "created-by", "packages"} {
		if rest.get(key) == nil {
			return nil, refuse(Position{File: name}, "is the file complete? Make the lock again", "a pylock.toml has %s (PEP 751), and this has none", key)
		}
	}
	l.Sources = indexesOf(l.Releases)
	return l, nil
}

func pylockPackage(n *node) (*LockedRelease, error) {
	e, err := n.entry()
	if err != nil {
		return nil, err
	}
	index, err := n.get("index").str("index")
	if err != nil {
		return nil, err
	}
	e.Index = bare(index)
	for _, key := range []string{"sdist", "wheels"} {
		if err := e.addFiles(n.get(key), key); err != nil {
			return nil, err
		}
	}
	if err := e.pylockDirect(n); err != nil {
		return nil, err
	}
	dependencies, err := n.get("dependencies").list("dependencies")
	if err != nil {
		return nil, err
	}
	for _, d := range dependencies {
		name, err := d.get("name").str("name")
		if err != nil {
			return nil, err
		}
		e.addRequires(name)
	}
	e.Conditional = n.get("marker") != nil
	e.tidy()
	return e, nil
}

// pylockDirect reads vcs, directory and archive.
func (r *LockedRelease) pylockDirect(n *node) error {
	for _, key := range []string{"vcs", "directory", "archive"} {
		d := n.get(key)
		if d == nil {
			continue
		}
		if err := d.table(key); err != nil {
			return err
		}
		url, err := d.get("url").str("url")
		if err != nil {
			return err
		}
		path, err := d.get("path").str("path")
		if err != nil {
			return err
		}
		if r.Revision, err = d.get("commit-id").str("commit-id"); err != nil {
			return err
		}
		r.Direct, r.Local = bare(cmp.Or(url, path)), url == ""
		if key == "archive" {
			return r.addFiles(d, key)
		}
	}
	return nil
}
