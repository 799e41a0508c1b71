package cmd

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

// findLinks are the manifest's places that hold files: directories, absolute,
// and URLs of pages, complete.
func (k *knowledge) findLinks(env *Env, m *lockfile.Manifest, online bool) ([]string, error) {
	k.pages = map[string]bool{}
	var places []string
	for _, place := range m.FindLinks {
		if strings.Contains(place, "://") {
			url, err := expand(env, place)
			if err != nil && online {
				return nil, usagef("--find-links: %w", err)
			} else if err != nil {
				continue // it cannot be asked, nor be known by its URL
			}
			k.pages[ingest.Origin(url)] = true
			place = url
		} else if !filepath.IsAbs(place) {
			place = filepath.Join(filepath.Dir(m.Files[0]), filepath.FromSlash(place))
		}
		places = append(places, place)
	}
	return places, nil
}

// doubts are packages that an index that was not asked, or a page of links that
// was not read, may have as well.
func (k *knowledge) doubts(r *resolver.Report) []string {
	var notes []string
	unread := map[string]int{} // packages by page
	for _, d := range k.Doubts() {
		if !slices.ContainsFunc(r.Stack, func(c resolver.Choice) bool { return c.Name == d.Name }) {
			continue
		}
		var unknown []string
		for _, index := range d.Unknown {
			switch {
			case k.pages[index]:
				unread[index]++
			case !k.main[index]:
				unknown = append(unknown, index)
			}
		}
		if len(unknown) > 0 {
			notes = append(notes, fmt.Sprintf("%s is taken from %s; whether %s has it, which comes first, is not known (--online asks)",
				d.Name, d.Index, strings.Join(unknown, " or ")))
		}
	}
	for _, page := range slices.Sorted(maps.Keys(unread)) {
		notes = append(notes, fmt.Sprintf("the page %s of --find-links was not read (--online reads it): %s chosen as if it did not exist",
			page, are(unread[page], "package")))
	}
	return notes
}

// are is count with its verb.
func are(n int, thing string) string {
	if n == 1 {
		return count(n, thing) + " is"
	}
	return count(n, thing) + " are"
}
