package cmd

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// offlineRoute lets the snapshot stand for the default index, whichever mirror
// of it is configured: offline there is nothing better.
func (k *knowledge) offlineRoute(route kb.Route, origin string) kb.Route {
	nameless := ""
	if origin == "" {
		nameless = "kb:" // no index can be called that
		origin = nameless
	} else {
		origin = ingest.Origin(origin)
	}
	if slices.Contains(route.Indexes, origin) {
		return route
	}
	k.main[origin] = true
	r := kb.Route{Indexes: append(slices.Clone(route.Indexes), origin), Pins: map[py.Name]string{}, Nameless: nameless}
	for name, index := range route.Pins {
		if !k.main[index] {
			r.Pins[name] = index
		}
	}
	return r
}

// setIndexes lists the indexes that serve a project, first come first served:
// the manifest's, else pip's, else the one the snapshot is of. Extra indexes come
// before the default one, so that a private index that is named as extra keeps
// its names; of a Pipfile only the first source serves what names none, as with
// Pipenv.
func (k *knowledge) setIndexes(env *Env, m *lockfile.Manifest, info kb.Info, o onlineOptions) error {
	pip, err := pipConfig(env)
	if err != nil {
		return err
	}
	k.main, k.names = map[string]bool{}, map[string]string{}
	var extra, main []ingest.IndexSpec
	for _, s := range m.Sources {
		url, err := expand(env, cmp.Or(s.URL, pip.IndexURL, info.Origin))
		if err != nil && o.online {
			return usagef("%s: %w", s.Pos, err)
		} else if err != nil {
			continue // it cannot be asked, nor be known by its URL
		}
		spec := ingest.IndexSpec{URL: url, Name: s.Name, Explicit: s.Explicit || m.Kind == lockfile.Pipfile && s.Extra}
		if k.names[ingest.Origin(url)] == "" {
			k.names[ingest.Origin(url)] = s.Name
		}
		if s.Extra || s.Explicit {
			extra = append(extra, spec)
		} else {
			main = append(main, spec)
		}
	}
	for _, url := range pip.ExtraIndexURLs {
		extra = append(extra, ingest.IndexSpec{URL: url})
	}
	if url := cmp.Or(pip.IndexURL, info.Origin); len(main) == 0 && url != "" {
		main = append(main, ingest.IndexSpec{URL: url})
	}
	for _, s := range main {
		k.main[ingest.Origin(s.URL)] = true
	}
	pins := map[py.Name]string{}
	for _, r := range m.Requirements {
		if _, known := k.sourceNamed(extra, main, r.Index); known {
			pins[r.Name] = r.Index
		}
	}
	links, err := k.findLinks(env, m, o.online)
	if err != nil {
		return err
	}
	// Offline the indexes are an order and nothing else: neither certificates nor
	// logins are read, and a fault in them is no reason to stop.
	k.client = ingest.ClientOptions{Now: env.Now}
	if o.online {
		if k.client, err = clientOptions(env, pip, o.concurrency); err != nil {
			return err
		}
	}
	if k.indexes, err = ingest.NewIndexes(slices.Concat(extra, main), pins, links, k.client); err != nil {
		return usageError{err}
	}
	return nil
}

// sourceNamed finds an index by its name.
func (k *knowledge) sourceNamed(extra, main []ingest.IndexSpec, name string) (ingest.IndexSpec, bool) {
	for _, s := range slices.Concat(extra, main) {
		if name != "" && s.Name == name {
			return s, true
		}
	}
	return ingest.IndexSpec{}, false
}

// source returns the name of the lock's source that a package comes from; empty
// if it is not from an index.
func (k *knowledge) source(name py.Name, l *lockfile.Lock) string {
	origin := k.Index(name)
	if strings.HasPrefix(origin, "file:") || k.pages[origin] {
		return ""
	}
	if named := k.names[origin]; named != "" {
		return named
	}
	if k.main[origin] && len(l.Sources) > 0 {
		return l.Sources[0].Name
	}
	for _, s := range l.Sources {
		if ingest.Origin(s.URL) == origin {
			return s.Name
		}
	}
	if origin == "" {
		return ""
	}
	extra := lockfile.Source{Name: fmt.Sprintf("index-%d", len(l.Sources)), URL: origin, VerifySSL: true, Extra: true}
	l.Sources = append(l.Sources, extra)
	return extra.Name
}

// expand puts the values of ${VARIABLES} into a URL.
func expand(env *Env, url string) (string, error) {
	var missing string
	expanded := os.Expand(url, func(name string) string {
		value := env.Getenv(name)
		if value == "" && missing == "" {
			missing = name
		}
		return value
	})
	if missing != "" {
		return "", fmt.Errorf("the environment has no %s, which the URL of an index names", missing)
	}
	return expanded, nil
}
