// Package lockfile reads the files that say what a Python project wants
// (Pipfile, pyproject.toml, requirements.txt) and reads and writes the files
// that pin it (Pipfile.lock, pylock.toml, requirements.txt with hashes).
//
// Parsing and printing are functions of their arguments: the only files they
// open are those that a manifest includes, and the pyproject.toml of directories
// that it requires, through the fs.FS they are given.
// They reach no network, start no process, read no environment and know
// nothing of the search. A manifest is never rewritten. Whoever refuses a file
// returns an *Error that names file, line and column and says what to do.
//
// What a project says of how it is judged (Settings of thamos.toml or
// [tool.thamos]) and where it runs (.thoth.yaml) is read here too, and means
// nothing here.
//
// A Direct is what a requirement points to instead of a release of an index.
// What only building it would tell is refused.
//
// ReadLocked reads a lock of any tool in one form (Locked), and ReadInstalled what
// an environment has installed, for who checks what others made: both take what
// an installer would, and judge nothing.
//
// WriteFile is the one function that touches the disk.
//
// Read Manifest and Lock first, then the format you need.
package lockfile
