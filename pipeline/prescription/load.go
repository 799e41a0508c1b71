package prescription

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/thamos/thamos/kb/py"
)

// A Set is what Load read.
type Set struct {
	Rules []py.Rule // by kind, name and project
	// Faults are what was left out, by file and line.
	Faults []Fault
	// Counts are the units that were read, by "kind type" such as "steps
	// step.Group".
	Counts map[string]int
	Files  int // with units, faults or not
	// Releases say which sets of prescriptions were read.
	Releases []Release

	units []found
}

// A Release names a set of prescriptions and the release of it.
type Release struct{ Name, Release string }

// metadataFile says what the prescriptions in its directory and below are called.
const metadataFile = "_prescription_metadata.yaml"

// noNamespace is what prescriptions are called if nothing says it.
const noNamespace = "UNKNOWN"

// maxFiles bounds the files of one set.
const maxFiles = 1_000_000

// Load reads all prescriptions of a tree, in the order of their paths. Files and
// directories whose names begin with a dot are passed over. What is malformed is
// a Fault; the error is of a tree that cannot be read, or holds no unit at all.
func Load(fsys fs.FS) (*Set, error) {
	l := &loader{fsys: fsys, set: &Set{Counts: map[string]int{}}, seen: map[string]bool{}}
	if err := l.directory(".", noNamespace); err != nil {
		return nil, err
	}
	if len(l.set.units) == 0 && len(l.set.Faults) == 0 {
		return nil, errors.New("there are no prescriptions: no file *.yaml with units")
	}
	l.depend()
	for _, u := range l.set.units {
		if err := l.rules(u); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(l.set.Rules, compareRules)
	slices.SortStableFunc(l.set.Faults, Fault.compare)
	return l.set, nil
}

func compareRules(a, b py.Rule) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Project, b.Project))
}

type loader struct {
	fsys fs.FS
	set  *Set
	seen map[string]bool // kind and name
}

func (l *loader) fault(f Fault) { l.set.Faults = append(l.set.Faults, f) }

func (l *loader) directory(dir, namespace string) error {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == metadataFile {
			namespace = l.metadata(path.Join(dir, e.Name()), namespace)
		}
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || e.Name() == metadataFile:
		case e.IsDir():
			if err := l.directory(name, namespace); err != nil {
				return err
			}
		case path.Ext(name) == ".pickle":
			l.fault(Fault{File: name, Reason: "a pickle is a program and is not read: give the YAML that it was made of"})
		case path.Ext(name) == ".yaml" || path.Ext(name) == ".yml":
			if l.set.Files++; l.set.Files > maxFiles {
				return errors.New("more than a million files")
			}
			if err := l.file(name, namespace); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads a file up to the bound of its size.
func (l *loader) read(name string) ([]byte, error) {
	f, err := l.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// metadata reads what a directory's prescriptions are called.
func (l *loader) metadata(name, inherited string) string {
	text, err := l.read(name)
	r := &reader{file: name}
	var root *yaml.Node
	if err == nil {
		root, err = r.parse(text)
	}
	release := Release{inherited, noNamespace}
	if err == nil && root != nil {
		err = r.each(root, "the metadata", map[string]func(*yaml.Node) error{"prescription": func(n *yaml.Node) error {
			return r.each(n, "prescription", map[string]func(*yaml.Node) error{
				"name": r.textInto(&release.Name, "name"), "release": r.textInto(&release.Release, "release"),
			})
		}})
	}
	if err != nil {
		l.fault(r.faultOf(err))
		return inherited
	}
	l.set.Releases = append(l.set.Releases, release)
	return release.Name
}

// file reads one file. The error is of the file system.
func (l *loader) file(name, namespace string) error {
	text, err := l.read(name)
	if err != nil {
		return err
	}
	r := &reader{file: name}
	root, err := r.parse(text)
	if err == nil && root == nil {
		err = Fault{File: name, Reason: "the file is empty"}
	}
	if err != nil {
		l.fault(r.faultOf(err))
		return nil
	}
	units, faults, err := r.units(root, namespace)
	l.set.Faults = append(l.set.Faults, faults...)
	if err != nil {
		l.fault(r.faultOf(err))
	}
	for _, u := range units {
		key := u.kind + " " + u.Name
		if l.seen[key] {
			l.fault(u.fault("%s is already there, from a file before: rename it", u.Name))
			continue
		}
		l.seen[key] = true
		l.set.Counts[u.kind+" "+u.Type]++
		l.set.units = append(l.set.units, u)
	}
	return nil
}
