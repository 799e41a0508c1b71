// Package environment says which Python, on which platform, a project runs on.
//
// It looks in the order a user expects: the flags; the active virtual
// environment; the project's .venv; the pin of PYENV_VERSION or .python-version;
// the interpreters on PATH, of pyenv and of uv; and, where no interpreter fits,
// the lowest Python the manifest asks for on the platform of this machine. A
// Python that the manifest excludes is never chosen: one that was found is
// passed over with a note, one that a flag insists on is a *ConflictError.
//
// At most one process is started in one Detect: the interpreter, isolated from
// the user's settings, with a cleaned environment, no input, bounded output and
// bounded time, to ask its own facts. They are kept in a cache file for as long
// as neither the interpreter nor the C library of the machine changes, so that
// mostly nothing is started. With both --python-version and --platform nothing
// is started and no file is read.
//
// A project is not trusted because it was cloned: a program that lies inside
// the project and was found only by looking there is not started. What its
// pyvenv.cfg says is used instead; activating the environment or naming it with
// --python is the user's consent.
//
// Result.Host is what system files say of the machine beside Python: processor,
// graphics, CUDA, operating system. With --platform nothing is said of it.
//
// This package and solver are the only ones that start processes. It reaches no
// network, prints nothing, and reads the environment only through
// Request.Getenv.
//
// Words. A label names a Python the way people and directories do: "3.12",
// "pypy3.10", "3.13t". Facts are what an interpreter says of itself. A host is
// the machine as its files describe it.
//
// Read Request, Result and Detect first.
package environment
