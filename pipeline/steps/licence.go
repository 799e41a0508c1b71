package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var licence = pipeline.Unit{
	Name: "licence",
	Doc:  "penalise releases whose licence the user's policy does not allow",
	Detail: `Patterns of licence.allow and licence.deny match the identifiers of the SPDX expression that the metadata gives (PEP 639): of what
OR joins one allowed side is enough, of what AND joins all must be, and an exception (WITH) takes nothing away. A licence that is no such expression is matched
as a whole. What names no licence is penalised as if it had that of the next later release that names one, unless its classifiers name another;
where there is none, nothing is known of it, and it is not penalised.`,
	Hindsight: true,
	When:      func(p *pipeline.Plan) bool { return len(p.Settings.LicenceAllow)+len(p.Settings.LicenceDeny) > 0 },
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Abouts(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		policy := func(id string) bool {
			s := &plan.Settings
			return !matches(s.LicenceDeny, id) && (len(s.LicenceAllow) == 0 || matches(s.LicenceAllow, id))
		}
		allowed := map[string]bool{} // most releases have the licence of another
		fine := func(text string) bool {
			if _, known := allowed[text]; !known {
				allowed[text] = satisfies(text, policy)
			}
			return allowed[text]
		}
		var terms []pipeline.Term
		for n, c := range candidates {
			named, presumed := licences(c, all[n], fine)
			terms = append(append(terms, named...), presumed...)
		}
		return terms, nil
	},
}

// licences are the terms of one project: those of releases that name a licence
// which is not fine, and those of releases that name none although the next later
// one that does names such a licence. To know less must not be better.
func licences(c resolver.Candidates, abouts map[string]*py.About, fine func(string) bool) (named, presumed []pipeline.Term) {
	type group struct {
		licence string
		by      int // the later release; -1 for those that name it
	}
	sets := map[group]resolver.Releases{}
	add := func(i int, g group) {
		if sets[g] == nil {
			sets[g] = resolver.NewReleases(len(c.Releases))
			if t := alone(c, sets[g], -1, unlicensed{c, sets[g], g.licence, g.by}); g.by < 0 {
				named = append(named, t)
			} else {
				presumed = append(presumed, t)
			}
		}
		sets[g].Add(i)
	}
	// The latest release so far that names a licence and is final, or may be a
	// pre-release. Earlier ones do not count: what they name need not be known of
	// what is chosen, as that of later ones is (Unit.Hindsight).
	final, last := -1, -1
	for i := range c.Releases {
		r, about := &c.Releases[i], abouts[c.Releases[i].Version.Key()]
		if about != nil && about.License != "" {
			if c.Usable.Has(i) && !fine(about.License) {
				add(i, group{about.License, -1})
			}
			if !r.Yanked {
				last = i
				if !r.Version.Prerelease() {
					final = i
				}
			}
			continue
		}
		later := final
		if r.Version.Prerelease() {
			later = last
		}
		if later < 0 || r.Requires == nil || !c.Usable.Has(i) {
			continue
		}
		text := abouts[c.Releases[later].Version.Key()].License
		if !fine(text) && mayBe(about, text) {
			add(i, group{text, later})
		}
	}
	return named, presumed
}

// mayBe reports whether the classifiers of a release that names no licence leave
// open that it has the one of a text: they name none, or one that has a word of it.
// That of MPL-2.0 is "Mozilla Public License 2.0 (MPL 2.0)".
func mayBe(about *py.About, licence string) bool {
	if about == nil {
		return true
	}
	named := false
	for _, c := range about.Classifiers {
		parts := strings.Split(c, " :: ")
		last := parts[len(parts)-1]
		if parts[0] != "License" || len(parts) < 2 || last == "OSI Approved" {
			continue
		}
		named = true
		for _, w := range licenceWords(licence) {
			if slices.ContainsFunc(licenceWords(last), func(o string) bool { return strings.HasPrefix(o, w) }) {
				return true
			}
		}
	}
	return !named
}

// licenceWords are the words of a licence that tell it from others, in lower case.
func licenceWords(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return c < 'a' || c > 'z' })
	return slices.DeleteFunc(all, func(w string) bool {
		return len(w) < 2 || slices.Contains([]string{"and", "or", "with", "only", "later", "the", "license", "licence", "software", "public", "general", "clause", "version"}, w)
	})
}

// unlicensed is the evidence of releases of one licence that is not allowed: they
// name it, or by is the index of the release after them that does.
type unlicensed struct {
	of      resolver.Candidates
	set     resolver.Releases
	licence string
	by      int
}

func (u unlicensed) Justify() resolver.Justification {
	message := fmt.Sprintf("the licence of %s, %s, is not allowed", runs(u.of, u.set), u.licence)
	if u.by >= 0 {
		message = fmt.Sprintf("no licence is named by %s, and that of %s, %s, is not allowed", runs(u.of, u.set), u.of.Releases[u.by].Version, u.licence)
	}
	return resolver.Justification{Level: resolver.Warning, Package: u.of.Name, Evidence: u.licence, Message: message}
}

// maxRuns is how many runs of releases are told.
const maxRuns = 3

// runs names releases, newest first, by the oldest and the newest of each run
// that no usable release of another kind interrupts.
func runs(c resolver.Candidates, set resolver.Releases) string {
	var parts []string
	newest, oldest := -1, -1
	end := func() {
		switch {
		case newest < 0:
			return
		case newest == oldest:
			parts = append(parts, c.Releases[newest].Version.String())
		default:
			parts = append(parts, fmt.Sprintf("%s to %s", c.Releases[oldest].Version, c.Releases[newest].Version))
		}
		newest = -1
	}
	usable(c, func(i int) {
		if !set.Has(i) {
			end()
			return
		}
		if oldest = i; newest < 0 {
			newest = i
		}
	})
	end()
	if more := len(parts) - maxRuns; more > 0 {
		parts = append(parts[:maxRuns], fmt.Sprintf("%d more", more))
	}
	text := string(c.Name) + " " + parts[0]
	for i, p := range parts[1:] {
		text += map[bool]string{true: " and ", false: ", "}[i == len(parts)-2] + p
	}
	return text
}
