package prescription

import (
	"regexp"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
)

// image judges the base image: by name, and by tag where the entry has one; a
// star at the end of a tag stands for the rest.
func (t *runtime) image(have string) bool {
	name, tag, tagged := cutTag(have)
	in := slices.ContainsFunc(t.Images.Values, func(v *string) bool {
		if v == nil || have == "" {
			return v == nil && have == ""
		}
		wantName, wantTag, wantTagged := cutTag(*v)
		if name != wantName || !tagged || !wantTagged {
			return name == wantName
		}
		prefix, star := strings.CutSuffix(wantTag, "*")
		return tag == wantTag || star && strings.HasPrefix(tag, prefix)
	})
	return in != t.Images.Not
}

// cutTag splits an image at the colon of its tag, which comes after the last
// slash: a registry may have a port.
func cutTag(image string) (name, tag string, tagged bool) {
	i := strings.LastIndexByte(image, ':')
	if i < 0 || i < strings.LastIndexByte(image, '/') {
		return image, "", false
	}
	return image[:i], image[i+1:], true
}

// contents judges what an analysis of the image found in it. Without one nothing
// is known, and a unit that asks is of no use.
func (t *runtime) contents(plan *pipeline.Plan) bool {
	h := &plan.Host
	if t.ABI != nil {
		if h.Symbols == nil {
			return false
		}
		for _, s := range t.ABI.Values {
			if s != nil && slices.Contains(h.Symbols, *s) == t.ABI.Not {
				return false
			}
		}
		if plan.Settings.Strict {
			return true // and what else it asks was not looked at
		}
	}
	if t.RPMs != nil && (h.RPMs == nil || t.RPMs.all(h.RPMs) == t.RPMs.Not) {
		return false
	}
	if t.Packages != nil && (h.Packages == nil || !t.Packages.fit(h.Packages)) {
		return false
	}
	return true
}

// all reports whether every package of the list is installed as it says.
func (r *rpms) all(have []py.HostRPM) bool {
	for _, want := range r.List {
		if !slices.ContainsFunc(have, func(p py.HostRPM) bool {
			same := func(want, have string) bool { return want == "" || want == have }
			return want.Name == p.Name && same(want.Version, p.Version) && same(want.Release, p.Release) && same(want.Epoch, p.Epoch) &&
				same(want.Arch, p.Arch) && same(want.Identifier, p.Identifier) && (want.Source == nil || *want.Source == p.Source)
		}) {
			return false
		}
	}
	return true
}

// fit reports whether every package of the list has a copy that fits; for Not,
// whether none has.
func (i *installed) fit(have []py.HostPackage) bool {
	for _, want := range i.List {
		specs, err := py.ParseSpecifiers(want.Specs)
		if err != nil {
			return false
		}
		var location *regexp.Regexp
		if want.Location != "" {
			if location, err = regexp.Compile("^(?:" + want.Location + ")$"); err != nil {
				return false
			}
		}
		found := slices.ContainsFunc(have, func(p py.HostPackage) bool {
			return string(p.Name) == want.Name && specs.Contains(p.Version) && (location == nil || location.MatchString(p.Location))
		})
		if found == i.Not {
			return false
		}
	}
	return true
}
