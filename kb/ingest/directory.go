package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// maxMetadata bounds one METADATA, in bytes. Descriptions make some of them a
// few hundred thousand bytes long.
const maxMetadata = 8 << 20

// Directory reads an index that was saved as files and hands on every project
// of its list, in the order of the list:
//
//	simple/index.json        the list of projects (PEP 691)
//	simple/NAME/index.json   the page of a project (PEP 691, 700, 792)
//	metadata/NAME/VERSION    the METADATA of one of its releases
//
// The artifacts are not there, so a relative URL leads nowhere: such files have
// no URL. A project, file or metadata that is missing or malformed is noted in
// the report and the rest is read. It is an error if the list cannot be read,
// if add fails, or if ctx ends.
func Directory(ctx context.Context, fsys fs.FS, add func(kb.Listing) error) (Report, error) {
	var report Report
	const list = "simple/index.json"
	text, err := readBounded(fsys, list, MaxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return report, fmt.Errorf("read index: %w (expected are simple/index.json, simple/NAME/index.json and metadata/NAME/VERSION)", err)
	} else if err != nil {
		return report, fmt.Errorf("read index: %w", err)
	}
	names, faults, err := DecodeProjects(text)
	if err != nil {
		return report, fmt.Errorf("read index: %s: %w", list, err)
	}
	report.add(faults...)
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return report, fmt.Errorf("read index: %w", err)
		}
		listing, ok := readProject(fsys, name, &report)
		if !ok {
			continue
		}
		if err := add(listing); err != nil {
			return report, err
		}
		report.Projects++
		report.Files += len(listing.Files)
		report.Metadata += len(listing.Metadata)
	}
	return report, nil
}

// readProject reads a project's page and all metadata of it. ok is false if
// there is no page that can be read.
func readProject(fsys fs.FS, name py.Name, report *Report) (listing kb.Listing, ok bool) {
	file := path.Join("simple", string(name), "index.json")
	text, err := readBounded(fsys, file, MaxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		report.Missing = append(report.Missing, name)
		return listing, false
	} else if err != nil {
		report.fault(file, "%v", err)
		return listing, false
	}
	page, err := DecodePage(name, text, "")
	if err != nil {
		report.fault(file, "%v", err)
		return listing, false
	}
	report.add(page.Faults...)
	report.Ignored += page.Ignored
	page.Listing.Metadata = readMetadata(fsys, name, report)
	return page.Listing, true
}

// readMetadata reads what there is of metadata/NAME, sorted by file name.
func readMetadata(fsys fs.FS, name py.Name, report *Report) []py.Metadata {
	dir := path.Join("metadata", string(name))
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no metadata was read of this project
	} else if err != nil {
		report.fault(dir, "%v", err)
		return nil
	}
	var read []py.Metadata
	seen := map[string]string{} // by the key of the version, which file had it
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		text, err := readBounded(fsys, file, maxMetadata)
		if err != nil {
			report.fault(file, "%v", err)
			continue
		}
		m, err := CheckMetadata(name, e.Name(), text)
		if err != nil {
			report.fault(file, "%v", err)
			continue
		}
		if first, twice := seen[m.Version.Key()]; twice {
			report.fault(file, "the same version as %s, which is used", first)
			continue
		}
		seen[m.Version.Key()] = e.Name()
		read = append(read, m)
	}
	return read
}

// CheckMetadata parses a METADATA and makes sure that it is that of the release
// of a project, as its index spells the version: metadata of another release
// would make its requirements true of this one.
func CheckMetadata(name py.Name, version string, text []byte) (py.Metadata, error) {
	want, err := py.ParseVersion(version)
	if err != nil {
		return py.Metadata{}, err
	}
	m, err := py.ParseMetadata(text)
	if err != nil {
		return py.Metadata{}, err
	}
	if py.NormalizeName(m.Name) != name {
		return py.Metadata{}, fmt.Errorf("it is the metadata of %q", clip(m.Name))
	}
	if m.Version.Compare(want) != 0 {
		return py.Metadata{}, fmt.Errorf("it is the metadata of version %q", clip(m.Version.String()))
	}
	if err := kb.CheckMetadata(&m); err != nil {
		return py.Metadata{}, err
	}
	return m, nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return text, nil
}
