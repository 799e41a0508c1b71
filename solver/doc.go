// Package solver learns about packages by trying them: it runs a container,
// builds, installs and imports a release or a stack in it, and reads one JSON
// document from its standard output.
//
// What is tried is a stranger's code, so a run has no network, no capability, a
// read-only file system, a system call filter, limits of processes, memory,
// disk, time and output, and one way out: so many bytes of standard output. A
// result begins with a token that the tried code cannot read; whatever else it
// prints is noise. There is no run without isolation: Open proves the engine by
// a run that reads its bounds back from inside, and refuses one that lacks any.
//
// The package starts the container engine and nothing else (solver/base, which
// makes an image, starts the distribution's own tools). It reaches no network:
// what a run needs of an index lies in files that its caller made, which
// solver/archive judges before. It reads neither clock nor environment: both are
// arguments. It knows packages by the words of kb/py only.
//
// A failure is a result with a class. Of the network, the clock, the memory and
// the disk it says nothing of the package, and is tried again; what the image
// lacks is a fact of the image; only what is left is a fact of the package. How a
// user's command ends is none, unless the user calls it a test. See Class. A package can lie about itself, never about another run.
//
// Read Sandbox first, then Job and Report, then Document; flags.go has the
// isolation, inside/runner.py what runs in the container.
package solver
