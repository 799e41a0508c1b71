// Package ingest reads public data into a knowledge base: an index that was
// saved as files (Directory), an index that answers, all of it (Live), and of
// the indexes of a user what an answer stands on (Reader). The first two hand on
// one kb.Listing a project, the Reader one kb.Document an answer.
//
// For who checks where things come from, Indexes asks for one project now, and
// for who published a file (Survey, Provenance).
//
// It also reads facts that are files: advisories (ReadOSV, FetchOSV), graphs of
// requirements (ReadKGraph), observations (ReadObservations, ReadSolver) and lists
// of popular projects (ReadPopular). Refresh asks indexes what changed.
//
// It and kb/sync are the only code that reaches the network, and only through a
// Client that its caller made. It starts no process, prints nothing, and has no
// default index: which index to ask, and what pip's configuration says, are
// arguments.
//
// Everything that is read is a stranger's: documents, texts and lists are
// bounded, names never become paths unchecked, credentials are neither stored
// nor part of an error. What is malformed or missing costs itself and is noted
// in a Report; what cannot be read is not known, which is never the same as
// "needs nothing".
//
// A project comes from the first index that has it, or the one it is pinned to;
// no two listings are merged, whatever they say of each other (PEP 708), and an
// index that refuses or fails is not passed over. Nor is a directory or page of
// links, which come first.
//
// Read Directory first, then Page and Live; Indexes and Reader for the rest.
package ingest
