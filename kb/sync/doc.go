// Package sync publishes snapshots of a knowledge base and brings them to where
// they are used: signed, in parts that are small, and put in place as a whole.
//
// A publication is a folder of files that any static host can serve:
//
//	v1/latest.json      what the newest snapshot is (Latest)
//	v1/latest.json.sig  its detached signatures, as golang.org/x/mod/sumdb/note has them
//	v1/kb-….db.zst      a snapshot, named by its digest, with a signature of its own (….sig)
//	v1/kb-…-….delta.zst the delta from one snapshot to the next
//
// Publish writes it; equal input gives equal bytes. A Store is where a machine
// keeps what it has: the active snapshot and the one before it. Store.Sync asks
// sources for the newest one in turn. What is signed by none of the pinned keys,
// is older than what was seen before, larger than it says, or is in its content
// not what was signed is refused, and the active snapshot stays as it is: it
// changes by one rename, after all that it needs is on the disk. Local knowledge
// is never touched.
//
// The package reaches a network only through a Source that its caller made, and
// never on its own account. It reads no clock and no environment.
//
// Read Latest, Publish, Store and Store.Sync, in this order.
package sync
