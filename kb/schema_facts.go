package kb

// factTables creates the tables of facts. They are found by the name of a
// project, because they may be about one that has no record, and each says which
// source it is from, so that the next answer of that source can replace it.
//
// What is known of one project is one text, as releases are, since every
// question is about all of it. The texts are JSON without white space:
//
//	advisories	[id, [alias, …], summary, severity, CVSS × 10, malware, link, published, modified, [[from, before, last], …]]
//	hints		[kind, dependency, top, inclusive, by, line, [first, last, first, last, …]]
//	indicators	[version, tool, metric, "value"]
//	abouts		[about, n, about, n, …]
//
// each an array of these, in order. Severities, kinds and the ranges of affected
// versions are those of package py; an empty text is no version. by and the
// stretches of suspects from first to last are places in the releases of the
// project; so are those of abouts, of which n that follow each other have one
// row of about, or 0 for none. n of a table counts what a row has.
//
// packages of an observation are lines of a name, a space and a version; bodies
// of rules is what ruleStore.text reads.
const factTables = `
CREATE TABLE advisory (
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	n INTEGER NOT NULL,
	modified INTEGER NOT NULL,
	advisories TEXT NOT NULL,
	PRIMARY KEY (project, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE suspicion (
	project INTEGER PRIMARY KEY,
	n INTEGER NOT NULL,
	hints TEXT NOT NULL
) STRICT;

CREATE TABLE dictionary (
	source TEXT PRIMARY KEY,
	content BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rule (
	kind TEXT NOT NULL,
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	n INTEGER NOT NULL,
	bodies BLOB NOT NULL,
	PRIMARY KEY (kind, project, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE observation (
	source TEXT NOT NULL,
	id INTEGER NOT NULL,
	packages TEXT NOT NULL,
	kind TEXT NOT NULL,
	outcome TEXT NOT NULL,
	class TEXT NOT NULL,
	excerpt TEXT NOT NULL,
	python TEXT NOT NULL,
	platform TEXT NOT NULL,
	metric TEXT NOT NULL,
	value REAL NOT NULL,
	unit TEXT NOT NULL,
	higher INTEGER NOT NULL,
	document TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE observed (
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	observation INTEGER NOT NULL,
	PRIMARY KEY (project, source, observation)
) STRICT, WITHOUT ROWID;

CREATE TABLE indicator (
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	n INTEGER NOT NULL,
	indicators TEXT NOT NULL,
	PRIMARY KEY (project, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE about (
	id INTEGER PRIMARY KEY,
	classifiers TEXT NOT NULL,
	license TEXT NOT NULL,
	repository TEXT NOT NULL
) STRICT;

CREATE TABLE release_about (
	project INTEGER PRIMARY KEY,
	abouts TEXT NOT NULL
) STRICT;
`

// factContents are the tables of factTables, as contents has those of tables.
var factContents = []content{
	{"advisory", "project, source, n, modified, advisories", "project, source"},
	{"suspicion", "project, n, hints", "project"},
	{"dictionary", "source, content", "source"},
	{"rule", "kind, project, source, n, bodies", "kind, project, source"},
	{"observation", "source, id, packages, kind, outcome, class, excerpt, python, platform, metric, value, unit, higher, document, at", "source, id"},
	{"observed", "project, source, observation", "project, source, observation"},
	{"indicator", "project, source, n, indicators", "project, source"},
	{"about", "id, classifiers, license, repository", "id"},
	{"release_about", "project, abouts", "project"},
}
