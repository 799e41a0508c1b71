// Package ingest reads public data into a knowledge base: an index that was
// saved as files (Directory) and an index that answers (Live). Each hands on
// one kb.Listing a project, to a kb.Writer or to whoever wants it.
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
// Read Directory first, then Page and Live.
package ingest
