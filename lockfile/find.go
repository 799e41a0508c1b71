package lockfile

import (
	"errors"
	"io/fs"
)

// Find returns the manifest of a directory: Pipfile, else pyproject.toml if it
// says what the project requires, else requirements.in, else requirements.txt.
// requirements.in comes before requirements.txt because the latter is then its
// lock. If there is none, the error names what was looked for; it is an *Error
// that wraps fs.ErrNotExist.
func Find(fsys fs.FS) (string, error) {
	silent := false // a pyproject.toml that only configures tools
	for _, name := range []string{"Pipfile", "pyproject.toml", "requirements.in", "requirements.txt"} {
		info, err := fs.Stat(fsys, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", cannotRead(Position{File: name}, err)
		case info.IsDir():
			continue
		}
		if name == "pyproject.toml" {
			text, err := readText(fsys, name, maxTOML)
			if err != nil {
				return "", err
			}
			doc, err := parseTOML(name, text)
			if err != nil {
				return "", err
			}
			if !hasRequirements(doc) {
				silent = true
				continue
			}
		}
		return name, nil
	}
	msg := "no manifest here: looked for Pipfile, pyproject.toml, requirements.in and requirements.txt"
	if silent {
		msg += "; pyproject.toml has none of [project], [tool.poetry] and [dependency-groups]"
	}
	e := refuse(Position{File: "."}, "name the manifest, or start in the project's folder", "%s", msg)
	e.cause = fs.ErrNotExist
	return "", e
}
