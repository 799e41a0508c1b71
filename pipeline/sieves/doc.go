// Package sieves has the units that drop releases before anything is weighed.
//
// What must hold of a release whatever one likes is not a unit. The knowledge
// itself never gives releases of another index than the one that serves the
// project, and the resolver never chooses one that is yanked and not pinned, that
// does not run on the environment's Python, that has no file for its platform, or
// whose date, hash, version or pre-release the user's lines exclude. Admission
// lists those rules, so that they can be read beside the units. They are no units
// because a conflict must be able to name them, because they cannot be switched
// off, and because to judge them twice would be to say two things of one release.
//
// A sieve is for what must not be had even where nothing else is left. What is
// only to be avoided is a step's: a stack with a vulnerability is most often a
// better answer than none.
package sieves
