package sigstore

import (
	_ "embed" // for publicGood
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/root"
)

//go:embed trusted_root.json
var publicGood []byte

// Root is the trusted root of Sigstore's public instance.
func Root() []byte { return publicGood }

// maxRoot bounds a trusted root, in bytes. The public one has 7 kB.
const maxRoot = 4 << 20

// New returns a Verifier that trusts a root, the JSON of
// application/vnd.dev.sigstore.trustedroot+json.
func New(trusted []byte) (*Verifier, error) {
	if len(trusted) > maxRoot {
		return nil, fmt.Errorf("trusted root: larger than %d MiB", maxRoot>>20)
	}
	r, err := root.NewTrustedRootFromJSON(trusted)
	if err != nil {
		return nil, fmt.Errorf("trusted root: %w", err)
	}
	if len(r.FulcioCertificateAuthorities()) == 0 || len(r.RekorLogs()) == 0 {
		return nil, fmt.Errorf("trusted root: it has no certificate authority or no transparency log, so nothing could be verified")
	}
	return newVerifier(r)
}
