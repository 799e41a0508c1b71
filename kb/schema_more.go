package kb

// moreTables creates, of each source, the rank of a
// project among the most downloaded, from 1, and of files the URL at which the
// index serves their provenance object (PEP 740).
const moreTables = `
CREATE TABLE popular (
	project TEXT NOT NULL,
	source TEXT NOT NULL,
	rank INTEGER NOT NULL,
	PRIMARY KEY (project, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE provenance (
	file INTEGER PRIMARY KEY,
	url TEXT NOT NULL
) STRICT;
`

// moreContents are the tables of moreTables.
var moreContents = []content{
	{"popular", "project, source, rank", "project, source"},
	{"provenance", "file, url", "file"},
}
