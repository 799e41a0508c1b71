package kb

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Bounds of facts. What is published is far below.
const (
	maxAffected = 20_000   // ranges, aliases of one advisory
	maxRuleBody = 4 << 20  // bytes
	maxExcerpt  = 64 << 10 // bytes
	maxStack    = 10_000   // packages of one observation
	maxWord     = 255      // bytes of an id, a kind, a unit
)

// normalFacts are facts in normal form, sorted and each once, or an error about
// one that cannot be stored.
func normalFacts(f Facts) (Facts, error) {
	out := Facts{slices.Clone(f.Advisories), slices.Clone(f.Rules), slices.Clone(f.Observations), slices.Clone(f.Indicators), slices.Clone(f.Popularity)}
	for i := range out.Advisories {
		a := &out.Advisories[i]
		if err := normalAdvisory(a); err != nil {
			return Facts{}, fmt.Errorf("advisory %.80q of %.80q: %w", a.ID, a.Project, err)
		}
	}
	for i := range out.Rules {
		r := &out.Rules[i]
		if err := normalRule(r); err != nil {
			return Facts{}, fmt.Errorf("%.20s rule %.80q: %w", r.Kind, r.Name, err)
		}
	}
	for i := range out.Observations {
		if err := normalObservation(&out.Observations[i]); err != nil {
			return Facts{}, fmt.Errorf("observation %d, of document %.80q: %w", i, out.Observations[i].Document, err)
		}
	}
	for i := range out.Indicators {
		x := &out.Indicators[i]
		if err := normalIndicator(x); err != nil {
			return Facts{}, fmt.Errorf("indicator %.80q of %.80v: %w", x.Metric, x.Package, err)
		}
	}
	for _, p := range out.Popularity {
		if !isName(p.Project) || p.Rank < 1 || p.Rank > maxNumber {
			return Facts{}, fmt.Errorf("popularity: rank %d of %.80q", p.Rank, p.Project)
		}
	}
	return out, nil
}

func normalAdvisory(a *py.Advisory) error {
	a.Summary, a.Link = clean(a.Summary), clean(a.Link)
	a.CVSS = math.Round(a.CVSS*10) / 10
	a.Aliases = slices.Clone(a.Aliases)
	slices.Sort(a.Aliases)
	a.Aliases = slices.DeleteFunc(slices.Compact(a.Aliases), func(id string) bool { return id == a.ID })
	a.Affected = sortAffected(slices.Clone(a.Affected))
	switch {
	case !isName(a.Project):
		return errors.New("its project is not a normalised name")
	case !isWord(a.ID):
		return errors.New("the id is not a word")
	case len(a.Aliases) > maxAffected || slices.ContainsFunc(a.Aliases, func(id string) bool { return !isWord(id) }):
		return errors.New("an alias is not a word, or there are too many")
	case len(a.Summary)+len(a.Link) > maxText:
		return fmt.Errorf("summary and link have more than %d bytes", maxText)
	case a.Severity > py.Critical || !(a.CVSS >= 0 && a.CVSS <= 10):
		return fmt.Errorf("severity %d, CVSS %v", a.Severity, a.CVSS)
	case !isTime(a.Published) || !isTime(a.Modified):
		return fmt.Errorf("published %d, modified %d", a.Published, a.Modified)
	case len(a.Affected) > maxAffected:
		return fmt.Errorf("more than %d ranges", maxAffected)
	}
	for _, r := range a.Affected {
		if max(len(r.From.String()), len(r.Before.String()), len(r.Last.String())) > maxVersion {
			return fmt.Errorf("a version of more than %d bytes", maxVersion)
		}
	}
	return nil
}

func normalRule(r *py.Rule) error {
	r.Name = clean(r.Name)
	switch {
	case !isWord(r.Kind):
		return errors.New("the kind is not a word")
	case r.Name == "" || len(r.Name) > maxText:
		return fmt.Errorf("a name of %d bytes", len(r.Name))
	case r.Project != "" && !isName(r.Project):
		return fmt.Errorf("%.80q is not a normalised name", r.Project)
	case len(r.Body) > maxRuleBody:
		return fmt.Errorf("a body of more than %d bytes", maxRuleBody)
	}
	var body bytes.Buffer // the same JSON on one line
	if err := json.Compact(&body, r.Body); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	r.Body = body.Bytes()
	return nil
}

