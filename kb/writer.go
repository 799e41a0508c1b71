package kb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// maxNumber is the largest number of a snapshot: what fifteen digits hold.
const maxNumber = 999_999_999_999_999

// A Writer makes a snapshot. What is added stays in memory until Finish, which
// sorts it: the order of adding does not show in the file.
type Writer struct {
	// FilesOfKnownOnly leaves out the files, and the kinds of files, of
	// releases whose metadata was not read, which cannot be chosen anyway. The
	// embedded snapshot is made so.
	FilesOfKnownOnly bool

	// NoFiles leaves out all files: what is left suffices to choose releases, and
	// takes a fraction of the room, but not to write a lock with hashes. The kinds
	// of files stay.
	NoFiles bool

	// EmptyMayBeUnknown says that an empty requirement list may be one that
	// nobody read, as in graphs that do not tell the two apart. Then a release
	// without requirements is a hole as soon as a later one has some.
	EmptyMayBeUnknown bool

	path     string
	projects map[py.Name]*entry
	facts    map[string]*factSet // by name of the source
}

// An entry is a project that was added.
type entry struct {
	status, reason string
	releases       []draft
}

// Create begins a snapshot that Finish will put at path, over what is there. A
// path that cannot be written to is found out now, not after the work. A file
// there that is neither empty nor a knowledge base, if a damaged one, is not
// replaced: the error wraps ErrNotSnapshot.
func Create(path string) (*Writer, error) {
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("create knowledge base: %s is not a regular file", path)
	} else if err == nil && stat.Size() > 0 {
		if err := replaceable(path, stat.Size()); err != nil {
			return nil, fmt.Errorf("create knowledge base: %w", err)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".kb-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("create knowledge base: %w", err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return nil, fmt.Errorf("create knowledge base: %w", err)
	}
	return &Writer{path: path, projects: map[py.Name]*entry{}, facts: map[string]*factSet{}}, nil
}

// replaceable returns an error if the file at path is not a knowledge base.
func replaceable(path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkHeader(f, size); err != nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%s exists and will not be replaced: %w", path, err)
	}
	return nil
}

// Add adds what is known of one project. It is an error to add one that cannot
// be stored, or another listing of a project that was added before; the same
// again changes nothing.
func (w *Writer) Add(l Listing) error {
	if name, err := py.ParseName(string(l.Name)); err != nil || name != l.Name || len(name) > maxName {
		return fmt.Errorf("add to knowledge base: %.80q is not a normalised name", l.Name)
	}
	if len(l.Status) > maxText || len(l.StatusReason) > maxText {
		return fmt.Errorf("add %s to knowledge base: a status of more than %d bytes", l.Name, maxText)
	}
	releases, err := drafts(l, func(known bool) bool { return known || !w.FilesOfKnownOnly })
	if err != nil {
		return fmt.Errorf("add %s to knowledge base: %w", l.Name, err)
	}
	for i := range releases {
		if r := &releases[i]; w.EmptyMayBeUnknown && len(r.files) == 0 {
			r.artifacts = nil // a graph knows of no files
		}
	}
	if w.NoFiles {
		for i := range releases {
			releases[i].files = nil
		}
	}
	e := &entry{clean(l.Status), clean(l.StatusReason), releases}
	if old := w.projects[l.Name]; old != nil && !reflect.DeepEqual(old, e) {
		return fmt.Errorf("add %s to knowledge base: it was added before and was different", l.Name)
	}
	w.projects[l.Name] = e
	return nil
}

// Finish writes the snapshot and puts it in its place when it is whole and on
// the disk; readers see the old file or the new one. Of info it takes Built,
// Origin and Sources; it returns the Info of what was written.
func (w *Writer) Finish(info Info) (_ Info, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write knowledge base %s: %w", w.path, err)
		}
	}()
	info.Sources = slices.Clone(info.Sources)
	for _, set := range w.facts {
		if !slices.Contains(info.Sources, set.source) {
			info.Sources = append(info.Sources, set.source)
		}
	}
	if err := checkInfo(&info); err != nil {
		return Info{}, err
	}
	temp, err := os.CreateTemp(filepath.Dir(w.path), ".kb-*.tmp")
	if err != nil {
		return Info{}, err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if err := temp.Close(); err != nil {
		return Info{}, err
	}
	if info.Digest, err = w.write(context.Background(), temp.Name(), &info); err != nil {
		return Info{}, err
	}
	return info, settle(temp.Name(), w.path)
}

// settle makes sure that a file is on the disk and then moves it to path, in
// the same directory.
func settle(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	// The directory's entry must survive a crash too. Some systems cannot sync
	// a directory; the file is whole in any case.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		dir.Sync()
		dir.Close()
	}
	return nil
}

// checkInfo refuses what a snapshot must not say of itself, and sorts it.
func checkInfo(info *Info) error {
	if info.Built <= 0 || info.Built > maxNumber {
		return errors.New("it needs a birthday")
	}
	if info.Origin != "" {
		u, err := url.Parse(info.Origin)
		if err != nil || u.Scheme == "" || len(info.Origin) > maxText || info.Origin != clean(info.Origin) {
			return errors.New("the origin is not a URL")
		}
		if u.User != nil {
			return errors.New("the origin holds credentials")
		}
	}
	if len(info.Sources) > maxSources {
		return fmt.Errorf("more than %d sources", maxSources)
	}
	sources := slices.Clone(info.Sources)
	for i, s := range sources {
		var err error
		if sources[i], err = normalSource(s); err != nil {
			return err
		}
	}
	slices.SortFunc(sources, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	*info = Info{Schema: Schema, Built: info.Built, Origin: info.Origin, Sources: sources}
	return nil
}

// write fills the database in file and returns its digest; it sets the counts
// of info.
func (w *Writer) write(ctx context.Context, file string, info *Info) (string, error) {
	return create(ctx, file, "", func(f *filler) error { return f.fill(w) }, info)
}

// create makes a database in file, has it filled in one transaction and returns
// its digest. The tables of the database at a SQLite URL, if one is given, can
// be read as those of old.
func create(ctx context.Context, file, old string, fill func(*filler) error, info *Info) (string, error) {
	full, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	// Nobody sees the file before it is whole, so no journal and no waiting for
	// the disk. What is not said in these pragmas must not depend on the machine.
	dsn := fileURL(full) + fmt.Sprintf("?_pragma=page_size(%d)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"+
		"&_pragma=application_id(%d)&_pragma=locking_mode(EXCLUSIVE)&_pragma=trusted_schema(0)&_defensive=1", pageSize, applicationID)
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return "", err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if old != "" {
		if _, err := conn.ExecContext(ctx, `ATTACH ? AS old`, old); err != nil {
			return "", err
		}
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	if err := fill(&filler{tx: tx, info: info}); err != nil {
		return "", errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return "", err
	}
	if old != "" {
		if _, err := conn.ExecContext(ctx, `DETACH old`); err != nil {
			return "", err
		}
	}
	digest, err := contentDigest(ctx, conn)
	if err != nil {
		return "", err
	}
	if _, err := conn.ExecContext(ctx, `INSERT INTO meta VALUES ('digest', ?)`, digest); err != nil {
		return "", err
	}
	_, err = conn.ExecContext(ctx, `VACUUM`)
	return digest, errors.Join(err, conn.Close(), db.Close())
}
