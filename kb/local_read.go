package kb

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A record is what one index says of a project, as far as it is known.
type record struct {
	kind    DocumentKind // of the answer on the project; empty if there is none
	read    int64
	project *py.Project // of a listing: its releases, none of them with requirements

	releases []releaseRecord
}

// A releaseRecord is what is known of a release's metadata.
type releaseRecord struct {
	version        py.Version
	read           int64
	requiresPython string
	requires       *py.Requires // nil: it is unreadable
}

// records reads what every index says of projects. It asks two questions,
// however many names there are.
func (l *Local) records(ctx context.Context, names []string) (map[py.Name]map[string]*record, error) {
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	found := map[py.Name]map[string]*record{}
	of := func(name py.Name, origin string) *record {
		if found[name] == nil {
			found[name] = map[string]*record{}
		}
		r := found[name][origin]
		if r == nil {
			r = new(record)
			found[name][origin] = r
		}
		return r
	}
	list := jsonTexts(names)
	err = l.each(ctx, conn, "read projects",
		`SELECT p.name, p.origin, p.kind, p.read, g.releases, g.texts, g.artifacts
		FROM json_each(?) j CROSS JOIN project p ON p.name = j.value LEFT JOIN page g ON g.project = p.id`, list,
		func(rows *sql.Rows) error {
			var name py.Name
			var origin string
			var kind DocumentKind
			var read int64
			var releases, texts, artifacts sql.NullString
			if err := rows.Scan(&name, &origin, &kind, &read, &releases, &texts, &artifacts); err != nil {
				return err
			}
			r := of(name, origin)
			r.kind, r.read = kind, read
			switch {
			case kind == KindListing && releases.Valid:
				r.project, err = l.unpackPage(name, releases.String, texts.String, artifacts.String)
				return err
			case kind == KindAbsent && !releases.Valid:
				return nil
			}
			return fmt.Errorf("%w: %s is of the kind %.20q", ErrDamaged, name, kind)
		})
	if err != nil {
		return nil, err
	}
	err = l.each(ctx, conn, "read releases",
		`SELECT r.name, r.origin, r.version, r.kind, r.read, r.requires_python, r.lines, r.extras
		FROM json_each(?) j CROSS JOIN release r ON r.name = j.value`, list,
		func(rows *sql.Rows) error {
			var name py.Name
			var origin, version string
			var kind DocumentKind
			var r releaseRecord
			var k linesKey
			if err := rows.Scan(&name, &origin, &version, &kind, &r.read, &r.requiresPython, &k.lines, &k.extras); err != nil {
				return err
			}
			var err error
			if r.version, err = py.ParseVersion(version); err != nil {
				return err
			}
			switch kind {
			case KindMetadata:
				if r.requires, err = l.sharedRequires(k); err != nil {
					return fmt.Errorf("%s %s: %w", name, version, err)
				}
			case KindUnreadable:
			default:
				return fmt.Errorf("%w: %s %.80s is of the kind %.20q", ErrDamaged, name, version, kind)
			}
			o := of(name, origin)
			o.releases = append(o.releases, r)
			return nil
		})
	return found, err
}

// unpackPage makes a project of a page.
func (l *Local) unpackPage(name py.Name, releases, texts, artifacts string) (*py.Project, error) {
	p, err := plain.unpack(name, releases)
	if err != nil {
		return nil, err
	}
	s := newShared()
	for i, text := range splitLines(texts) {
		if status, ok := strings.CutPrefix(text, "\t"); ok {
			p.status, p.statusReason, _ = strings.Cut(status, "\t")
			break
		}
		s.texts[int64(i+1)] = text
	}
	for i, line := range splitLines(artifacts) {
		if s.artifacts[int64(i+1)], err = l.sharedKinds(line); err != nil {
			return nil, fmt.Errorf("%s, kinds of file %d: %w", name, i, err)
		}
	}
	return s.project(p)
}

// sharedKinds reads a line of artifacts; see localTables. Equal ones are one
// pointer.
func (l *Local) sharedKinds(line string) (*py.Artifacts, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.kinds[line]; a != nil {
		return a, nil
	}
	fields := strings.Split(line, "\t")
	if fields[0] != "0" && fields[0] != "1" || len(fields) > maxLines {
		return nil, fmt.Errorf("%w: %.20q and %d wheels", ErrDamaged, fields[0], len(fields)-1)
	}
	a := &py.Artifacts{Sdist: fields[0] == "1"}
	if len(fields) > 1 {
		a.Wheels = fields[1:]
	}
	l.kinds[strings.Clone(line)] = a
	return a, nil
}

// sharedRequires reads a requirement list. Equal ones are one pointer.
func (l *Local) sharedRequires(k linesKey) (*py.Requires, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.requires[k]; r != nil {
		return r, nil
	}
	r, err := parseRequires(k)
	if err == nil {
		l.requires[k] = r
	}
	return r, err
}

