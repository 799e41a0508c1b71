package py

import (
	"fmt"
	"strings"
	"unicode"
)

// A Wheel is what a wheel's file name says (PEP 427).
type Wheel struct {
	Name    Name
	Version Version
	Build   string // the build tag, begins with a digit; empty for none
	Tags    string // as written, such as "py2.py3-none-any"
}

// ParseWheelName parses NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl (PEP 427).
// Each of the last three is one tag or several, joined by "." (PEP 425); they
// need not be sorted.
func ParseWheelName(filename string) (Wheel, error) {
	refuse := func(why string) (Wheel, error) {
		return Wheel{}, fmt.Errorf("wheel %s: %s", quote(filename), why)
	}
	stem, ok := strings.CutSuffix(filename, ".whl")
	if !ok {
		return refuse("the name does not end with .whl (PEP 427)")
	}
	dashes := strings.Count(stem, "-")
	if dashes != 4 && dashes != 5 {
		return refuse("want NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl (PEP 427)")
	}
	name, rest, _ := strings.Cut(stem, "-")
	version, rest, _ := strings.Cut(rest, "-")
	w := Wheel{Tags: rest}
	if dashes == 5 {
		w.Build, w.Tags, _ = strings.Cut(rest, "-")
		if w.Build == "" || !isDigit(w.Build[0]) {
			return refuse("the build tag does not begin with a digit (PEP 427)")
		}
	}
	if !isFileProject(name) || strings.Contains(name, "__") {
		return refuse("malformed project name (PEP 427)")
	}
	w.Name = NormalizeName(name)
	var err error
	if w.Version, err = ParseVersion(version); err != nil {
		return refuse(err.Error())
	}
	if !isTagSet(w.Tags) {
		return refuse("malformed tags (PEP 425)")
	}
	return w, nil
}

// ParseSdistName parses NAME-VERSION.tar.gz or .zip (PEP 625 and the older
// spellings of it, in which a name may have dashes). The version is what
// follows the last dash: where it may have one itself ("1.0-1"), only
// ParseSdistNameOf can tell.
func ParseSdistName(filename string) (Package, error) {
	stem, err := sdistStem(filename)
	if err != nil {
		return Package{}, err
	}
	dash := strings.LastIndexByte(stem, '-')
	if dash < 0 {
		return Package{}, fmt.Errorf("sdist %s: want NAME-VERSION (PEP 625)", quote(filename))
	}
	if !isFileProject(stem[:dash]) {
		return Package{}, fmt.Errorf("sdist %s: malformed project name (PEP 625)", quote(filename))
	}
	version, err := ParseVersion(stem[dash+1:])
	if err != nil {
		return Package{}, fmt.Errorf("sdist %s: %w", quote(filename), err)
	}
	return Package{NormalizeName(stem[:dash]), version}, nil
}

// ParseSdistNameOf is ParseSdistName for a file that is known to be one of
// project, as every file of an index listing is. It refuses other projects'
// files, and reads versions that have a dash.
func ParseSdistNameOf(project Name, filename string) (Package, error) {
	stem, err := sdistStem(filename)
	if err != nil {
		return Package{}, err
	}
	err = fmt.Errorf("sdist %s is not a file of %s", quote(filename), project)
	for dash := range len(stem) {
		if stem[dash] != '-' || NormalizeName(stem[:dash]) != project {
			continue
		}
		version, bad := ParseVersion(stem[dash+1:])
		if bad == nil {
			return Package{project, version}, nil
		}
		err = fmt.Errorf("sdist %s: %w", quote(filename), bad)
	}
	return Package{}, err
}

// sdistStem is an sdist's file name without its extension.
func sdistStem(filename string) (string, error) {
	if stem, ok := strings.CutSuffix(filename, ".tar.gz"); ok {
		return stem, nil
	}
	if stem, ok := strings.CutSuffix(filename, ".zip"); ok {
		return stem, nil
	}
	return "", fmt.Errorf("sdist %s: the name does not end with .tar.gz or .zip (PEP 625)", quote(filename))
}

// isFileProject reports whether a file name may spell a project so. It is
// wider than PEP 508: files exist whose names have letters outside ASCII.
func isFileProject(s string) bool {
	for _, r := range s {
		if !isWord(r) && r != '.' && r != '-' {
			return false
		}
	}
	return s != ""
}

// isTagSet reports whether s is three sets of tags of which none is empty, the
// Python tags identifiers.
func isTagSet(s string) bool {
	for field, set := range strings.Split(s, "-") {
		for tag := range strings.SplitSeq(set, ".") {
			if tag == "" || field == 0 && !isIdentifier(tag) {
				return false
			}
		}
	}
	return true
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if !isWord(r) || i == 0 && unicode.IsDigit(r) {
			return false
		}
	}
	return s != ""
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
