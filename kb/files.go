package kb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Files returns the files of each package, in the order of packages, sorted by
// file name; an empty entry means that they are not known. A version may be
// spelled in any way that is equal. It asks the database two questions, after
// those of Projects.
func (d *DB) Files(ctx context.Context, packages []py.Package) ([][]py.File, error) {
	keys, err := d.fileKeys(ctx, packages)
	if err != nil {
		return nil, err
	}
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	files := make([][]py.File, len(packages))
	var texts []fileTexts // of all files in the order of the rows
	var ids wanted
	// The joins are CROSS because those are made from left to right: from the
	// packages to their few rows, whatever the planner thinks of the tables.
	err = d.each(ctx, conn, "read files",
		`SELECT j.key, f.filename, f.size, f.uploaded, f.requires_python, f.yanked, f.yanked_reason, f.url, s.digest, coalesce(v.url, '')
		FROM json_each(?) j
		CROSS JOIN project p ON p.name = j.value ->> 0
		CROSS JOIN file f ON f.project = p.id AND f.version = j.value ->> 1
		LEFT JOIN sha256 s ON s.file = f.id
		LEFT JOIN provenance v ON v.file = f.id`, keys,
		func(rows *sql.Rows) error {
			var f py.File
			var t fileTexts
			var digest sql.RawBytes
			if err := rows.Scan(&t.pkg, &f.Filename, &f.Size, &f.Uploaded, &t.requiresPython, &f.Yanked, &t.yankedReason, &f.URL, &digest, &f.Provenance); err != nil {
				return err
			}
			if f.Size < 0 || f.Uploaded < 0 || len(digest) != 0 && len(digest) != 32 || !cleanName(f.Filename) {
				return fmt.Errorf("%w: %s, file %.80q has an impossible name, size, date or hash", ErrDamaged, packages[t.pkg], f.Filename)
			}
			f.SHA256 = hex.EncodeToString(digest)
			t.file = len(files[t.pkg])
			files[t.pkg] = append(files[t.pkg], f)
			texts = append(texts, t)
			ids.texts = append(ids.texts, t.requiresPython, t.yankedReason)
			return nil
		})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ids.texts = slices.DeleteFunc(ids.texts, func(id int64) bool { _, have := d.texts[id]; return have })
	if err := d.loadShared(ctx, conn, ids); err != nil {
		return nil, err
	}
	for _, t := range texts {
		f := &files[t.pkg][t.file]
		var ok1, ok2 bool
		f.RequiresPython, ok1 = d.texts[t.requiresPython]
		f.YankedReason, ok2 = d.texts[t.yankedReason]
		if !ok1 || !ok2 {
			return nil, d.failed(ctx, "read files", fmt.Errorf("%w: %s, file %.80q refers to a row that is not there", ErrDamaged, packages[t.pkg], f.Filename))
		}
	}
	for _, fs := range files {
		slices.SortFunc(fs, func(a, b py.File) int { return cmp.Compare(a.Filename, b.Filename) })
	}
	return files, nil
}

// fileTexts are the texts of one file, by id, and where the file is.
type fileTexts struct {
	pkg, file                    int
	requiresPython, yankedReason int64
}

// fileKeys writes packages as the JSON array of [name, version as the file
// table spells it]; a package that is not there is an empty pair.
func (d *DB) fileKeys(ctx context.Context, packages []py.Package) (string, error) {
	names := make([]py.Name, len(packages))
	for i, p := range packages {
		names[i] = p.Name
	}
	projects, err := d.Projects(ctx, names)
	if err != nil {
		return "", err
	}
	keys := make([][2]string, len(packages))
	for i, p := range projects {
		if p == nil {
			continue
		}
		at, found := findRelease(p, packages[i].Version)
		if found {
			keys[i] = [2]string{string(p.Name), p.Releases[at].Version.String()}
		}
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return "", fmt.Errorf("read files: %w", err)
	}
	return string(text), nil
}
