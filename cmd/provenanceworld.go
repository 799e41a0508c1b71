package cmd

import (
	"cmp"
	"context"
	"slices"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/lockfile/provenance"
)

// A provenanceWorld is what a lock is held against, and what is to be said of it.
type provenanceWorld struct {
	world *provenance.World
	notes []string
}

// world makes what a lock is held against, asking for it online.
func (s *subject) world(ctx context.Context, env *Env, k *knowledge, o provenanceOptions) (*provenanceWorld, error) {
	indexes, pins, err := s.indexes(env, k)
	if err != nil {
		return nil, err
	}
	w := &provenanceWorld{world: &provenance.World{
		Pins: pins, Concurrency: o.concurrency, Now: env.Now().Unix(), Manifest: s.manifestFile, WhyNoHash: s.whyNoHash,
	}}
	if w.world.Facts, w.world.Ranked, err = provenanceFactsOf(ctx, env, k.snapshot.DB, o.popular); err != nil {
		return nil, err
	}
	if w.world.ManifestHashes, err = s.hashes(ctx, env, k, o); err != nil {
		return nil, err
	}
	var survey *survey
	if k.indexes != nil {
		if survey, err = k.survey(ctx, s.names(), indexes); err != nil {
			return nil, err
		}
		w.notes = survey.notes
		if o.attestations == "all" {
			w.world.Attestations = survey
			if w.world.Verifier, err = verifier(env, o.trustedRoot); err != nil {
				return nil, err
			}
		}
	} else if o.trustedRoot != "" {
		if _, err := verifier(env, o.trustedRoot); err != nil {
			return nil, err
		}
	}
	w.world.Indexes = k.views(indexes, survey)
	if len(s.manifest.FindLinks) > 0 {
		w.notes = append(w.notes, "what lies at the places of --find-links is not checked")
	}
	return w, nil
}

// indexes are those of the manifest and of pip's configuration, in the order in
// which they are asked (see setIndexes), with the indexes that the manifest pins
// projects to.
func (s *subject) indexes(env *Env, k *knowledge) ([]provenance.Index, map[py.Name]string, error) {
	pip, err := pipConfig(env)
	if err != nil {
		return nil, nil, err
	}
	var extra, main []provenance.Index
	names := map[string]string{}
	for _, source := range s.manifest.Sources {
		url, err := expand(env, cmp.Or(source.URL, pip.IndexURL, k.info.Origin))
		if err != nil || url == "" {
			continue // setIndexes complains of it online
		}
		x := provenance.Index{
			URL: ingest.Origin(url), Name: source.Name, Insecure: !source.VerifySSL,
			Explicit: source.Explicit || s.manifest.Kind == lockfile.Pipfile && source.Extra,
		}
		names[source.Name] = x.URL
		if source.Extra || source.Explicit {
			extra = append(extra, x)
		} else {
			main = append(main, x)
		}
	}
	for _, url := range pip.ExtraIndexURLs {
		extra = append(extra, provenance.Index{URL: ingest.Origin(url)})
	}
	if url := cmp.Or(pip.IndexURL, k.info.Origin); len(main) == 0 && url != "" {
		main = append(main, provenance.Index{URL: ingest.Origin(url)})
	}
	pins := map[py.Name]string{}
	for _, r := range s.manifest.Requirements {
		if url := names[r.Index]; r.Index != "" && url != "" {
			pins[r.Name] = url
		}
	}
	var all []provenance.Index
	for _, x := range slices.Concat(extra, main) {
		if !slices.ContainsFunc(all, func(o provenance.Index) bool { return provenance.SameIndex(o.URL, x.URL) }) {
			all = append(all, x)
		}
	}
	return all, pins, nil
}

// views gives every index what is known of it, and adds the one that the
// snapshot is of. Offline that one stands for the default index, which is most
// likely a mirror of it; online each was asked for itself.
func (k *knowledge) views(indexes []provenance.Index, asked *survey) []provenance.Index {
	origin := ""
	if k.info.Origin != "" {
		origin = ingest.Origin(k.info.Origin)
	}
	at := func(urls ...string) *kb.Layered {
		return kb.NewLayered(k.snapshot.DB, k.local, kb.Route{Indexes: urls}, true)
	}
	found := false
	for i := range indexes {
		x := &indexes[i]
		isOrigin := provenance.SameIndex(x.URL, origin)
		stands := asked == nil && !isOrigin && !found && k.main[x.URL] && origin != ""
		known := at(x.URL)
		switch {
		case stands:
			known, x.Also = at(x.URL, origin), []string{origin}
		case isOrigin:
			known, x.Also = at(origin), []string{origin}
		}
		x.Knowledge = known
		x.KnownAt = func(name py.Name) int64 {
			if asked.answered(x.URL, name) {
				return 0
			}
			return known.ReadAt(name)
		}
		found = found || isOrigin || stands
	}
	if !found && origin != "" {
		known := at(origin) // nobody asked it
		indexes = append(indexes, provenance.Index{URL: origin, Explicit: true, Aside: true, Knowledge: known, KnownAt: known.ReadAt})
	}
	return indexes
}
