package kb

// LocalSchema is the version of the tables of local knowledge, as Schema is of
// those of a snapshot.
//
//	1.0.0	answers on projects and releases
const LocalSchema = "1.0.0"

// localReadable are the schemas of local knowledge that this program reads and
// writes.
const localReadable = "1.0.x"

// localTables creates local knowledge. A row of project or release is a
// document, the one that counts of its index, project and version; page and the
// columns from requires_python to extras are the index of it that questions are
// answered from, and can be made from the documents again.
//
// origin is the URL of the index. sum is the SHA-256 of the document's content,
// which is in the last column, compressed; digest is that of the document.
// Rows of releases are found by version_key, in hex: two spellings of one
// version have the same.
//
// releases is as in a snapshot (see tables), with ids from 1 of the lines of
// texts and artifacts; the requirements are in release. A line of artifacts is
// 1 or 0 (whether there is an sdist) and the wheels' tags, each after a tab; a
// line of files is a version and the positions in the listing of its files.
// Where a project is not active, a line of texts that begins with a tab follows
// the others: its status and, after one more tab, the reason.
const localTables = `
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	origin TEXT NOT NULL,
	kind TEXT NOT NULL,
	read INTEGER NOT NULL,
	fresh INTEGER NOT NULL,
	etag TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	sum BLOB NOT NULL,
	digest BLOB NOT NULL,
	UNIQUE (name, origin)
) STRICT;

CREATE TABLE page (
	project INTEGER PRIMARY KEY,
	releases TEXT NOT NULL,
	texts TEXT NOT NULL,
	artifacts TEXT NOT NULL,
	files TEXT NOT NULL,
	content BLOB NOT NULL
) STRICT;

CREATE TABLE release (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	origin TEXT NOT NULL,
	version_key TEXT NOT NULL,
	version TEXT NOT NULL,
	kind TEXT NOT NULL,
	read INTEGER NOT NULL,
	reason TEXT NOT NULL,
	requires_python TEXT NOT NULL,
	lines TEXT NOT NULL,
	extras TEXT NOT NULL,
	sum BLOB NOT NULL,
	digest BLOB NOT NULL,
	content BLOB NOT NULL,
	UNIQUE (name, origin, version_key)
) STRICT;
`

// localTableNames are the tables of local knowledge.
var localTableNames = []string{"meta", "project", "page", "release"}
