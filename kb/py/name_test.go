package py

import (
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for in, want := range map[string]Name{
		"a": "a", "7": "7", "Django": "django", "zope.interface": "zope-interface", "a_-.b": "a-b", "A--B__c..D": "a-b-c-d",
		"ruamel.yaml.clib": "ruamel-yaml-clib", "already-normal-2": "already-normal-2",
	} {
		if got, err := ParseName(in); err != nil || got != want {
			t.Errorf("ParseName(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestParseNameRefuses(t *testing.T) {
	const ends = " must begin and end with a letter or digit (PEP 508)"
	const inside = ` has something other than letters, digits, ".", "-" and "_" (PEP 508)`
	for in, want := range map[string]string{
		"":        "empty name",
		"-a":      `name "-a"` + ends,
		"a_":      `name "a_"` + ends,
		".":       `name "."` + ends,
		"a\n":     `name "a\n"` + ends,
		"é":       `name "é"` + ends,
		"a b":     `name "a b"` + inside,
		"a\nb":    `name "a\nb"` + inside,
		"caféx":   `name "caféx"` + inside,
		"a[b]c":   `name "a[b]c"` + inside,
		"a/../b":  `name "a/../b"` + inside,
		"a\x00ab": `name "a\x00ab"` + inside,
	} {
		if got, err := ParseName(in); err == nil || err.Error() != want || got != "" {
			t.Errorf("ParseName(%q) = %q, %v, want %s", in, got, err, want)
		}
	}
}

func TestNormalizeName(t *testing.T) {
	for in, want := range map[string]Name{
		"": "", "Foo": "foo", "foo.bar": "foo-bar", "foo-_.bar": "foo-bar", "-a-": "-a-", "__a__": "-a-",
		"a--b": "a-b", "\nHi": "\nhi", "FOO BÁR": "foo bár", "É.é": "é-é", "...": "-",
	} {
		if got := NormalizeName(in); got != want {
			t.Errorf("NormalizeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"a", "Zope.Interface", "-x-", "É__é", "a\xff--b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := NormalizeName(s)
		if NormalizeName(string(n)) != n {
			t.Fatalf("%q normalises to %q, which normalises to %q", s, n, NormalizeName(string(n)))
		}
		if strings.ContainsAny(string(n), "._ABCDEFGHIJKLMNOPQRSTUVWXYZ") || strings.Contains(string(n), "--") {
			t.Fatalf("%q is normalised to %q", s, n)
		}
		if parsed, err := ParseName(s); err == nil && parsed != n {
			t.Fatalf("ParseName(%q) = %q, but NormalizeName %q", s, parsed, n)
		}
	})
}

func TestNormalizeNameAllocates(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { NormalizeName("already-normal-2") }); n != 0 {
		t.Errorf("NormalizeName of a normalised name allocates %v times", n)
	}
}
