package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/archive"
)

// maxArtefact bounds a file that is fetched to be tried, in bytes.
const maxArtefact = 1 << 30

// A failure is why something was not learnt, with its class.
type failure struct {
	class  solver.Class
	reason string
	cause  error // what a search said, if that is why
}

func (f *failure) Error() string { return f.reason }
func (f *failure) Unwrap() error { return f.cause }

// An artefact is a file of a release that is here, and was judged.
type artefact struct {
	pkg     py.Package
	path    string
	build   bool // a source distribution
	listing *archive.Listing
	record  solver.Artefact
}

// fetch fetches the file of a release that the environment would take: the best
// wheel, else, or if source is wanted, the source distribution.
func (l *learner) fetch(ctx context.Context, p *resolver.Problem, pkg py.Package, source bool) (*artefact, error) {
	l.asking.Lock()
	all, err := l.k.Files(ctx, []py.Package{pkg})
	origin := l.k.Index(pkg.Name)
	l.asking.Unlock()
	if err != nil {
		return nil, err
	}
	usable, err := p.Usable(pkg.Name, all[0])
	if err != nil {
		return nil, err
	}
	file, build, ok := l.pick(usable, source)
	if !ok {
		return nil, &failure{class: solver.ClassNoArtifact, reason: fmt.Sprintf("%s has no file for Python %s on %s", pkg, p.Environment.Python, p.Environment.Platform)}
	}
	if filepath.Base(file.Filename) != file.Filename {
		return nil, &failure{class: solver.ClassArchive, reason: fmt.Sprintf("%.80q is no name of a file", file.Filename)}
	}
	a := &artefact{pkg: pkg, build: build}
	dir := filepath.Join(l.lab.journal.Temp(), "files", string(pkg.Name)+"-"+firstOf(file.SHA256, l.lab.token()))
	a.path = filepath.Join(dir, file.Filename)
	a.record = solver.Artefact{Package: pkg.String(), File: file.Filename, SHA256: file.SHA256, Size: file.Size, Index: origin}
	if stat, err := os.Stat(a.path); err == nil { // fetched before, in this run
		a.record.Size = stat.Size()
	} else {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		a.record.SHA256, a.record.Size, err = l.k.indexes.Download(ctx, origin, file, a.path, maxArtefact)
		if err != nil {
			return a, l.notFetched(ctx, err)
		}
	}
	a.listing, err = archive.Read(a.path, archive.Limits{})
	var hostile *archive.HostileError
	var broken *archive.BrokenError
	switch {
	case errors.As(err, &hostile):
		return a, &failure{class: solver.ClassArchive, reason: file.Filename + ": " + err.Error()}
	case errors.As(err, &broken):
		return a, &failure{class: solver.ClassWheel, reason: file.Filename + ": " + err.Error()}
	}
	return a, err
}

// notFetched classifies why a file did not come.
func (l *learner) notFetched(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ingest.ErrHash):
		return &failure{class: solver.ClassHash, reason: err.Error()}
	case errors.Is(err, ingest.ErrTooLarge):
		return &failure{class: solver.ClassDisk, reason: err.Error()}
	}
	return &failure{class: solver.ClassNetwork, reason: err.Error()}
}

// pick chooses of files that may be used the one that pip would.
func (l *learner) pick(files []py.File, source bool) (file py.File, build, ok bool) {
	best := -1
	for _, f := range files {
		w, err := py.ParseWheelName(f.Filename)
		if err != nil {
			if best < 0 && (!ok || !strings.HasSuffix(file.Filename, ".tar.gz")) {
				file, build, ok = f, true, true
			}
			continue
		}
		if rank, fits := l.tags.Rank(w.Tags); fits && !source && (best < 0 || rank < best) {
			best, file, build, ok = rank, f, false, true
		}
	}
	return file, build, ok
}

// text returns a text of an archive by its base name.
func (a *artefact) text(base string) (string, bool) {
	for name, text := range a.listing.Texts {
		if strings.HasSuffix(name, "/"+base) {
			return text, true
		}
	}
	return "", false
}

// static returns the metadata of a source distribution that says itself that
// building it gives the same (PEP 643).
func (a *artefact) static() ([]byte, bool) {
	text, ok := a.text("PKG-INFO")
	if !ok || !a.build {
		return nil, false
	}
	m, err := py.ParseMetadata([]byte(text))
	if err != nil || m.MetadataVersion < "2.2" || py.NormalizeName(m.Name) != a.pkg.Name || m.Version.Compare(a.pkg.Version) != 0 {
		return nil, false
	}
	for _, d := range m.Dynamic {
		switch d {
		case "requires-dist", "provides-extra", "requires-python":
			return nil, false
		}
	}
	return []byte(text), true
}

// legacy is what is needed to build what does not say what it needs (PEP 518).
var legacy = []string{"setuptools>=40.8.0", "wheel"}

// buildRequires lists what is needed to build a source distribution.
func (a *artefact) buildRequires() ([]py.Requirement, error) {
	lines := legacy
	if text, ok := a.text("pyproject.toml"); ok {
		var project struct {
			BuildSystem *struct {
				Requires []string `toml:"requires"`
			} `toml:"build-system"`
		}
		if _, err := toml.Decode(text, &project); err != nil {
			return nil, &failure{class: solver.ClassBackend, reason: "its pyproject.toml cannot be read: " + err.Error()}
		}
		if project.BuildSystem != nil {
			lines = project.BuildSystem.Requires
		}
	}
	var out []py.Requirement
	for _, line := range lines {
		r, err := py.ParseRequirement(line)
		if err != nil || r.URL != "" {
			return nil, &failure{class: solver.ClassBackend, reason: fmt.Sprintf("it needs %.80q to be built, which is no requirement of a project", line)}
		}
		out = append(out, r)
	}
	return out, nil
}

// tools fetches the wheels that building artefacts needs and the image lacks.
func (l *learner) tools(ctx context.Context, artefacts []*artefact) ([]*artefact, error) {
	var wanted []resolver.Requirement
	lacking := false
	for _, a := range artefacts {
		if !a.build {
			continue
		}
		requires, err := a.buildRequires()
		if err != nil {
			return nil, err
		}
		for _, r := range requires {
			if holds, _ := r.Marker.Evaluate(l.environment, ""); !holds && !r.Marker.IsZero() {
				continue
			}
			v, ok := l.box.Dist(r.Name)
			lacking = lacking || !ok || len(r.Extras) > 0 || !r.Specifiers.Contains(v)
			wanted = append(wanted, resolver.Requirement{Requirement: r, Origin: "the build of " + a.pkg.String()})
		}
	}
	if !lacking {
		return nil, nil
	}
	// setuptools finds the others only if it is beside them.
	problem := &resolver.Problem{Environment: l.environment, Requirements: wanted, NoBuild: resolver.Formats{All: true}}
	report, err := l.ask(ctx, problem)
	if err != nil {
		return nil, l.unsolved(ctx, err)
	}
	var out []*artefact
	for _, c := range report.Stack {
		a, err := l.fetch(ctx, problem, c.Package, false)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
