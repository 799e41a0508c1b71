package lockfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Bounds of an installed environment. METADATA and RECORD are strangers' files.
const (
	maxInstalled    = 20_000   // distributions
	maxInstalledDoc = 4 << 20  // bytes of METADATA, INSTALLER or direct_url.json
	maxRecord       = 64 << 20 // bytes of a RECORD
	maxRecordRows   = 1 << 20
	maxTold         = 20 // files of one kind that are told of by name
)

// An Installed is what a site-packages directory holds, read and never run.
type Installed struct {
	*Locked

	// Distributions belong to Releases, by index.
	Distributions []Distribution

	// Startup are files that Python runs whenever it starts (*.pth with code,
	// sitecustomize.py, usercustomize.py) and that no distribution says are its,
	// sorted.
	Startup []string
}

// A Distribution is what an installer wrote of one distribution, and whether
// its files are still those.
type Distribution struct {
	Dir       string // its .dist-info or .egg-info
	Installer string // who installed it, empty if that is not said
	Editable  bool

	// NoRecord reports that nothing says what its files are.
	NoRecord bool

	Checked int // files whose hash is that of RECORD

	// Changed are files whose hash is another, Missing those that are not there,
	// Outside those that lie outside the environment and were not read, Weak those
	// whose hash is md5 or sha1, in the order of RECORD and the first few of each.
	// The counts are of all.
	Changed, Missing, Outside, Weak     []string
	NChanged, NMissing, NOutside, NWeak int
}

// ReadInstalled reads the distributions in directory site of fsys, which should
// be the whole environment, since RECORD names files beside site-packages too
// (PEP 376, PEP 627). Every file that RECORD names with a hash is read and
// compared. progress, if not nil, is told how many distributions are done.
//
// A distribution of which nothing can be read is an *Error; so is a directory
// without any.
func ReadInstalled(ctx context.Context, fsys fs.FS, site string, progress func(done, total int)) (*Installed, error) {
	entries, err := fs.ReadDir(fsys, site)
	if err != nil {
		return nil, cannotRead(Position{File: site}, err)
	}
	var dirs, startup []string
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasSuffix(name, ".dist-info") && e.IsDir(), strings.HasSuffix(name, ".egg-info"):
			dirs = append(dirs, name)
		case strings.HasSuffix(name, ".pth"), name == "sitecustomize.py", name == "usercustomize.py":
			startup = append(startup, name)
		}
	}
	if len(dirs) == 0 {
		return nil, refuse(Position{File: site}, "give a virtual environment or its site-packages", "no distribution is installed here")
	}
	if len(dirs) > maxInstalled {
		return nil, refuse(Position{File: site}, "", "more than %d distributions, the limit", maxInstalled)
	}
	in := &Installed{Locked: &Locked{File: site, Format: LockInstalled}}
	owned := map[string]bool{}
	for i, dir := range dirs {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e, d, err := readDistribution(ctx, fsys, site, dir, owned)
		if err != nil {
			return nil, err
		}
		in.Releases, in.Distributions = append(in.Releases, *e), append(in.Distributions, *d)
		if progress != nil {
			progress(i+1, len(dirs))
		}
	}
	for _, name := range startup {
		if owned[path.Join(site, name)] {
			continue
		}
		runs, err := runsCode(fsys, site, name)
		if err != nil {
			return nil, err
		}
		if runs {
			in.Startup = append(in.Startup, name)
		}
	}
	slices.Sort(in.Startup)
	return in, nil
}

// runsCode reports whether Python runs what a file says: of a .pth the lines
// that begin with import (module site). virtualenv's own patch, which it and uv
// write into every environment without recording it, is none.
func runsCode(fsys fs.FS, site, name string) (bool, error) {
	if !strings.HasSuffix(name, ".pth") {
		return true, nil
	}
	data, err := readLimited(fsys, path.Join(site, name), maxInstalledDoc)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if name == "_virtualenv.pth" && line == "import _virtualenv" {
			continue
		}
		if strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t") {
			return true, nil
		}
	}
	return false, nil
}