// Listing returns the newest answer of an index on a project, a Listing or an
// Absent: to ask again with its validators, or to see that this is not needed.
func (l *Local) Listing(ctx context.Context, index string, name py.Name) (Document, bool, error) {
	conn, err := l.conn(ctx)
	if err != nil {
		return Document{}, false, err
	}
	defer conn.Close()
	var d Document
	found := false
	err = l.each(ctx, conn, "read a listing",
		`SELECT p.name, p.origin, p.kind, p.read, p.fresh, p.etag, p.last_modified, p.digest, g.content
		FROM json_each(?) j CROSS JOIN project p ON p.name = j.value ->> 0 AND p.origin = j.value ->> 1
		LEFT JOIN page g ON g.project = p.id`, jsonRows([][]string{{string(name), trimIndex(index)}}),
		func(rows *sql.Rows) (err error) {
			found = true
			d, _, err = l.scanListing(rows)
			return err
		})
	return d, found, err
}

// scanListing reads a row of an answer on a project, with its digest.
func (l *Local) scanListing(rows *sql.Rows) (d Document, digest []byte, err error) {
	var content sql.RawBytes
	if err := rows.Scan(&d.Project, &d.Index, &d.Kind, &d.Read, &d.Fresh, &d.ETag, &d.LastModified, &digest, &content); err != nil {
		return d, nil, err
	}
	switch {
	case d.Kind == KindAbsent && content == nil:
		return d, digest, nil
	case d.Kind != KindListing || content == nil:
		return d, nil, fmt.Errorf("%w: %s is of the kind %.20q", ErrDamaged, d.Project, d.Kind)
	}
	text, err := l.unpackContent(content)
	if err != nil {
		return d, nil, fmt.Errorf("%s: %w", d.Project, err)
	}
	d.Listing, err = readListing(d.Project, text)
	return d, digest, err
}

// unpackContent is the content of a document.
func (l *Local) unpackContent(packed []byte) (string, error) {
	if len(packed) == 0 {
		return "", nil
	}
	text, err := l.unpacker.DecodeAll(packed, nil)
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return string(text), nil
}

// Answers returns what all indexes answered on projects, Listing and Absent, by
// project and index: when it was read and until when it is fresh. The listings
// themselves are left out, which is what makes it quick.
func (l *Local) Answers(ctx context.Context, names []py.Name) ([]Document, error) {
	texts := textsOf(names)
	slices.Sort(texts)
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var docs []Document
	err = l.each(ctx, conn, "read what is fresh",
		`SELECT p.name, p.origin, p.kind, p.read, p.fresh, p.etag, p.last_modified
		FROM json_each(?) j CROSS JOIN project p ON p.name = j.value`, jsonTexts(slices.Compact(texts)),
		func(rows *sql.Rows) error {
			var d Document
			if err := rows.Scan(&d.Project, &d.Index, &d.Kind, &d.Read, &d.Fresh, &d.ETag, &d.LastModified); err != nil {
				return err
			}
			docs = append(docs, d)
			return nil
		})
	slices.SortFunc(docs, func(a, b Document) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Index, b.Index))
	})
	return docs, err
}

// A fileQuestion asks for the files of one release in a listing.
type fileQuestion struct {
	origin string
	pkg    py.Package
	files  *[]py.File // to be filled, sorted by name
}

// files answers questions. It asks one of the database.
func (l *Local) files(ctx context.Context, questions []fileQuestion) error {
	type page struct{ name, origin string }
	byPage := map[page][]fileQuestion{}
	var pages [][]string
	for _, q := range questions {
		p := page{string(q.pkg.Name), q.origin}
		if byPage[p] == nil {
			pages = append(pages, []string{p.name, p.origin})
		}
		byPage[p] = append(byPage[p], q)
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	type row struct {
		page
		positions string
		content   []byte
	}
	var read []row
	err = l.each(ctx, conn, "read files",
		`SELECT p.name, p.origin, g.files, g.content
		FROM json_each(?) j CROSS JOIN project p ON p.name = j.value ->> 0 AND p.origin = j.value ->> 1
		CROSS JOIN page g ON g.project = p.id`, jsonRows(pages),
		func(rows *sql.Rows) error {
			var r row
			err := rows.Scan(&r.name, &r.origin, &r.positions, &r.content)
			read = append(read, r)
			return err
		})
	if err != nil {
		return err
	}
	err = parallel(len(read), func(i int) error {
		r := &read[i]
		text, err := l.unpackContent(r.content)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		return pickFiles(py.Name(r.name), text, r.positions, byPage[r.page])
	})
	if err != nil {
		return l.failed(ctx, "read files", err)
	}
	return nil
}

// pickFiles takes from the text of a listing the files that questions ask for.
func pickFiles(name py.Name, text, positions string, questions []fileQuestion) error {
	into := map[int][]*[]py.File{}
	for line := range strings.Lines(positions) {
		text, list, _ := strings.Cut(line, " ")
		v, err := py.ParseVersion(text)
		if err != nil {
			return fmt.Errorf("%w: positions of files of %s: %v", ErrDamaged, name, err)
		}
		for _, q := range questions {
			if q.pkg.Version.Compare(v) != 0 {
				continue
			}
			for _, f := range strings.Fields(list) {
				at, err := strconv.Atoi(f)
				if err != nil {
					return fmt.Errorf("%w: positions of files of %s: %.20q", ErrDamaged, name, f)
				}
				into[at] = append(into[at], q.files)
			}
		}
	}
	s := scanner{text: text}
	var status, reason string
	s.listingHead(&status, &reason)
	wanted := func(i int) bool { return into[i] != nil }
	return s.files(name, wanted, func(i int, f py.File) {
		for _, files := range into[i] {
			*files = append(*files, f)
		}
	})
}
