// Package kb opens, queries and writes a knowledge base: what is known of
// Python projects on a day, in one SQLite file, a snapshot.
//
// A snapshot is read-only once it is written. It has a schema version, a
// content digest, a birthday, the index it came from and a list of sources with
// their licences (Info). The same listings give the same bytes, in whatever
// order they are added. One snapshot is embedded in the program (OpenEmbedded).
//
// Three states are kept apart: a release whose requirements are known, a
// release that exists and whose requirements were not read (Release.Requires is
// nil), and a release or project that is not there. Requirement lines are kept
// as published; nothing is evaluated here.
//
// Beside releases a snapshot holds facts (Facts): advisories, rules, observations,
// indicators and how popular projects are, each with its source, which Amend brings up to date, and what
// follows from the releases themselves: what their later ones make one think of
// earlier ones (py.Suspicion) and what their metadata says (py.About).
//
// From one snapshot to the next there is a delta (WriteDelta, ApplyDelta), and a
// list of what has changed for people (Diff). Package kb/sync carries both.
//
// On top of it lies what this machine has learnt itself, local knowledge, in a
// second file (Local): the answers of indexes (Document), of each index,
// project and release the newest. Documents are the truth and the tables an
// index of them: learning the same in another order gives the same knowledge, and
// Rebuild makes the tables anew. It also holds facts: what sources told (Told),
// observations, and what was seen of indexes with the events (Event) that
// followed from it. Layered joins both for one Route, which says what index serves a project.
//
// A file is a stranger's until it is read: a foreign, damaged or hostile one
// gives an error wrapping ErrNotSnapshot, ErrDamaged or ErrSchema, never a
// panic, and no value is larger than a fixed bound. The package reaches no
// network, reads no clock and writes only where it is told to.
//
// Read DB first, then Listing and Writer, then Facts and Amend, then Document,
// Local and Layered, then Event, See and Tell; schema.go, schema_facts.go,
// schema_more.go and local_schema.go have the tables.
package kb
