// Package journal keeps what a machine learnt by trying, and what it is to learn:
// the documents of package solver and the queue.
//
// Documents are the truth: JSON files in a directory, called by their digest.
// Beside them lies one SQLite file with the queue and an index of what the
// documents say of projects, which Rebuild makes of the files again; keeping the
// same documents in another order gives the same answers. A document and the
// item that it settles are written in one transaction, so that however a client
// ends an item is settled once.
//
// Any number of clients may have a journal open, on one machine. Each holds a
// lock on a file of its own for as long as it lives: what a client that is gone
// had taken is free again, and its directory and its containers are removed by
// the next; see Alive.
//
// A failure that says nothing of a package is tried again after a while, a few
// times, and then listed and left; it never becomes an observation. A failure of
// the package is one until the image or the solver is another, or until it is
// forgotten: see Observations and Forget.
//
// The package reads no clock and no environment, and starts nothing.
package journal
