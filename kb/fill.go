package kb

import (
	"cmp"
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/thamos/thamos/kb/py"
)

// A filler writes tables, each from its first row to its last.
type filler struct {
	tx    *sql.Tx
	info  *Info
	rules int // bytes, before they are packed
	sharer
}

func (f *filler) fill(w *Writer) error {
	if _, err := f.tx.Exec(tables + factTables + moreTables); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(w.projects))
	if err := f.fillProjects(w, names); err != nil {
		return err
	}
	if err := f.fillFiles(w, names); err != nil {
		return err
	}
	if err := f.fillShared(); err != nil {
		return err
	}
	if err := f.fillAbouts(w, names); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(w.facts)) {
		if err := f.fillFacts(w.facts[name]); err != nil {
			return err
		}
	}
	return f.fillMeta(w.EmptyMayBeUnknown)
}

// fillMeta writes what the snapshot says of itself.
func (f *filler) fillMeta(emptyUnknown bool) error {
	for _, s := range f.info.Sources {
		if err := f.insert(`INSERT INTO source VALUES (?, ?, ?, ?)`, s.Name, s.Licence, s.Date, s.Notes); err != nil {
			return fmt.Errorf("source %.80q: %w", s.Name, err)
		}
	}
	meta := [][2]string{{"built", strconv.FormatInt(f.info.Built, 10)}, {"origin", f.info.Origin}, {"schema", Schema}}
	if emptyUnknown {
		meta = append(meta, [2]string{emptyUnknownKey, "1"})
	}
	for _, m := range meta {
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
	add, err := f.tx.Prepare(`INSERT INTO project VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer add.Close()
	suspect, err := f.tx.Prepare(`INSERT INTO suspicion VALUES (?, ?, ?)`)
	if err != nil {
		return err
	}
	defer suspect.Close()
	b := newBounder()
	for i, name := range names {
		e := w.projects[name]
		text, known, err := f.pack(stepped, e.releases)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		lines, lists, err := packLists(f.requires.list)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := add.Exec(i+1, string(name), e.status, e.reason, len(e.releases), known, text, lines, lists); err != nil {
			return err
		}
		f.info.Projects++
		f.info.Releases += len(e.releases)
		f.info.Known += known
		hints, n, err := packHints(hintsOf(name, suspectsOfDrafts(b, e.releases, w.EmptyMayBeUnknown)))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n == 0 {
			continue
		}
		if _, err := suspect.Exec(i+1, n, hints); err != nil {
			return err
		}
		f.info.Suspicions += n
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
	provenance, err := f.tx.Prepare(`INSERT INTO provenance VALUES (?, ?)`)
	if err != nil {
		return err
	}
	defer provenance.Close()
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
				if file.Provenance != "" {
					if _, err := provenance.Exec(f.info.Files, file.Provenance); err != nil {
						return err
					}
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
	for i, a := range f.artifacts.list {
		if err := f.insert(`INSERT INTO artifacts VALUES (?, ?, ?)`, i+1, a.sdist, a.wheels); err != nil {
			return err
		}
	}
	return nil
}
