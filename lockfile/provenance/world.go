package provenance

import (
	"context"
	"errors"

	"github.com/thamos/thamos/kb/py"
)

// Knowledge is what is known of one index.
//
// Methods give the same answer to the same question for the length of one run;
// what they return must not be modified.
type Knowledge interface {
	// Projects returns what is known of each project, in the order of names. Nil
	// means that nothing is; a project without releases, that the index has none
	// of this name or offers nothing of it.
	Projects(ctx context.Context, names []py.Name) ([]*py.Project, error)

	// Files returns the files of each release, in the order of packages; an empty
	// entry means that they are not known.
	Files(ctx context.Context, packages []py.Package) ([][]py.File, error)
}

// Facts is what is known of projects whatever index serves them.
type Facts interface {
	// Advisories returns the advisories of each project, in the order of names.
	Advisories(ctx context.Context, names []py.Name) ([][]*py.Advisory, error)

	// Popular returns the names of projects that many use, the most popular first.
	Popular(ctx context.Context) ([]py.Name, error)
}

// An Index is an index that the project uses.
type Index struct {
	URL      string // without credentials
	Name     string // what the manifest calls it; may be empty
	Explicit bool   // serves only what is pinned to it
	Insecure bool   // its certificate is not checked

	// Aside reports that the project does not use it: it is only known, for locks
	// that name it.
	Aside bool

	// Also are URLs that are taken for this index: those of the mirrors and the
	// origin of what is known of it.
	Also []string

	// KnownAt says when what Projects gave of a project was read, in Unix seconds:
	// what was uploaded later is not among it. Nil, or 0, means in this run.
	KnownAt func(name py.Name) int64

	Knowledge
}

// ErrUnknown reports that an index does not say, or could not be asked.
var ErrUnknown = errors.New("not known")

// ErrOldRoot reports an attestation by somebody who is trusted, in a log that is
// not known: the trusted root is older than the log, or the log is nobody's.
var ErrOldRoot = errors.New("the trusted root does not have the log that attests it")

// Attestations gives what indexes say of who published a file (PEP 740). Its
// methods are called by several goroutines at once.
type Attestations interface {
	// Announced returns the URLs of provenance objects by file name, of all files
	// of a project on an index that have one. An error that is ErrUnknown means
	// that the index does not say; any other one ends the run.
	Announced(ctx context.Context, index string, name py.Name) (map[string]string, error)

	// Provenance returns the provenance object at a URL that was announced, nil if
	// the index says that it does not have it. Errors are as those of Announced.
	Provenance(ctx context.Context, index, url string) ([]byte, error)
}

// A Verifier judges attestations. It must be safe for concurrent use.
type Verifier interface {
	// Verify says who signed an attestation, the JSON of one attestation object
	// of PEP 740, if it holds of the file with this name and sha256 (hex), or why
	// it does not. An error that is ErrUnknown or ErrOldRoot means that it may.
	Verify(attestation []byte, filename, sha256 string) (Signer, error)
}

// A Signer is who signed an attestation, by the certificate.
type Signer struct {
	Issuer   string // of the identity, a URL
	Identity string // subject alternative name: a workflow's URL, or an e-mail address

	Repository string // https URL of the source; may be empty
	Ref        string // of the repository; may be empty
}

// A World is all that a lock is held against.
type World struct {
	// Indexes are those that the project uses, in the order in which they are
	// asked. Explicit ones are among them.
	Indexes []Index

	// Pins are the indexes that the manifest wants projects to come from, by URL.
	Pins map[py.Name]string

	// Trusted are URLs of further indexes that a lock may name if the policy does
	// not say which: what the machine is configured to use, and the origin of
	// what is known.
	Trusted []string

	Facts Facts
	// Ranked reports that Popular is a list of what is used most, so that what it
	// lacks is less popular. Else it only names some popular projects.
	Ranked       bool
	Attestations Attestations // nil: nobody is asked
	Verifier     Verifier     // nil: nobody is asked
	Concurrency  int          // questions to Attestations under way at once; 0 means 8

	Now int64 // the time of the check, in Unix seconds

	// ManifestHashes are hashes of the manifest, of which the lock must have one;
	// nil if that cannot be told, and WhyNoHash says why.
	ManifestHashes []string
	WhyNoHash      string
	Manifest       string // its file name, for messages

	// Progress, if not nil, is told how far a long step is. It must not block.
	Progress func(done, total int, what string)
}