func normalObservation(o *py.Observation) error {
	o.Packages = slices.Clone(o.Packages)
	slices.SortFunc(o.Packages, comparePackages)
	if n := len(o.Packages); n == 0 || n > maxStack {
		return fmt.Errorf("it has %d packages", n)
	}
	for i, p := range o.Packages {
		if err := checkPackage(p); err != nil {
			return err
		}
		if i > 0 && o.Packages[i-1].Name == p.Name {
			return fmt.Errorf("%s is there twice", p.Name)
		}
	}
	for _, s := range []*string{&o.Outcome, &o.Class, &o.Python, &o.Platform, &o.Metric, &o.Unit, &o.Document} {
		if *s = clean(*s); len(*s) > maxWord {
			return fmt.Errorf("a word of more than %d bytes", maxWord)
		}
	}
	o.Excerpt = cleanLines(o.Excerpt)
	o.Value += 0 // there is one zero
	switch {
	case !isWord(o.Kind):
		return errors.New("the kind is not a word")
	case len(o.Excerpt) > maxExcerpt:
		return fmt.Errorf("an excerpt of more than %d bytes", maxExcerpt)
	case math.IsNaN(o.Value) || math.IsInf(o.Value, 0):
		return fmt.Errorf("the value %v", o.Value)
	case !isTime(o.At):
		return fmt.Errorf("at %d", o.At)
	}
	return nil
}

func normalIndicator(x *py.Indicator) error {
	x.Tool, x.Metric = clean(x.Tool), clean(x.Metric)
	x.Value += 0
	switch {
	case !isWord(x.Tool) || !isWord(x.Metric):
		return errors.New("tool or metric is not a word")
	case math.IsNaN(x.Value) || math.IsInf(x.Value, 0):
		return fmt.Errorf("the value %v", x.Value)
	}
	return checkPackage(x.Package)
}

func checkPackage(p py.Package) error {
	if n := len(p.Version.String()); n == 0 || n > maxVersion || !isName(p.Name) {
		return fmt.Errorf("%.80v is not a release", p)
	}
	return nil
}

// cleanLines is clean for a text of several lines, which may be indented.
func cleanLines(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimRight(strings.TrimLeft(s, "\n"), " \n")
}

// isName reports whether a name is normalised.
func isName(name py.Name) bool {
	parsed, err := py.ParseName(string(name))
	return err == nil && parsed == name && len(name) <= maxName
}

// isWord reports whether s is short, on one line, and something.
func isWord(s string) bool { return s != "" && len(s) <= maxWord && s == clean(s) }

func isTime(t int64) bool { return t >= 0 && t <= maxNumber }

// once sorts a list and leaves out what is there twice.
func once[T any](list []T, compare func(a, b T) int) []T {
	slices.SortFunc(list, compare)
	return slices.CompactFunc(list, func(a, b T) bool { return compare(a, b) == 0 })
}

// onceAdvisories does so with advisories. One that differs is an error.
func onceAdvisories(list []py.Advisory) ([]py.Advisory, error) {
	slices.SortStableFunc(list, func(a, b py.Advisory) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.ID, b.ID))
	})
	out := list[:0]
	for i := range list {
		a := &list[i]
		if n := len(out); n > 0 && out[n-1].Project == a.Project && out[n-1].ID == a.ID {
			if !sameAdvisory(&out[n-1], a) {
				return nil, fmt.Errorf("the advisory %s of %s was given twice and differs", a.ID, a.Project)
			}
			continue
		}
		out = append(out, *a)
	}
	return out, nil
}

func sameAdvisory(a, b *py.Advisory) bool {
	return a.Summary == b.Summary && a.Severity == b.Severity && a.CVSS == b.CVSS && a.Malware == b.Malware && a.Link == b.Link &&
		a.Published == b.Published && a.Modified == b.Modified && slices.Equal(a.Aliases, b.Aliases) && slices.Equal(a.Affected, b.Affected)
}
