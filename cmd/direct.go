package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

// directs are the packages that the manifest takes from a path or a URL. For
// the search each is a project with one release, whatever indexes have.
type directs struct {
	resolver.Knowledge
	projects map[py.Name]*py.Project
	files    map[py.Name][]py.File
	from     map[py.Name]*lockfile.Direct
}

// newDirects reads the metadata of what selected requirements name by path or
// URL.
func newDirects(ctx context.Context, k *knowledge, m *lockfile.Manifest, s selection) (*directs, error) {
	d := &directs{
		Knowledge: k,
		projects:  map[py.Name]*py.Project{}, files: map[py.Name][]py.File{}, from: map[py.Name]*lockfile.Direct{},
	}
	for _, r := range m.Requirements {
		if r.Direct == nil || !s.has(r) {
			continue
		}
		if before := d.from[r.Name]; before != nil {
			if before.String() != r.Direct.String() {
				return nil, &lockfile.Error{Pos: r.Pos, Msg: fmt.Sprintf("%s is taken from %s as well", r.Name, before), Hint: "name one place"}
			}
			continue
		}
		if err := d.add(ctx, k, m, r); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// add reads what one requirement names.
func (d *directs) add(ctx context.Context, k *knowledge, m *lockfile.Manifest, r lockfile.Requirement) error {
	refuse := func(hint, format string, args ...any) error {
		return &lockfile.Error{Pos: r.Pos, Msg: lockfile.RedactURL(fmt.Sprintf(format, args...)), Hint: hint}
	}
	metadata := r.Direct.Metadata
	var files []py.File
	if !r.Direct.Directory {
		wheel, err := d.wheel(ctx, k, m, r)
		if err != nil {
			return refuse("", "%v", err)
		}
		if want := r.Direct.SHA256; want != "" && want != wheel.SHA256 {
			return refuse("it is not the file that was meant", "%s has the sha256 %s, not %s", r.Direct, wheel.SHA256, want)
		}
		if len(r.Hashes) > 0 && !slices.Contains(r.Hashes, "sha256:"+wheel.SHA256) {
			return refuse("it is not the file that was meant", "%s has the sha256 %s, which is not among the hashes", r.Direct, wheel.SHA256)
		}
		metadata = &wheel.Metadata
		files = []py.File{{Filename: r.Direct.Filename(), SHA256: wheel.SHA256, Size: wheel.Size}}
	}
	version := r.Direct.Package.Version
	if py.NormalizeName(metadata.Name) != r.Name || metadata.Version.Compare(version) != 0 {
		return refuse("", "%s says that it is %s %s", r.Direct, metadata.Name, metadata.Version)
	}
	if !r.Specifiers.Contains(version) {
		return refuse("change one of them", "%s is version %s, and %s is asked for", r.Direct, version, r.Specifiers)
	}
	release := py.Release{
		Version:        version,
		RequiresPython: metadata.RequiresPython,
		Requires:       &py.Requires{Lines: metadata.RequiresDist, Extras: metadata.ProvidesExtra},
	}
	if w, err := py.ParseWheelName(r.Direct.Filename()); err == nil {
		release.Artifacts = &py.Artifacts{Wheels: []string{w.Tags}}
	}
	d.projects[r.Name] = &py.Project{Name: r.Name, Releases: []py.Release{release}}
	d.files[r.Name], d.from[r.Name] = files, r.Direct
	return nil
}

// wheel reads the wheel that a requirement names.
func (d *directs) wheel(ctx context.Context, k *knowledge, m *lockfile.Manifest, r lockfile.Requirement) (ingest.WheelFile, error) {
	if r.Direct.URL == "" {
		path := filepath.FromSlash(r.Direct.Path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(m.Files[0]), path)
		}
		f, err := os.Open(path)
		if err != nil {
			return ingest.WheelFile{}, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return ingest.WheelFile{}, err
		}
		return ingest.ReadWheel(f, info.Size(), r.Name)
	}
	if k.indexes == nil {
		return ingest.WheelFile{}, fmt.Errorf("what %s is, is not known; --online fetches it", r.Direct)
	}
	url, err := expand(k.env, r.Direct.URL)
	if err != nil {
		return ingest.WheelFile{}, err
	}
	return ingest.FetchWheel(ctx, k.client, url, r.Name)
}

// Projects gives the direct ones themselves and asks for the others.
func (d *directs) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	all, err := d.Knowledge.Projects(ctx, names)
	if err != nil || len(d.projects) == 0 {
		return all, err
	}
	all = slices.Clone(all)
	for i, n := range names {
		if p := d.projects[n]; p != nil {
			all[i] = p
		}
	}
	return all, nil
}

// Files gives the direct ones themselves and asks for the others.
func (d *directs) Files(ctx context.Context, packages []py.Package) ([][]py.File, error) {
	all, err := d.Knowledge.Files(ctx, packages)
	if err != nil || len(d.projects) == 0 {
		return all, err
	}
	all = slices.Clone(all)
	for i, p := range packages {
		if d.projects[p.Name] != nil {
			all[i] = d.files[p.Name]
		}
	}
	return all, nil
}
