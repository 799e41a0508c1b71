package lockfile

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// uvSources are the keys of a uv.lock's source, in the order in which they are
// looked for. All but registry are no index.
var uvSources = []string{"registry", "git", "url", "path", "directory", "editable", "virtual"}

// readUVLock reads a uv.lock (version 1, any revision).
func readUVLock(fsys fs.FS, name string) (*Locked, error) {
	l := &Locked{Format: LockUV}
	rest, err := l.readPackages(fsys, name, "package", uvPackage)
	if err != nil {
		return nil, err
	}
	switch v := rest.get("version"); {
	case v == nil:
		return nil, refuse(Position{File: name}, "make the lock again", "a uv.lock has a version, and this has none")
	case v.text != "1":
		return nil, refuse(v.pos, "make the lock again", "this is version %s of uv.lock, and only version 1 can be read", v.text)
	}
	l.Sources = indexesOf(l.Releases)
	return l, nil
}

// indexesOf are the indexes that the entries of a lock name.
func indexesOf(releases []LockedRelease) []Source {
	var sources []Source
	seen := map[string]bool{}
	for _, r := range releases {
		if r.Index != "" && !seen[r.Index] {
			seen[r.Index] = true
			sources = append(sources, Source{URL: r.Index, VerifySSL: true, Pos: r.Pos})
		}
	}
	return sources
}

// entry reads what entries of all locks in TOML have.
func (n *node) entry() (*LockedRelease, error) {
	e := &LockedRelease{Pos: n.pos}
	name, err := n.get("name").filled("name")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(n.pos, "make the lock again", "a package has no name")
	}
	e.Pos = n.get("name").key
	e.setName(name)
	version, err := n.get("version").str("version")
	if err != nil {
		return nil, err
	}
	e.setVersion(version)
	return e, nil
}

func uvPackage(n *node) (*LockedRelease, error) {
	e, err := n.entry()
	if err != nil {
		return nil, err
	}
	if err := e.uvSource(n.get("source")); err != nil {
		return nil, err
	}
	for _, key := range []string{"sdist", "wheels"} {
		if err := e.addFiles(n.get(key), key); err != nil {
			return nil, err
		}
	}
	if e.Conditional = n.get("resolution-markers") != nil; e.Direct == "" && e.Index == "" {
		return nil, refuse(e.Pos, "make the lock again", "%s has no source", e)
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
	e.tidy()
	return e, nil
}

// uvSource reads where a package of a uv.lock comes from.
func (r *LockedRelease) uvSource(n *node) error {
	if err := n.table("source"); err != nil {
		return err
	}
	for _, key := range uvSources {
		where, err := n.get(key).str(key)
		if err != nil {
			return err
		}
		switch {
		case n.get(key) == nil:
			continue
		case key == "registry":
			r.Index = bare(where)
		case key == "git":
			_, r.Revision, _ = strings.Cut(where, "#")
			fallthrough
		case key == "url":
			r.Direct = bare(where)
		default:
			r.Direct, r.Local = where, true
		}
		return nil
	}
	return nil
}

// addFiles adds a file, or a list of them: what uv.lock, poetry.lock and
// pylock.toml have in tables with the keys of any of the three.
func (r *LockedRelease) addFiles(n *node, what string) error {
	if n == nil {
		return nil
	}
	elems := []*node{n}
	if n.kind == array {
		elems = n.elems
	}
	for _, e := range elems {
		if err := e.table("an element of " + what); err != nil {
			return err
		}
		f, err := e.file()
		if err != nil {
			return err
		}
		r.Files = append(r.Files, f)
	}
	return nil
}

func (n *node) file() (LockedFile, error) {
	f := LockedFile{Pos: n.pos}
	var err error
	texts := map[string]string{}
	for _, key := range []string{"url", "path", "filename", "name", "file", "hash"} {
		if texts[key], err = n.get(key).str(key); err != nil {
			return f, err
		}
	}
	f.URL = bare(texts["url"])
	for _, text := range []string{texts["filename"], texts["name"], texts["file"], lastElement(texts["url"]), lastElement(texts["path"])} {
		if f.Filename == "" {
			f.Filename = text
		}
	}
	if f.Filename == "" {
		return f, refuse(n.pos, "make the lock again", "a file has neither name nor URL")
	}
	if texts["hash"] != "" {
		if err := f.addHash(n.get("hash"), texts["hash"]); err != nil {
			return f, err
		}
	}
	hashes := n.get("hashes")
	if err := hashes.table("hashes"); err != nil {
		return f, err
	}
	if hashes != nil {
		for _, algorithm := range hashes.keys {
			digits, err := hashes.fields[algorithm].str("a hash")
			if err != nil {
				return f, err
			}
			if err := f.addHash(hashes.fields[algorithm], algorithm+":"+digits); err != nil {
				return f, err
			}
		}
	}
	if f.Size, err = n.get("size").wholeNumber("size"); err != nil {
		return f, err
	}
	f.Uploaded, err = n.get("upload-time").instant("upload-time")
	return f, err
}

func (f *LockedFile) addHash(n *node, text string) error {
	text = strings.ToLower(text)
	if !isAnyHash(text) {
		return refuse(n.pos, "a hash looks like sha256:2cf2…, with 64 hex digits", "%q is not a hash", text)
	}
	f.Hashes = append(f.Hashes, text)
	return nil
}

// wholeNumber reads a number that is not negative; 0 if there is none.
func (n *node) wholeNumber(what string) (int64, error) {
	if n == nil {
		return 0, nil
	}
	size, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64)
	if err != nil || size < 0 {
		return 0, refuse(n.pos, "", "%s must be a number of bytes", what)
	}
	return size, nil
}

// instant reads a time, a TOML one or a text, in Unix seconds; 0 if there is none.
func (n *node) instant(what string) (int64, error) {
	if n == nil || n.kind != leaf {
		return 0, nil
	}
	text := n.text
	if quoted, ok := n.value.(string); ok {
		text = quoted
	}
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, refuse(n.pos, "", "%s must be a time such as 2026-01-31T12:00:00Z", what)
}
