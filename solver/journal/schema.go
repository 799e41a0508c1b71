package journal

// Schema is the version of the tables, model.revision. Another model is not read.
const Schema = "1.0"

// applicationID marks the SQLite file ("thaj").
const applicationID = 0x7468616a

// tables creates a journal. text of a document is its file, which is written
// after the transaction: filed is 1 when it lies on the disk. body of an
// observation or indicator is JSON of it; every project of a stack has a row.
// image, solver, python and platform are those of the document.
//
// state of an item is waiting, done or left; lease is the client that works on
// it, empty for nobody. Times are Unix seconds.
const tables = `
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
	digest TEXT PRIMARY KEY,
	at INTEGER NOT NULL,
	image TEXT NOT NULL,
	solver TEXT NOT NULL,
	python TEXT NOT NULL,
	platform TEXT NOT NULL,
	outcome TEXT NOT NULL,
	class TEXT NOT NULL,
	filed INTEGER NOT NULL,
	text BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tried (
	project TEXT NOT NULL,
	version_key TEXT NOT NULL,
	digest TEXT NOT NULL,
	kind TEXT NOT NULL,
	outcome TEXT NOT NULL,
	alone INTEGER NOT NULL,
	PRIMARY KEY (project, version_key, digest, kind, alone)
) STRICT, WITHOUT ROWID;

CREATE TABLE observation (
	project TEXT NOT NULL,
	digest TEXT NOT NULL,
	n INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (project, digest, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE indicator (
	project TEXT NOT NULL,
	digest TEXT NOT NULL,
	n INTEGER NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (project, digest, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE item (
	key TEXT NOT NULL,
	env TEXT NOT NULL,
	priority INTEGER NOT NULL,
	added INTEGER NOT NULL,
	not_before INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	lease TEXT NOT NULL,
	state TEXT NOT NULL,
	class TEXT NOT NULL,
	reason TEXT NOT NULL,
	settled INTEGER NOT NULL,
	documents TEXT NOT NULL,
	PRIMARY KEY (key, env)
) STRICT, WITHOUT ROWID;
`

// dropped are the tables that are an index of the documents.
var dropped = []string{"document", "tried", "observation", "indicator"}
