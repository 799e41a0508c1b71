package sigstore

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/lockfile/provenance"
)

// An attested file of the third-party data.
type attested struct {
	name, file       string // base names of the attestation and of the file
	text, content    []byte // of the attestation; of the file, nil if it is not there
	trusted          bool   // it should verify
	issuer, identity string // of its certificate
}

// attestedFiles pairs the attestations of the third-party data with their
// files. What should verify, and as whose, is told by code that is not under test:
// the certificate is of the public instance if the standard library finds the
// chain, and the statement is about the file if it has its name and digest.
func attestedFiles(t testing.TB) (all []attested) {
	t.Helper()
	for _, path := range kbtest.Glob(t, "attestations/*.attestation") {
		a := attested{name: filepath.Base(path)}
		var err error
		if a.text, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		a.file = strings.TrimSuffix(a.name, ".attestation")
		a.file = strings.TrimSuffix(strings.TrimSuffix(a.file, ".publish"), ".slsa")
		if a.content, err = os.ReadFile(filepath.Join(filepath.Dir(path), a.file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		var d struct {
			Material struct {
				Certificate []byte
				Entries     []struct {
					LogID struct{ KeyID string }
				} `json:"transparency_entries"`
			} `json:"verification_material"`
			Envelope struct{ Statement []byte }
		}
		var statement struct {
			Subject []struct {
				Name   string
				Digest map[string]string
			}
		}
		if err := json.Unmarshal(a.text, &d); err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		if err := json.Unmarshal(d.Envelope.Statement, &statement); err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		c, err := x509.ParseCertificate(d.Material.Certificate)
		if err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		about := len(statement.Subject) == 1 && statement.Subject[0].Name == a.file && statement.Subject[0].Digest["sha256"] == digest(a.content)
		a.trusted = a.content != nil && about && ofPublicInstance(t, c)
		if a.trusted && !bytes.Contains(Root(), []byte(d.Material.Entries[0].LogID.KeyID)) {
			t.Logf("%s: the embedded root does not know its log yet", a.name)
			continue
		}
		a.issuer = issuerOf(c)
		if len(c.URIs) > 0 {
			a.identity = c.URIs[0].String()
		}
		all = append(all, a)
	}
	return all
}

// ofPublicInstance reports whether the standard library finds a chain from a
// certificate to an authority of the embedded root.
func ofPublicInstance(t testing.TB, c *x509.Certificate) bool {
	t.Helper()
	var d struct {
		Authorities []struct {
			Chain struct {
				Certificates []struct{ RawBytes []byte }
			} `json:"certChain"`
		} `json:"certificateAuthorities"`
	}
	if err := json.Unmarshal(Root(), &d); err != nil {
		t.Fatal(err)
	}
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: c.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, a := range d.Authorities {
		for _, raw := range a.Chain.Certificates {
			authority, err := x509.ParseCertificate(raw.RawBytes)
			if err != nil {
				t.Fatal(err)
			}
			pool := o.Intermediates
			if bytes.Equal(authority.RawSubject, authority.RawIssuer) {
				pool = o.Roots
			}
			pool.AddCert(authority)
		}
	}
	_, err := c.Verify(o)
	return err == nil
}

// issuerOf is the OpenID issuer that a certificate of Fulcio names, in the
// extension 1.3.6.1.4.1.57264.1.8, or its older form .1.1.
func issuerOf(c *x509.Certificate) (issuer string) {
	for _, e := range c.Extensions {
		switch e.Id.String() {
		case "1.3.6.1.4.1.57264.1.8":
			if _, err := asn1.Unmarshal(e.Value, &issuer); err == nil {
				return issuer
			}
		case "1.3.6.1.4.1.57264.1.1":
			issuer = string(e.Value)
		}
	}
	return issuer
}

// trustedFiles are those that should verify. It skips the test if there is none.
func trustedFiles(t testing.TB) []attested {
	t.Helper()
	all := slices.DeleteFunc(attestedFiles(t), func(a attested) bool { return !a.trusted })
	if len(all) == 0 {
		t.Skip("nothing in the third-party data is attested with the public instance")
	}
	return all
}

// recorded are signers that were read from certificates by hand.
var recorded = map[string]string{
	"gitlab_oidc_project-0.0.3.tar.gz.publish.attestation": "https://gitlab.com/facutuesca/gitlab-oidc-project//.gitlab-ci.yml@refs/heads/main",
	"pypi_attestation_models-0.0.4a2.tar.gz.attestation":   "https://github.com/trailofbits/pypi-attestation-models/.github/workflows/release.yml@refs/tags/v0.0.4a2",
	"pypi_attestations-0.0.19.tar.gz.publish.attestation":  "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
	"pypi_attestations-0.0.19.tar.gz.slsa.attestation":     "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func public(t testing.TB) *Verifier {
	t.Helper()
	v, err := New(Root())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestConformanceVerify verifies every attestation of the third-party data that
// is of the public instance and about its file, with the identity of who signed
// it, and refuses every other: those of the instance for tests, which nobody
// should trust, and those whose file is not there.
func TestConformanceVerify(t *testing.T) {
	v := public(t)
	for _, a := range attestedFiles(t) {
		t.Run(a.name, func(t *testing.T) {
			start := time.Now()
			s, err := v.Verify(a.text, a.file, digest(a.content))
			took := time.Since(start)
			if !a.trusted {
				if err == nil || errors.Is(err, provenance.ErrUnknown) || errors.Is(err, provenance.ErrOldRoot) {
					t.Errorf("%+v, %v", s, err)
				}
				return
			}
			t.Logf("verified in %v", took)
			if err != nil {
				t.Fatal(err)
			}
			if s.Issuer != a.issuer || s.Identity != a.identity || s.Repository == "" || s.Ref == "" {
				t.Errorf("signed by %+v", s)
			}
			if want, ok := recorded[a.name]; ok && s.Identity != want {
				t.Errorf("signed by %s, want %s", s.Identity, want)
			}
			changed := bytes.Clone(a.content)
			changed[len(changed)/2]++
			if _, err := v.Verify(a.text, a.file, digest(changed)); err == nil {
				t.Error("verified for a file that was changed")
			}
			if _, err := v.Verify(a.text, "other-1.0.tar.gz", digest(a.content)); err == nil {
				t.Error("verified under another name")
			}
			// What the library leaves unread.
			for _, change := range [][2]string{{`"kind":"dsse"`, `"kind":"dsss"`}, {`— rekor.sigstore.dev`, `— rekor.sigstore.dew`}} {
				text := bytes.Replace(a.text, []byte(change[0]), []byte(change[1]), 1)
				if bytes.Equal(text, a.text) {
					continue // it was written in another way
				}
				if _, err := v.Verify(text, a.file, digest(a.content)); err == nil {
					t.Errorf("verifies with %s for %s", change[1], change[0])
				}
			}
		})
	}
}

// TestConformanceMutations changes 200 random bytes of the attestations, one at
// a time. None may verify. A byte that stands for white space alone changes
// nothing, and is not taken. Where the id of the log is changed, that log is
// unknown, which is told too.
func TestConformanceMutations(t *testing.T) {
	v := public(t)
	files := trustedFiles(t)
	r := rand.New(rand.NewPCG(7, 40))
	start := time.Now()
	for n := 0; n < 200; {
		a := files[r.IntN(len(files))]
		sum := digest(a.content)
		changed := bytes.Clone(a.text)
		at := r.IntN(len(changed))
		if r.IntN(2) == 0 {
			changed[at] ^= byte(1 << r.IntN(8))
		} else {
			changed[at] = "ABCDEFabcdef0123456789+/={}[]\":, "[r.IntN(33)]
		}
		if bytes.Equal(changed, a.text) || sameJSON(changed, a.text) {
			continue
		}
		n++
		s, err := v.Verify(changed, a.file, sum)
		if logID := bytes.Index(a.text, []byte(`"keyId"`)); errors.Is(err, provenance.ErrOldRoot) && (at < logID || at > logID+64) {
			t.Errorf("%s with byte %d changed from %q to %q: %v", a.name, at, a.text[at], changed[at], err)
		}
		if err == nil || errors.Is(err, provenance.ErrUnknown) {
			t.Errorf("%s verifies with byte %d changed from %q to %q, by %+v\n%s", a.name, at, a.text[at], changed[at], s, changed[max(0, at-60):min(len(changed), at+20)])
		}
	}
	t.Logf("200 mutations in %v", time.Since(start))
}

// sameJSON reports whether two texts are the same document.
func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

func BenchmarkVerify(b *testing.B) {
	v := public(b)
	a := trustedFiles(b)[0]
	sum := digest(a.content)
	for b.Loop() {
		if _, err := v.Verify(a.text, a.file, sum); err != nil {
			b.Fatal(err)
		}
	}
}