// readDistribution reads one distribution and notes in owned the files that it
// says are its.
func readDistribution(ctx context.Context, fsys fs.FS, site, dir string, owned map[string]bool) (*LockedRelease, *Distribution, error) {
	full := path.Join(site, dir)
	e, d := &LockedRelease{Pos: Position{File: full}}, &Distribution{Dir: full}
	optional := func(name string, limit int) ([]byte, error) {
		data, err := readLimited(fsys, path.Join(full, name), limit)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return data, err
	}
	file, limit := "METADATA", maxInstalledDoc
	if strings.HasSuffix(dir, ".egg-info") {
		file = "PKG-INFO"
		if info, err := fs.Stat(fsys, full); err == nil && !info.IsDir() {
			file = "" // the file itself is the metadata
		}
	}
	text, err := readLimited(fsys, path.Join(full, file), limit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	name, version := headersOf(text)
	if name == "" {
		name, version = nameOfDir(dir)
	}
	e.setName(name)
	e.setVersion(version)
	if file == "" {
		d.NoRecord = true
		return e, d, nil
	}
	installer, err := optional("INSTALLER", maxInstalledDoc)
	if err != nil {
		return nil, nil, err
	}
	d.Installer = oneLine(shown(string(installer)))
	direct, err := optional("direct_url.json", maxInstalledDoc)
	if err != nil {
		return nil, nil, err
	}
	if direct != nil {
		if err := e.directURL(d, path.Join(full, "direct_url.json"), direct); err != nil {
			return nil, nil, err
		}
	}
	record, err := optional("RECORD", maxRecord)
	if err != nil {
		return nil, nil, err
	}
	if record == nil {
		d.NoRecord = true
		return e, d, nil
	}
	return e, d, d.checkRecord(ctx, fsys, site, record, owned)
}

// headersOf are the name and version of a METADATA or PKG-INFO.
func headersOf(text []byte) (name, version string) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if v, ok := strings.CutPrefix(line, "Name:"); ok && name == "" {
			name = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(line, "Version:"); ok && version == "" {
			version = strings.TrimSpace(v)
		}
	}
	return name, version
}

// nameOfDir reads NAME-VERSION.dist-info.
func nameOfDir(dir string) (name, version string) {
	stem := strings.TrimSuffix(strings.TrimSuffix(dir, ".dist-info"), ".egg-info")
	name, version, _ = strings.Cut(stem, "-")
	version, _, _ = strings.Cut(version, "-")
	return strings.ReplaceAll(name, "_", "-"), version
}

// directURL reads direct_url.json (PEP 610).
func (r *LockedRelease) directURL(d *Distribution, file string, data []byte) error {
	var doc struct {
		URL     string `json:"url"`
		Archive *struct {
			Hash   string            `json:"hash"`
			Hashes map[string]string `json:"hashes"`
		} `json:"archive_info"`
		VCS *struct {
			VCS    string `json:"vcs"`
			Commit string `json:"commit_id"`
		} `json:"vcs_info"`
		Dir *struct {
			Editable bool `json:"editable"`
		} `json:"dir_info"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return refuse(Position{File: file}, "install the package again", "not the record of a direct URL: %v", err)
	}
	r.Direct = bare(doc.URL)
	r.Local = strings.HasPrefix(doc.URL, "file:")
	if doc.VCS != nil {
		r.Direct, r.Revision = doc.VCS.VCS+"+"+r.Direct, doc.VCS.Commit
	}
	if doc.Dir != nil {
		d.Editable = doc.Dir.Editable
	}
	if doc.Archive != nil {
		for algorithm, digits := range doc.Archive.Hashes {
			if h := algorithm + ":" + strings.ToLower(digits); isAnyHash(h) {
				r.Hashes = append(r.Hashes, h)
			}
		}
		if h := strings.ToLower(strings.Replace(doc.Archive.Hash, "=", ":", 1)); isAnyHash(h) {
			r.Hashes = append(r.Hashes, h)
		}
		r.Hashes = sorted(r.Hashes)
	}
	return nil
}

// told keeps the first few and counts all.
func told(list *[]string, n *int, name string) {
	if *n++; len(*list) < maxTold {
		*list = append(*list, shown(fmt.Sprintf("%q", name)))
	}
}

// sitePath is where in the file system a path of RECORD is, if it lies inside.
func sitePath(site, record string) (string, bool) {
	name := path.Join(site, strings.ReplaceAll(record, `\`, "/"))
	return name, !path.IsAbs(record) && fs.ValidPath(name)
}
