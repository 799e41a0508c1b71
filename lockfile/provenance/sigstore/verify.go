package sigstore

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/thamos/thamos/lockfile/provenance"
)

// A Verifier judges attestations by one trusted root. It is safe for concurrent
// use.
type Verifier struct {
	root     *root.TrustedRoot
	verifier *verify.Verifier
}

var _ provenance.Verifier = (*Verifier)(nil)

func newVerifier(r *root.TrustedRoot) (*Verifier, error) {
	options := []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)}
	// An instance of somebody's own may do without certificate transparency.
	if len(r.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	v, err := verify.NewVerifier(r, options...)
	if err != nil {
		return nil, fmt.Errorf("trusted root: %w", err)
	}
	return &Verifier{r, v}, nil
}

// Verify says who signed an attestation of a file. An error that wraps
// provenance.ErrUnknown means that the hash of the file is not known, and one
// that wraps provenance.ErrOldRoot that the root does not know the log.
func (v *Verifier) Verify(text []byte, filename, sha256 string) (provenance.Signer, error) {
	digest, err := hex.DecodeString(sha256)
	if err != nil || len(digest) != 32 {
		return provenance.Signer{}, fmt.Errorf("the sha256 of %s is %w", filename, provenance.ErrUnknown)
	}
	a, err := readAttestation(text)
	if err != nil {
		return provenance.Signer{}, err
	}
	if err := about(a.statement, filename, sha256); err != nil {
		return provenance.Signer{}, err
	}
	for _, e := range a.entries {
		if err := consistent(e); err != nil {
			return provenance.Signer{}, err
		}
	}
	wrapped, err := a.bundle()
	if err != nil {
		return provenance.Signer{}, err
	}
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(wrapped); err != nil {
		return provenance.Signer{}, fmt.Errorf("attestation: %w", err)
	}
	// Who it must be is for the caller to say, who knows the publisher.
	policy := verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), verify.WithoutIdentitiesUnsafe())
	result, err := v.verifier.Verify(b, policy)
	if err != nil {
		if v.isNewer(b) {
			return provenance.Signer{}, fmt.Errorf("%w: %v", provenance.ErrOldRoot, err)
		}
		return provenance.Signer{}, err
	}
	if result.Signature == nil || result.Signature.Certificate == nil {
		return provenance.Signer{}, errors.New("attestation: signed without a certificate")
	}
	c := result.Signature.Certificate
	return provenance.Signer{Issuer: c.Issuer, Identity: c.SubjectAlternativeName, Repository: c.SourceRepositoryURI, Ref: c.SourceRepositoryRef}, nil
}

// isNewer reports whether the certificate is of an authority of the root while
// none of the logs is: logs are replaced every year, and an old root does not
// know the new ones. A certificate of nobody's is no reason to believe that.
func (v *Verifier) isNewer(b *bundle.Bundle) bool {
	entries, err := b.TlogEntries()
	if err != nil || len(entries) == 0 {
		return false
	}
	for _, e := range entries {
		if _, known := v.root.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]; known {
			return false
		}
	}
	content, err := b.VerificationContent()
	if err != nil || content.Certificate() == nil {
		return false
	}
	leaf := content.Certificate()
	for _, ca := range v.root.FulcioCertificateAuthorities() {
		if _, err := ca.Verify(leaf, leaf.NotBefore); err == nil && usable(leaf) {
			return true
		}
	}
	return false
}

// usable reports whether a certificate is for signing.
func usable(c *x509.Certificate) bool {
	for _, u := range c.ExtKeyUsage {
		if u == x509.ExtKeyUsageCodeSigning {
			return true
		}
	}
	return false
}
