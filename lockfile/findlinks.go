package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// addFindLinks adds a place that file names with --find-links: a directory,
// relative to the folder of that file, or the URL of a page.
func (m *Manifest) addFindLinks(f *folder, file, text string, pos Position) error {
	place := text
	scheme, _, isURL := strings.Cut(text, "://")
	if isURL && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
		if _, err := withoutCredentials(text); err != nil {
			return refuse(pos, "", "--find-links: %v", err)
		}
	} else {
		if i := environmentVariable.FindString(text); i != "" {
			return refuse(pos, "write the value", "%s: variables are kept in URLs only", i)
		}
		d, _, err := f.reference(file, text, pos)
		if err != nil {
			return err
		}
		info, err := fs.Stat(f.fsys, d.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e := refuse(pos, "", "--find-links: %s is not there", d)
			e.cause = err
			return e
		case err != nil:
			return refuse(pos, "", "--find-links: %s: %s", d, cannotRead(pos, err).Msg)
		case !info.IsDir():
			return refuse(pos, "give the folder that holds the wheels", "--find-links: %s is not a folder", d)
		}
		place = d.Path
	}
	if slices.Contains(m.FindLinks, place) {
		return nil
	}
	if len(m.FindLinks) == maxIndexes {
		return refuse(pos, "", "more than %d places to find links, the limit", maxIndexes)
	}
	m.FindLinks = append(m.FindLinks, place)
	return nil
}

// findLinks returns the options that name the places of l.FindLinks, one a line.
func (l *Lock) findLinks() (string, error) {
	var b strings.Builder
	for _, place := range l.FindLinks {
		if strings.Contains(place, "://") {
			clean, err := withoutCredentials(place)
			if err != nil {
				return "", fmt.Errorf("lock: --find-links: %w", err)
			}
			place = clean
		} else if strings.Trim(place, plainPath) != "" {
			return "", fmt.Errorf("lock: --find-links %q cannot be written for every reader of requirements; rename the folder", place)
		} else {
			place = (&Direct{Path: place}).place()
		}
		b.WriteString("--find-links " + place + "\n")
	}
	return b.String(), nil
}
