// Package prescription has the units that are declared in YAML, in the schema
// that Thoth called v1: rules that somebody wrote down of what goes together.
//
// Load reads files and makes rules of them, one for each unit and project that it
// is about, which a knowledge base keeps by project (py.Rule). Units lists the
// units of the pipeline that look them up again: only the rules of projects at
// hand are decoded.
//
// A rule says the same however the search goes. What a step asks of a state, that
// other packages are resolved in it, is that they are in the stack: its score or
// refusal is a term of releases that meet. A package comes from another
// (package_version_from) where a release of the other requires it in the
// environment, extras aside; that nobody else does is not asked of a score, and
// need not be of a SkipPackage, which edits the requirements of that other alone.
// What hangs on how a stack was found cannot be said, and is a Fault: stopping
// the search, and leaving out or adding a package for what else is resolved.
//
// Rules are followed as they are documented. A strict plan follows what Thoth's
// adviser did, faults included: null is any version, all entries of hardware must
// hold, processors are those of its table, only the first symbol used counts, a
// list of symbols of an image is all that is asked of it, and the conditions of
// release notes are not. Where a fault hung on the order in which packages were
// resolved, the nearest that does not is followed (see masked). Rules that are
// known to do harm (known.go) are followed only by strict plans.
//
// Files are a stranger's: sizes, depth and aliases are bounded, and what is
// malformed, unknown or cannot be expressed is a Fault with its place.
//
// Read Load first, then schema.go, include.go, match.go and tell.go.
package prescription
