package sieves

// A Rule is one of what is required of a release before any unit is asked.
type Rule struct{ Name, Doc string }

// Admission lists the rules that are always on, in the order in which a release
// is held against them.
func Admission() []Rule {
	return []Rule{
		{"index", "a project is taken from the first index that has it, or from the one that the manifest pins it to"},
		{"locked", "a requirement with == leaves one release"},
		{"constraints", "constraints bound the versions of what something else requires"},
		{"yanked", "a yanked release is taken only where it is pinned (PEP 592)"},
		{"pre-release", "a pre-release is taken as --prerelease says: by default only where nothing else fits"},
		{"exclude-newer", "what was uploaded after --exclude-newer, or has no date then, is not seen"},
		{"requires-python", "Requires-Python must admit the environment's Python"},
		{"tags", "there must be a wheel for the environment, or a source distribution that may be built"},
		{"hashes", "where the user gives hashes, there must be a file that has one of them"},
		{"requirements", "what it requires must be known: a release whose metadata was not read, or cannot be, is not taken"},
	}
}
