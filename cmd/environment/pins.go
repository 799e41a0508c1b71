package environment

import (
	"os"
	"path/filepath"
	"strings"
)

const (
	pinFile    = ".python-version"
	maxPinFile = 64 << 10
	maxPins    = 16
)

// A pin is a line that says which Python the user wants.
type pin struct {
	text string
	from string // "PYENV_VERSION" or the path of the file
}

// pinned returns the pins that hold for the project: those of PYENV_VERSION,
// else of the nearest .python-version, as pyenv looks for it: in the project's
// directory and those above.
func (p places) pinned() []pin {
	texts, from := pins([]byte(strings.ReplaceAll(p.getenv("PYENV_VERSION"), ":", "\n"))), "PYENV_VERSION"
	if len(texts) == 0 {
		texts, from = p.pinFile()
	}
	found := make([]pin, len(texts))
	for i, t := range texts {
		found[i] = pin{t, from}
	}
	return found
}

// pinFile returns the lines of the nearest .python-version and its path.
func (p places) pinFile() (lines []string, name string) {
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return nil, ""
	}
	for {
		name := filepath.Join(dir, pinFile)
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			return pins(readFile(name, maxPinFile)), p.short(name)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, ""
		}
		dir = up
	}
}

// pins returns the lines of a .python-version without comments and white space.
func pins(data []byte) []string {
	var found []string
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line, _, _ = strings.Cut(line, "#")
		for _, text := range strings.Fields(line) { // pyenv splits at spaces, too
			if len(found) < maxPins {
				found = append(found, text)
			}
		}
	}
	return found
}

// short returns path as the user would write it: relative if it lies in the
// project.
func (p places) short(path string) string {
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}
