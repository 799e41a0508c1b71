package steps

import (
	"strings"
	"testing"
)

func TestSatisfies(t *testing.T) {
	for _, test := range []struct {
		licence, allow, deny string // patterns, with spaces between
		want                 bool
	}{
		{"MIT", "", "AGPL-*", true},
		{"agpl-3.0-only", "", "AGPL-*", false},
		{"GPL-2.0+", "", "GPL-2.0*", false},
		{"MIT OR AGPL-3.0-only", "", "AGPL-*", true},
		{"MIT and AGPL-3.0-only", "", "AGPL-*", false},
		{"AGPL-3.0-only AND MIT", "", "AGPL-*", false},
		{"MIT OR Zlib AND AGPL-3.0-only", "", "AGPL-*", true}, // AND binds more
		{"(MIT OR Zlib) AND AGPL-3.0-only", "", "AGPL-*", false},
		{"(MIT OR AGPL-3.0-only) AND (Zlib OR AGPL-3.0-only)", "", "AGPL-*", true},
		{"Apache-2.0 WITH LLVM-exception", "Apache-2.0", "", true},
		{"GPL-2.0-only WITH Classpath-exception-2.0", "", "GPL-*", false},
		{"MIT AND LicenseRef-Public-Domain", "MIT", "", false},
		{"MIT AND LicenseRef-Public-Domain", "MIT LicenseRef-*", "", true},
		// What is no expression is one identifier.
		{"MIT License", "MIT", "", false},
		{"MIT License", "MIT*", "", true},
		{"GNU GPL OR", "", "GNU*", false},
		{"MIT OR", "MIT", "", false},
		{"(MIT", "MIT", "", false},
		{"MIT)", "MIT", "", false},
		{"MIT WITH", "MIT", "", false},
		{"AND", "MIT", "", false},
		{"see the file", "", "AGPL-*", true},
	} {
		allowed := func(id string) bool {
			return !matches(strings.Fields(test.deny), id) && (test.allow == "" || matches(strings.Fields(test.allow), id))
		}
		if got := satisfies(test.licence, allowed); got != test.want {
			t.Errorf("%q with %q allowed and %q denied: %v", test.licence, test.allow, test.deny, got)
		}
	}
}
