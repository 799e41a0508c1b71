package sigstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/thamos/thamos/lockfile/provenance"
)

// sharedData names a file of the third-party data, and skips without it.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("THAMOS_SHARED_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there", path)
	}
	return path
}

// attestations are the files of the third-party data that were attested with
// the public instance, and by whom.
var attestations = []struct{ attestation, file, issuer, identity string }{
	{"gitlab_oidc_project-0.0.3.tar.gz.publish.attestation", "gitlab_oidc_project-0.0.3.tar.gz", "https://gitlab.com",
		"https://gitlab.com/facutuesca/gitlab-oidc-project//.gitlab-ci.yml@refs/heads/main"},
	{"pypi_attestation_models-0.0.4a2.tar.gz.attestation", "pypi_attestation_models-0.0.4a2.tar.gz", github,
		"https://github.com/trailofbits/pypi-attestation-models/.github/workflows/release.yml@refs/tags/v0.0.4a2"},
	{"pypi_attestations-0.0.19.tar.gz.publish.attestation", "pypi_attestations-0.0.19.tar.gz", github,
		"https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19"},
	{"pypi_attestations-0.0.19.tar.gz.slsa.attestation", "pypi_attestations-0.0.19.tar.gz", github,
		"https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19"},
}

const github = "https://token.actions.githubusercontent.com"

// staging are attested with Sigstore's instance for tests, which nobody should trust.
var staging = []struct{ attestation, file, sha256 string }{
	{"rfc8785-0.1.2-py3-none-any.whl.attestation", "rfc8785-0.1.2-py3-none-any.whl", ""},
	{"rfc8785-0.1.2-py3-none-any.whl.publish.attestation", "rfc8785-0.1.2-py3-none-any.whl", ""},
	{"spt3g-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl.publish.attestation", "spt3g-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", ""},
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(sharedData(t, filepath.Join("attestations", name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
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

// TestConformanceVerify verifies every attestation of the folder that is of the
// public instance, with the identity of who signed it.
func TestConformanceVerify(t *testing.T) {
	v := public(t)
	for _, a := range attestations {
		t.Run(a.attestation, func(t *testing.T) {
			text, file := read(t, a.attestation), read(t, a.file)
			start := time.Now()
			s, err := v.Verify(text, a.file, digest(file))
			t.Logf("verified in %v", time.Since(start))
			if err != nil {
				t.Fatal(err)
			}
			if s.Issuer != a.issuer || s.Identity != a.identity || s.Repository == "" || s.Ref == "" {
				t.Errorf("signed by %+v", s)
			}
			file[len(file)/2]++
			if _, err := v.Verify(text, a.file, digest(file)); err == nil {
				t.Error("verified for a file that was changed")
			}
			if _, err := v.Verify(text, "other-1.0.tar.gz", digest(read(t, a.file))); err == nil {
				t.Error("verified under another name")
			}
		})
	}
	// What the library leaves unread.
	text, sum := read(t, attestations[2].attestation), digest(read(t, attestations[2].file))
	for _, change := range [][2]string{{`"kind":"dsse"`, `"kind":"dsss"`}, {`— rekor.sigstore.dev`, `— rekor.sigstore.dew`}} {
		changed := bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
		if _, err := v.Verify(changed, attestations[2].file, sum); err == nil || bytes.Equal(changed, text) {
			t.Errorf("verifies with %s for %s", change[1], change[0])
		}
	}
	for _, a := range staging {
		file := []byte{}
		if a.file[:3] == "rfc" {
			file = read(t, a.file)
		}
		if s, err := v.Verify(read(t, a.attestation), a.file, digest(file)); err == nil || errors.Is(err, provenance.ErrUnknown) || errors.Is(err, provenance.ErrOldRoot) {
			t.Errorf("%s, of an instance that is not trusted: %+v, %v", a.attestation, s, err)
		}
	}
}

// TestConformanceMutations changes 200 random bytes of the attestations, one at
// a time. None may verify. A byte that stands for white space alone changes
// nothing, and is not taken. Where the id of the log is changed, that log is
// unknown, which is told too.
func TestConformanceMutations(t *testing.T) {
	v := public(t)
	r := rand.New(rand.NewPCG(7, 40))
	start := time.Now()
	for n := 0; n < 200; {
		a := attestations[r.IntN(len(attestations))]
		text, sum := read(t, a.attestation), digest(read(t, a.file))
		changed := bytes.Clone(text)
		at := r.IntN(len(changed))
		if r.IntN(2) == 0 {
			changed[at] ^= byte(1 << r.IntN(8))
		} else {
			changed[at] = "ABCDEFabcdef0123456789+/={}[]\":, "[r.IntN(33)]
		}
		if bytes.Equal(changed, text) || sameJSON(changed, text) {
			continue
		}
		n++
		_, err := v.Verify(changed, a.file, sum)
		if logID := bytes.Index(text, []byte(`"keyId"`)); errors.Is(err, provenance.ErrOldRoot) && (at < logID || at > logID+64) {
			t.Errorf("%s with byte %d changed from %q to %q: %v", a.attestation, at, text[at], changed[at], err)
		}
		if s, err := v.Verify(changed, a.file, sum); err == nil || errors.Is(err, provenance.ErrUnknown) {
			t.Errorf("%s verifies with byte %d changed from %q to %q, by %+v\n%s", a.attestation, at, text[at], changed[at], s, changed[max(0, at-60):min(len(text), at+20)])
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
	text, sum := read(b, attestations[2].attestation), digest(read(b, attestations[2].file))
	for b.Loop() {
		if _, err := v.Verify(text, attestations[2].file, sum); err != nil {
			b.Fatal(err)
		}
	}
}
