package kb

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
)

// Schema is the version of the tables below: model.revision.addition. Another
// model cannot be read by this program; a later revision or addition can, since
// it only adds tables.
//
//	1.0.0	projects, releases, requirement lists, files
//	1.1.0	what is known beside: advisories, suspicions, rules, observations,
//		indicators, what metadata says of licence and maturity
//	1.2.0	how popular projects are, where attestations of files are
const Schema = "1.2.0"

// readable are the schemas this program reads; see checkSchema for the words.
const readable = "1.x"

// Marks of a SQLite file: a snapshot ("tham") and local knowledge ("thal").
const (
	applicationID      = 0x7468616d
	localApplicationID = 0x7468616c
)

// pageSize is the size of the database's pages: large rows are the rule, and
// small pages cost them overflow pages.
const pageSize = 8192

// tables creates a snapshot. Nothing may be stored twice: an index repeats its
// columns, so every table is ordered by the question that is asked of it.
//
// The releases of a project are one text, because every question that is asked
// is about all of them: an array of
//
//	[version, uploaded, last_uploaded, yanked, yanked_reason, requires_python, requires, artifacts]
//
// newest version first, where the last four are ids and 0 stands for an empty
// text (yanked_reason, requires_python) or for not known (requires, artifacts).
// One row a release is five times slower to read. The view release shows them
// as rows.
//
// Hashes do not compress and are needed for a lock only, so they have a table
// of their own.
const tables = `
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE source (
	name TEXT PRIMARY KEY,
	licence TEXT NOT NULL,
	date TEXT NOT NULL,
	notes TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	status TEXT NOT NULL,
	status_reason TEXT NOT NULL,
	total INTEGER NOT NULL,
	known INTEGER NOT NULL,
	releases TEXT NOT NULL
) STRICT;

CREATE TABLE text (
	id INTEGER PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;

CREATE TABLE requires (
	id INTEGER PRIMARY KEY,
	lines TEXT NOT NULL,
	extras TEXT NOT NULL
) STRICT;

CREATE TABLE artifacts (
	id INTEGER PRIMARY KEY,
	sdist INTEGER NOT NULL,
	wheels TEXT NOT NULL
) STRICT;

CREATE TABLE file (
	project INTEGER NOT NULL,
	version TEXT NOT NULL,
	filename TEXT NOT NULL,
	id INTEGER NOT NULL,
	size INTEGER NOT NULL,
	uploaded INTEGER NOT NULL,
	requires_python INTEGER NOT NULL,
	yanked INTEGER NOT NULL,
	yanked_reason INTEGER NOT NULL,
	url TEXT NOT NULL,
	PRIMARY KEY (project, version, filename)
) STRICT, WITHOUT ROWID;

CREATE TABLE sha256 (
	file INTEGER PRIMARY KEY,
	digest BLOB NOT NULL
) STRICT;

CREATE VIEW release AS
SELECT p.id AS project, p.name AS name, r.key AS rank,
	r.value ->> 0 AS version,
	nullif(r.value ->> 1, 0) AS uploaded,
	nullif(r.value ->> 2, 0) AS last_uploaded,
	r.value ->> 3 AS yanked,
	nullif(r.value ->> 4, 0) AS yanked_reason,
	nullif(r.value ->> 5, 0) AS requires_python,
	nullif(r.value ->> 6, 0) AS requires,
	nullif(r.value ->> 7, 0) AS artifacts
FROM project p, json_each(p.releases) r;

CREATE VIEW requirement AS
WITH RECURSIVE line (requires, n, value, rest) AS (
	SELECT id, 0, '', lines || x'0a' FROM requires WHERE lines <> ''
	UNION ALL
	SELECT requires, n + 1, substr(rest, 1, instr(rest, x'0a') - 1), substr(rest, instr(rest, x'0a') + 1)
	FROM line WHERE rest <> ''
)
SELECT requires, n, value FROM line WHERE n > 0;
`

// A content is a table with the columns that the content digest covers and
// those that order its rows.
type content struct{ table, columns, key string }

// contents are the tables in the order of the content digest: those that every
// snapshot has.
var contents = []content{
	{"meta", "key, value", "key"},
	{"source", "name, licence, date, notes", "name"},
	{"project", "id, name, status, status_reason, total, known, releases", "id"},
	{"text", "id, value", "id"},
	{"requires", "id, lines, extras", "id"},
	{"artifacts", "id, sdist, wheels", "id"},
	{"file", "project, version, filename, id, size, uploaded, requires_python, yanked, yanked_reason, url", "project, version, filename"},
	{"sha256", "file, digest", "file"},
}

// hasFacts reports whether snapshots of schema s, which checkSchema accepted,
// have the tables of factContents.
func hasFacts(s string) bool { return revision(s) >= 1 }

// hasMore reports the same of moreContents.
func hasMore(s string) bool { return revision(s) >= 2 }

// contentsOf are the tables of a snapshot of schema s, in the order of the
// content digest.
func contentsOf(s string) []content {
	all := slices.Clone(contents)
	if hasFacts(s) {
		all = append(all, factContents...)
	}
	if hasMore(s) {
		all = append(all, moreContents...)
	}
	return all
}

// revision is the second number of a schema, 0 if it is none.
func revision(s string) uint64 {
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		return 0
	}
	return v.Minor()
}

// checkSchema reports whether schema s is one of those in the range can, of a
// program that writes own.
func checkSchema(s, own, can string) error {
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		return fmt.Errorf("%w: its schema %.40q is not a version", ErrDamaged, s)
	}
	c, err := semver.NewConstraint(can)
	if err != nil {
		return err // a constant of this package is malformed
	}
	if !c.Check(v) {
		who := "an older"
		if v.GreaterThan(semver.MustParse(own)) {
			who = "a newer"
		}
		return fmt.Errorf("%w: schema %v, this program reads %s; %s thamos reads it", ErrSchema, v, can, who)
	}
	return nil
}

// CheckSchema reports whether this program reads snapshots of a schema. The
// error wraps ErrSchema if it is another program that does.
func CheckSchema(s string) error { return checkSchema(s, Schema, readable) }
