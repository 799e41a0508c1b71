package provenance

import (
	"fmt"
	"strings"
)

// A Severity is how bad a finding is. A check with the severity Off is not made.
type Severity uint8

const (
	Off Severity = iota
	Note
	Warning
	Error
)

var severityNames = [...]string{"off", "note", "warning", "error"}

// String returns the word, which is that of SARIF.
func (s Severity) String() string { return severityNames[min(s, Error)] }

// ParseSeverity reads the word.
func ParseSeverity(text string) (Severity, error) {
	for i, name := range severityNames {
		if name == text {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("unknown severity %q (have %s)", text, strings.Join(severityNames[:], ", "))
}

// A Check is one thing that can be wrong with a lock.
type Check struct {
	ID       string // stable; kebab-case
	Severity Severity
	Doc      string // what is wrong, on one line
	Remedy   string // what to do, on one line
	Thoth    string // the finding of Thoth's provenance check that it corrects; empty for none
}

// Ids of the checks.
const (
	LockStale          = "lock-stale"
	IndexNotAllowed    = "index-not-allowed"
	IndexInsecure      = "index-insecure"
	IndexUnexpected    = "index-unexpected"
	IndexesDiffer      = "indexes-differ"
	DependencyConfused = "dependency-confusion"
	ProjectMissing     = "project-missing"
	ReleaseMissing     = "release-missing"
	HashMissing        = "hash-missing"
	HashWeak           = "hash-weak"
	HashUnknown        = "hash-unknown"
	HashMismatch       = "hash-mismatch"
	HashOtherRelease   = "hash-other-release"
	HashOtherProject   = "hash-other-project"
	HashOtherIndex     = "hash-other-index"
	HashElsewhere      = "hash-also-elsewhere"
	FileOtherRelease   = "file-other-release"
	FileElsewhere      = "file-elsewhere"
	FileNewer          = "file-newer-than-known"
	DuplicateEntry     = "duplicate-entry"
	NotPinned          = "not-pinned"
	NotFromIndex       = "not-from-index"
	ReleaseYanked      = "release-yanked"
	ReleaseNew         = "release-new"
	ProjectQuarantined = "project-quarantined"
	ProjectArchived    = "project-archived"
	Malware            = "malware"
	NameHomoglyph      = "name-homoglyph"
	NameLookalike      = "name-lookalike"
	AttestationInvalid = "attestation-invalid"
	AttestationMissing = "attestation-missing"
	AttestationOldRoot = "attestation-unverified"
	PublisherChanged   = "publisher-changed"
	PublisherOther     = "publisher-unexpected"
	FileChanged        = "installed-file-changed"
	FileGone           = "installed-file-missing"
	NoRecord           = "installed-without-record"
	StartupFile        = "installed-startup-file"
	AllowanceExpired   = "allowance-expired"
)

// Checks lists every check, in the order in which findings are told.
func Checks() []Check {
	const relock = "make the lock again and look at what changes"
	return []Check{
		{LockStale, Error, "the lock was made from another manifest", "make the lock again from the manifest as it is", "INVALID-LOCK-HASH"},
		{IndexNotAllowed, Error, "the lock names an index that is not allowed", "take it out of the lock, or add it to allowed-indexes if it should be there", "SOURCE-NOT-WHITELISTED"},
		{IndexInsecure, Warning, "an index is asked without TLS or without checking its certificate", "give it an https URL, and verify its certificate", "INSECURE-SOURCE"},
		{IndexUnexpected, Error, "a project comes from another index than it is to come from", relock, ""},
		{IndexesDiffer, Warning, "indexes serve different files as the same release, and nothing says from which it is to come", "pin the project to one index", "DIFFERENT-ARTIFACTS-ON-SOURCES"},
		{DependencyConfused, Error, "two indexes have different projects of the same name, and the lock has not the one that comes first", "pin the project to the index that it is to come from, and register its name on the public one", ""},
		{ProjectMissing, Error, "the index has no such project", "was the project removed, or the name misspelt? " + relock, "MISSING-PACKAGE"},
		{ReleaseMissing, Error, "the index has no such release", "was the release removed? " + relock, "MISSING-PACKAGE"},
		{HashMissing, Error, "nothing says what is to be installed", "lock with hashes", ""},
		{HashWeak, Error, "a hash that can be forged is accepted", "make the lock again with sha256", ""},
		{HashUnknown, Error, "no file of the release has this hash, on any index that was asked", relock, "INVALID-ARTIFACT-HASH"},
		{HashMismatch, Error, "a file is locked with the hash of another", relock, ""},
		{HashOtherRelease, Error, "the hash is that of a file of another release of the project", relock, ""},
		{HashOtherProject, Error, "the hash is that of a file of another project", relock, ""},
		{HashOtherIndex, Error, "the hash is that of a file that only another index serves", relock, "ARTIFACT-DIFFERENT-SOURCE"},
		{HashElsewhere, Note, "another index serves the same files", "nothing, if one is a mirror of the other", "ARTIFACT-POSSIBLE-DIFFERENT-SOURCE"},
		{FileOtherRelease, Error, "a file is of another project or release than its entry, by its name", relock, ""},
		{FileElsewhere, Warning, "a file is to be fetched from another host than the one that its index names", relock, ""},
		{FileNewer, Warning, "a file is said to be newer than all that is known of its index, so its hash cannot be checked", "ask the index with --online, or bring the knowledge up to date", ""},
		{DuplicateEntry, Error, "the same project is locked twice in different ways", relock, ""},
		{NotPinned, Error, "an entry pins no version", "lock it to one version, with ==", ""},
		{NotFromIndex, Note, "a package comes from no index", "nothing here can tell what it is: require a release, or look at it yourself", ""},
		{ReleaseYanked, Warning, "its maintainers withdrew the release (PEP 592)", "choose another release", ""},
		{ReleaseNew, Warning, "the release is so new that nobody may have looked at it", "wait, or allow it for a reason", ""},
		{ProjectQuarantined, Error, "the index suspects the project of harm (PEP 792)", "take it out", ""},
		{ProjectArchived, Note, "the project is archived or deprecated (PEP 792)", "choose another project", ""},
		{Malware, Error, "the release is known as malware", "take it out, and look at every machine that installed it", ""},
		{NameHomoglyph, Error, "a name has letters that look like others, or is no name", "write the name that you mean", ""},
		{NameLookalike, Warning, "a name looks like that of a popular project", "is it the project that you mean? Then allow it for a reason", ""},
		{AttestationInvalid, Error, "an attestation does not hold", "do not install the file: it is not what was attested, or not by who is named", ""},
		{AttestationOldRoot, Warning, "an attestation cannot be verified, for it is in a log that the trusted root does not have", "take a newer trusted root (--trusted-root), or do not install the file", ""},
		{AttestationMissing, Warning, "a file has no attestation although earlier releases have", "ask the maintainers how it was published", ""},
		{PublisherChanged, Warning, "somebody else publishes the project than before", "ask the maintainers whether it moved", ""},
		{PublisherOther, Error, "somebody else publishes the project than who is expected to", "ask the maintainers, and change the expectation if it moved", ""},
		{FileChanged, Error, "an installed file is not what was installed", "install the package again", ""},
		{FileGone, Warning, "an installed file is not there", "install the package again", ""},
		{NoRecord, Note, "nothing says which files a package installed", "install it again with pip or uv", ""},
		{StartupFile, Warning, "Python runs a file whenever it starts, and no package says it is its", "look at the file", ""},
		{AllowanceExpired, Note, "an allowance is over", "look again, then extend it or take it out", ""},
	}
}

// Validate reports what is wrong with a list of checks.
func Validate(checks []Check) error {
	seen := map[string]bool{}
	for _, c := range checks {
		switch {
		case c.ID == "" || strings.Trim(c.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			return fmt.Errorf("check %q: the id is not in kebab-case", c.ID)
		case seen[c.ID]:
			return fmt.Errorf("check %s is there twice", c.ID)
		case c.Severity == Off || c.Doc == "" || c.Remedy == "":
			return fmt.Errorf("check %s has no severity, doc or remedy", c.ID)
		case strings.ContainsAny(c.Doc+c.Remedy, "\n|"):
			return fmt.Errorf("check %s: doc and remedy are each one line without a bar", c.ID)
		}
		seen[c.ID] = true
	}
	return nil
}
