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
//	2.0.0	all that is asked about the releases of a project is in its row, and
//		their numbers are steps
const Schema = "2.0.0"

// readable are the schemas this program reads; see checkSchema for the words.
const readable = "2.x"

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
// The releases of a project are one row, because every question that is asked
// is about all of them: one row a release or a requirement list is several times
// slower to read. releases is an array of
//
//	[version, uploaded, last_uploaded, yanked, yanked_reason, requires_python, requires, artifacts]
//
// newest version first, where yanked_reason, requires_python and artifacts are
// ids, requires is a place in lists, from 1, and 0 stands for an empty text or for
// not known (requires, artifacts).
//
// The numbers are steps: each is less that of the release before, which is often
// the same; but last_uploaded is less its own uploaded, from which it is seconds
// away. Zeros at the end are left out. The view release adds them up and shows
// releases as rows.
//
// The requirement lists that releases have, each once and the oldest first, differ
// from each other in a line or two. lines are their distinct lines in the order in
// which they are met; the name of an extra is a line that begins with a tab, after
// the others of its list. lists is an array with, for each list, the stretches of
// lines that it consists of: [from, n, from, n, …].
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
	releases TEXT NOT NULL,
	lines TEXT NOT NULL,
	lists TEXT NOT NULL
) STRICT;

CREATE TABLE text (
	id INTEGER PRIMARY KEY,
	value TEXT NOT NULL
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
	nullif(sum(r.value ->> 1) OVER newer, 0) AS uploaded,
	nullif(sum(r.value ->> 1) OVER newer + coalesce(r.value ->> 2, 0), 0) AS last_uploaded,
	coalesce(sum(r.value ->> 3) OVER newer, 0) AS yanked,
	nullif(sum(r.value ->> 4) OVER newer, 0) AS yanked_reason,
	nullif(sum(r.value ->> 5) OVER newer, 0) AS requires_python,
	nullif(sum(r.value ->> 6) OVER newer, 0) AS requires,
	nullif(sum(r.value ->> 7) OVER newer, 0) AS artifacts
FROM project p, json_each(p.releases) r
WINDOW newer AS (PARTITION BY p.id, p.name ORDER BY r.key);

CREATE VIEW requirement AS
WITH RECURSIVE line (project, at, value) AS MATERIALIZED (
	SELECT p.id, l.key, l.value
	FROM project p, json_each('["' || replace(replace(replace(replace(p.lines, '\', '\\'), '"', '\"'), char(9), '\t'), char(10), '","') || '"]') l
), item (project, requires, stretch, at, n) AS (
	SELECT p.id, l.key + 1, f.key, f.value, l.value ->> (f.key + 1)
	FROM project p CROSS JOIN json_each(p.lists) l CROSS JOIN json_each(l.value) f WHERE f.key % 2 = 0
	UNION ALL
	SELECT project, requires, stretch, at + 1, n - 1 FROM item WHERE n > 1
)
SELECT i.project AS project, i.requires AS requires,
	row_number() OVER (PARTITION BY i.project, i.requires ORDER BY i.stretch, i.at) AS n, line.value AS value
FROM item i CROSS JOIN line ON line.project = i.project AND line.at = i.at
WHERE substr(line.value, 1, 1) <> char(9);
`

// A content is a table with the columns that the content digest covers and
// those that order its rows.
type content struct{ table, columns, key string }

// contents are tables in the order of the content digest: what is known of
// releases.
var contents = []content{
	{"meta", "key, value", "key"},
	{"source", "name, licence, date, notes", "name"},
	{"project", "id, name, status, status_reason, total, known, releases, lines, lists", "id"},
	{"text", "id, value", "id"},
	{"artifacts", "id, sdist, wheels", "id"},
	{"file", "project, version, filename, id, size, uploaded, requires_python, yanked, yanked_reason, url", "project, version, filename"},
	{"sha256", "file, digest", "file"},
}

// allContents are the tables of a snapshot, in the order of the content digest.
func allContents() []content { return slices.Concat(contents, factContents, moreContents) }

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
