package py

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
)

func TestConformanceVectorsVersion(t *testing.T) {
	for _, vec := range readVectors(t, "version") {
		var in string
		type answer struct {
			OK             bool
			Str            string
			Pre, Post, Dev bool
			Local          *string
			Base           string
			Epoch          int
			Rel            []int
		}
		var want, got answer
		vec.decode(t, &in, &want)
		if v, err := ParseVersion(in); err == nil {
			got = answer{
				OK: true, Str: v.String(), Pre: v.Prerelease(), Post: v.Postrelease(), Dev: v.Devrelease(),
				Base: v.Base().String(), Epoch: v.Epoch(), Rel: v.Release(),
			}
			if local := v.Local(); local != "" {
				got.Local = &local
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d: ParseVersion(%q) (-want +got):\n%s", vec.line, in, diff)
		}
	}
}

func TestConformanceVectorsCmp(t *testing.T) {
	for _, vec := range readVectors(t, "cmp") {
		var in [2]string
		var want int
		vec.decode(t, &in, &want)
		v, w := mustVersion(t, in[0]), mustVersion(t, in[1])
		if got := v.Compare(w); got != want {
			t.Errorf("line %d: %v.Compare(%v) = %d, want %d", vec.line, v, w, got, want)
		}
		if got := strings.Compare(v.Key(), w.Key()); got != want {
			t.Errorf("line %d: keys of %v and %v compare %d, want %d", vec.line, v, w, got, want)
		}
	}
}

// A single specifier prints as it was written, and so does a set of one. But a
// vector of kind specifier is one item: nothing and commas are not.
func TestConformanceVectorsSpecifier(t *testing.T) {
	testSpecifiers(t, "specifier")
}

func TestConformanceVectorsSpecset(t *testing.T) {
	testSpecifiers(t, "specset")
}

func testSpecifiers(t *testing.T, kind string) {
	t.Helper()
	for _, vec := range readVectors(t, kind) {
		var in string
		type answer struct {
			OK  bool
			Str string
		}
		var want, got answer
		vec.decode(t, &in, &want)
		if s, err := ParseSpecifiers(in); err == nil && (kind == "specset" || len(s.All()) == 1) {
			got = answer{true, s.String()}
		}
		if got != want {
			t.Errorf("line %d: ParseSpecifiers(%s) = %t %s, want %t %s",
				vec.line, quote(in), got.OK, quote(got.Str), want.OK, quote(want.Str))
		}
	}
}

func TestConformanceVectorsContains(t *testing.T) {
	for _, vec := range readVectors(t, "contains") {
		var specifier, version, form string
		var prereleases *bool
		var want bool
		vec.decode(t, &[]any{&specifier, &version, &form, &prereleases}, &want)
		s := mustSpecifiers(t, specifier)
		var got bool
		if form == "v" {
			got = s.Contains(mustVersion(t, version))
		} else {
			got = s.ContainsText(version)
		}
		// One version has no alternatives, so "if necessary" (null) is yes.
		if prereleases != nil && !*prereleases && isPrerelease(version) {
			got = false
		}
		if got != want {
			t.Errorf("line %d: does %q contain %s (%s, pre-releases %s)? %t, want %t",
				vec.line, specifier, version, form, printed(prereleases), got, want)
		}
	}
}

func TestConformanceVectorsFilter(t *testing.T) {
	for _, vec := range readVectors(t, "filter") {
		var specifier string
		var versions, want []string
		var prereleases *bool
		vec.decode(t, &[]any{&specifier, &versions, &prereleases}, &want)
		got := filter(mustSpecifiers(t, specifier), versions, prereleases)
		if !slices.Equal(got, want) {
			t.Errorf("line %d: filter by %q, pre-releases %s (-want +got):\n%s",
				vec.line, specifier, printed(prereleases), cmp.Diff(want, got))
		}
	}
}

// filter is the policy of packaging's SpecifierSet.filter on top of the pure
// predicate: pre-releases are kept if allowed (nil: if a specifier asks for
// them), and if nothing is said, when there is no final version to keep. The
// product's own policy, which knows of more than texts, is in resolver.
func filter(s Specifiers, versions []string, prereleases *bool) []string {
	if prereleases == nil && s.Prereleases() {
		yes := true
		prereleases = &yes
	}
	var kept, finals []string
	found := false
	for _, v := range versions {
		if !s.ContainsText(v) {
			continue
		}
		kept = append(kept, v)
		if isPrerelease(v) {
			continue
		}
		finals = append(finals, v) // a final version, or no version at all
		if _, err := ParseVersion(v); err == nil {
			found = true
		}
	}
	switch {
	case prereleases == nil && !found, prereleases != nil && *prereleases:
		return kept
	}
	return finals
}

func isPrerelease(text string) bool {
	v, err := ParseVersion(text)
	return err == nil && v.Prerelease()
}

func printed(b *bool) string {
	if b == nil {
		return "null"
	}
	return strconv.FormatBool(*b)
}

func TestConformanceVectorsCanon(t *testing.T) {
	for _, vec := range readVectors(t, "canon") {
		var name string
		var options struct{ Validate bool }
		type answer struct {
			OK  bool
			Val string
		}
		var want, got answer
		vec.decode(t, &[]any{&name, &options}, &want)
		if options.Validate {
			if n, err := ParseName(name); err == nil {
				got = answer{true, string(n)}
			}
		} else {
			got = answer{true, string(NormalizeName(name))}
		}
		if got != want {
			t.Errorf("line %d: name %q = %+v, want %+v", vec.line, name, got, want)
		}
	}
}

func TestConformanceVectorsIsnorm(t *testing.T) {
	for _, vec := range readVectors(t, "isnorm") {
		var name string
		var want struct{ OK, Val bool }
		vec.decode(t, &[]any{&name, &struct{}{}}, &want)
		n, err := ParseName(name)
		if got := err == nil && string(n) == name; got != want.Val || !want.OK {
			t.Errorf("line %d: is %q normalised? %t, want %+v", vec.line, name, got, want)
		}
	}
}

func TestConformanceVectorsWheel(t *testing.T) {
	for _, vec := range readVectors(t, "wheel") {
		var filename string
		var options struct {
			ValidateOrder bool `json:"validate_order"`
		}
		type answer struct {
			OK  bool
			Val []any
		}
		var want, got answer
		vec.decode(t, &[]any{&filename, &options}, &want)
		// thamos installs what is published, so it does not refuse unsorted tags.
		if w, err := ParseWheelName(filename); err == nil && (!options.ValidateOrder || tagsSorted(w.Tags)) {
			got = answer{true, []any{string(w.Name), w.Version.String(), buildTag(w.Build), expandTags(w.Tags)}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d: ParseWheelName(%q) (-want +got):\n%s", vec.line, filename, diff)
		}
	}
}

func tagsSorted(tags string) bool {
	for set := range strings.SplitSeq(tags, "-") {
		if !slices.IsSorted(strings.Split(set, ".")) {
			return false
		}
	}
	return true
}

// buildTag is a build tag as JSON has it: nothing, or a number and the rest.
func buildTag(build string) []any {
	digits := build[:len(build)-len(strings.TrimLeft(build, "0123456789"))]
	if digits == "" {
		return []any{}
	}
	n, _ := strconv.ParseFloat(digits, 64)
	return []any{n, build[len(digits):]}
}

// expandTags is every tag of a compressed tag set, sorted.
func expandTags(tags string) []any {
	set := strings.Split(tags, "-")
	var all []string
	for python := range strings.SplitSeq(set[0], ".") {
		for abi := range strings.SplitSeq(set[1], ".") {
			for platform := range strings.SplitSeq(set[2], ".") {
				all = append(all, strings.ToLower(python+"-"+abi+"-"+platform))
			}
		}
	}
	slices.Sort(all)
	var values []any
	for _, tag := range slices.Compact(all) {
		values = append(values, tag)
	}
	return values
}

func TestConformanceVectorsSdist(t *testing.T) {
	for _, vec := range readVectors(t, "sdist") {
		var filename string
		type answer struct {
			OK  bool
			Val []string
		}
		var want, got answer
		vec.decode(t, &[]any{&filename, new(json.RawMessage)}, &want)
		if p, err := ParseSdistName(filename); err == nil {
			got = answer{true, []string{string(p.Name), p.Version.String()}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d: ParseSdistName(%q) (-want +got):\n%s", vec.line, filename, diff)
		}
	}
}

func mustVersion(t testing.TB, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustSpecifiers(t testing.TB, s string) Specifiers {
	t.Helper()
	set, err := ParseSpecifiers(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Every file name of a real index is read or is known not to be: 99.9 % of the
// wheels and source distributions parse, and name the project that lists them.
func TestConformanceFileNames(t *testing.T) {
	archive := kbtest.Zip(t, "pypi.zip")
	var files int
	var refused []error
	for _, entry := range archive.File {
		if ok, _ := path.Match("simple/*/index.json", entry.Name); !ok {
			continue
		}
		var listing struct {
			Name  string
			Files []struct{ Filename string }
		}
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(r).Decode(&listing); err != nil {
			t.Fatalf("%s: %v", entry.Name, err)
		}
		r.Close()
		project, err := ParseName(listing.Name)
		if err != nil {
			t.Errorf("%s: %v", entry.Name, err)
		}
		for _, f := range listing.Files {
			var name Name
			switch {
			case strings.HasSuffix(f.Filename, ".whl"):
				var w Wheel
				w, err = ParseWheelName(f.Filename)
				name = w.Name
			case strings.HasSuffix(f.Filename, ".tar.gz"), strings.HasSuffix(f.Filename, ".zip"):
				var p Package
				p, err = ParseSdistNameOf(project, f.Filename)
				name = p.Name
			default:
				continue // eggs, installers and what else was once uploaded
			}
			files++
			if err != nil {
				refused = append(refused, err)
			} else if name != project {
				t.Errorf("%s is listed by %s, but names %s", f.Filename, project, name)
			}
		}
	}
	for _, err := range refused {
		t.Log(err)
	}
	if files == 0 || len(refused)*1000 > files {
		t.Errorf("%d of %d file names are refused", len(refused), files)
	}
}
