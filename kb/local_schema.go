package kb

// LocalSchema is the version of the tables of local knowledge, as Schema is of
// those of a snapshot.
//
//	1.0.0	answers on projects and releases
//	1.1.0	what sources tell beside: advisories, popularity, observations,
//		indicators; what was seen of indexes, and the events that followed
const LocalSchema = "1.1.0"

// localReadable are the schemas of local knowledge that this program reads and
// writes. An older one that can be written gets the tables that it lacks.
const localReadable = "1.x"

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
` + localDocuments

// localDocuments creates the tables of documents.
const localDocuments = `
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

// localTableNames are the tables of local knowledge that every schema has.
var localTableNames = []string{"meta", "project", "page", "release"}

// localAdded creates what schema 1.1.0 adds.
//
// A row of told is what a source (a database of advisories, a list of popular
// projects) last said; the rows of advisory, withdrawn and popular with its name
// are that, as in a snapshot (see factTables), and sum is their digest. withdrawn
// are ids of records that count no more, for whatever source says so, and when
// they were modified.
//
// Observations and indicators are added to and never replaced: a row is found by
// the digest of its body, which is JSON.
//
// seen is what the last refresh saw of a project of an index, sum is that of the
// listing, and releases is what seenState.text writes, compressed. event is
// only ever added to; digest is of all its other columns, subject a file or an
// advisory.
const localAdded = `
CREATE TABLE told (
	source TEXT PRIMARY KEY,
	licence TEXT NOT NULL,
	date TEXT NOT NULL,
	notes TEXT NOT NULL,
	read INTEGER NOT NULL,
	etag TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	sum BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE advisory (
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	n INTEGER NOT NULL,
	modified INTEGER NOT NULL,
	advisories TEXT NOT NULL,
	PRIMARY KEY (project, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE withdrawn (
	id TEXT NOT NULL,
	source TEXT NOT NULL,
	modified INTEGER NOT NULL,
	PRIMARY KEY (id, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE popular (
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	rank INTEGER NOT NULL,
	PRIMARY KEY (project, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE observation (
	digest BLOB PRIMARY KEY,
	body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE observed (
	project TEXT NOT NULL,
	digest BLOB NOT NULL,
	PRIMARY KEY (project, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE indicator (
	project TEXT NOT NULL,
	digest BLOB NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (project, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
	id INTEGER PRIMARY KEY,
	project TEXT NOT NULL,
	origin TEXT NOT NULL,
	read INTEGER NOT NULL,
	kind TEXT NOT NULL,
	status TEXT NOT NULL,
	sum BLOB NOT NULL,
	releases BLOB NOT NULL,
	UNIQUE (project, origin)
) STRICT;

CREATE TABLE event (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	severity INTEGER NOT NULL,
	project TEXT NOT NULL,
	version TEXT NOT NULL,
	subject TEXT NOT NULL,
	old TEXT NOT NULL,
	new TEXT NOT NULL,
	source TEXT NOT NULL,
	digest BLOB NOT NULL UNIQUE
) STRICT;

CREATE INDEX event_at ON event (at);
`

// localAddedContents are the tables of localAdded, with the columns that the
// digest of local knowledge covers. told has when a source was asked, which is
// no part of what it said.
var localAddedContents = []content{
	{"told", "source, licence, date, notes, sum", "source"},
	{"advisory", "project, source, n, modified, advisories", "project, source"},
	{"withdrawn", "id, source, modified", "id, source"},
	{"popular", "project, source, rank", "project, source"},
	{"observation", "digest, body", "digest"},
	{"observed", "", ""}, // made of observation
	{"indicator", "project, digest, body", "project, digest"},
	{"seen", "project, origin, kind, status, sum, releases", "project, origin"},
	{"event", "at, kind, severity, project, version, subject, old, new, source, digest", "digest"},
}
