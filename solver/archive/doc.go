// Package archive judges the archives of a stranger before anything is done
// with them: wheels and source distributions.
//
// Read unpacks nothing onto the disk. It goes through all of an archive once,
// counts what would come out, and refuses what would leave its place (absolute
// names, "..", links that point outside), what is no plain file, directory or
// link, what has more entries or bytes than is reasonable however little it is
// packed into, and what does not have its own checksums. Of the few texts that
// say how to build and what is imported it returns the content.
//
// That an archive passes does not make its code good: that runs in a container
// only, see package solver.
package archive
