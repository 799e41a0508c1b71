package kb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"

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

	path     string
	projects map[py.Name]*entry
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
	return &Writer{path: path, projects: map[py.Name]*entry{}}, nil
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
		if len(s.Name)+len(s.Licence)+len(s.Date)+len(s.Notes) > maxText {
			return fmt.Errorf("source %.80q: more than %d bytes", s.Name, maxText)
		}
		sources[i] = Source{clean(s.Name), clean(s.Licence), clean(s.Date), clean(s.Notes)}
	}
	slices.SortFunc(sources, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	*info = Info{Schema: Schema, Built: info.Built, Origin: info.Origin, Sources: sources}
	return nil
}

// write fills the database in file and returns its digest; it sets the counts
// of info.
func (w *Writer) write(ctx context.Context, file string, info *Info) (string, error) {
	full, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	// Nobody sees the file before it is whole, so no journal and no waiting for
	// the disk. What is not said in these pragmas must not depend on the machine.
	dsn := fileURL(full) + fmt.Sprintf("?_pragma=page_size(%d)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"+
		"&_pragma=application_id(%d)&_pragma=locking_mode(EXCLUSIVE)", pageSize, applicationID)
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
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	f := filler{tx: tx, info: info}
	if err := f.fill(w); err != nil {
		return "", errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return "", err
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

// A filler writes tables, each from its first row to its last.
type filler struct {
	tx   *sql.Tx
	info *Info
	sharer
}

func (f *filler) fill(w *Writer) error {
	if _, err := f.tx.Exec(tables); err != nil {
		return err
	}
	names := make([]py.Name, 0, len(w.projects))
	for name := range w.projects {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := f.fillProjects(w, names); err != nil {
		return err
	}
	if err := f.fillFiles(w, names); err != nil {
		return err
	}
	if err := f.fillShared(); err != nil {
		return err
	}
	for _, s := range f.info.Sources {
		if err := f.insert(`INSERT INTO source VALUES (?, ?, ?, ?)`, s.Name, s.Licence, s.Date, s.Notes); err != nil {
			return fmt.Errorf("source %.80q: %w", s.Name, err)
		}
	}
	for _, m := range [][2]string{{"built", strconv.FormatInt(f.info.Built, 10)}, {"origin", f.info.Origin}, {"schema", Schema}} {
		if err := f.insert(`INSERT INTO meta VALUES (?, ?)`, m[0], m[1]); err != nil {
			return err
		}
	}
	return nil
}

// insert writes one row of a short table.
func (f *filler) insert(query string, values ...any) error {
	_, err := f.tx.Exec(query, values...)
	return err
}

func (f *filler) fillProjects(w *Writer, names []py.Name) error {
	add, err := f.tx.Prepare(`INSERT INTO project VALUES (?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer add.Close()
	for i, name := range names {
		e := w.projects[name]
		text, known, err := f.pack(e.releases)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := add.Exec(i+1, string(name), e.status, e.reason, len(e.releases), known, text); err != nil {
			return err
		}
		f.info.Projects++
		f.info.Releases += len(e.releases)
		f.info.Known += known
	}
	return nil
}

func (f *filler) fillFiles(w *Writer, names []py.Name) error {
	add, err := f.tx.Prepare(`INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer add.Close()
	hash, err := f.tx.Prepare(`INSERT INTO sha256 VALUES (?, ?)`)
	if err != nil {
		return err
	}
	defer hash.Close()
	for i, name := range names {
		releases := slices.Clone(w.projects[name].releases)
		// The table is ordered by the text of the version.
		slices.SortFunc(releases, func(a, b draft) int { return cmp.Compare(a.version.String(), b.version.String()) })
		for _, d := range releases {
			for _, file := range d.files {
				f.info.Files++
				if _, err := add.Exec(i+1, d.version.String(), file.Filename, f.info.Files, file.Size, file.Uploaded,
					f.text(file.RequiresPython), file.Yanked, f.text(file.YankedReason), file.URL); err != nil {
					return err
				}
				digest, err := hex.DecodeString(file.SHA256)
				if err != nil {
					return fmt.Errorf("file %s: %w", file.Filename, err)
				}
				if len(digest) == 0 {
					continue
				}
				if _, err := hash.Exec(f.info.Files, digest); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *filler) fillShared() error {
	for i, text := range f.texts.list {
		if err := f.insert(`INSERT INTO text VALUES (?, ?)`, i+1, text); err != nil {
			return err
		}
	}
	for i, r := range f.requires.list {
		if err := f.insert(`INSERT INTO requires VALUES (?, ?, ?)`, i+1, r.lines, r.extras); err != nil {
			return err
		}
	}
	for i, a := range f.artifacts.list {
		if err := f.insert(`INSERT INTO artifacts VALUES (?, ?, ?)`, i+1, a.sdist, a.wheels); err != nil {
			return err
		}
	}
	return nil
}
