package sigstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Bounds of an attestation: the largest that we know of have 12 kB.
const (
	maxAttestation = 1 << 20
	maxEntries     = 16
)

// An attestation is an attestation object of PEP 740, decoded.
type attestation struct {
	certificate, statement, signature []byte
	entries                           []json.RawMessage
}

// The wire form. The library of the index wrote some with further keys, all of
// which are named here, so that a key which is misspelt is one that is missing.
type (
	attestationJSON struct {
		Version  *int          `json:"version"`
		Material *materialJSON `json:"verification_material"`
		Envelope *envelopeJSON `json:"envelope"`
	}
	materialJSON struct {
		Certificate string            `json:"certificate"`
		Entries     []json.RawMessage `json:"transparency_entries"`
	}
	envelopeJSON struct {
		Statement string `json:"statement"`
		Signature string `json:"signature"`
	}
)

// readAttestation decodes strictly: no key that is not known, none in another
// case, and base64 without stray bits, so that one attestation has one spelling.
func readAttestation(text []byte) (*attestation, error) {
	if len(text) > maxAttestation {
		return nil, fmt.Errorf("attestation: larger than %d KiB", maxAttestation>>10)
	}
	var w attestationJSON
	if err := strictly(text, &w, "version", "verification_material", "envelope"); err != nil {
		return nil, err
	}
	switch {
	case w.Version == nil || *w.Version != 1:
		return nil, errors.New("attestation: only version 1 can be read")
	case w.Material == nil || w.Envelope == nil:
		return nil, errors.New("attestation: it has no verification material or no envelope")
	case len(w.Material.Entries) == 0 || len(w.Material.Entries) > maxEntries:
		return nil, fmt.Errorf("attestation: %d entries of transparency logs, must be 1 to %d", len(w.Material.Entries), maxEntries)
	}
	a := &attestation{entries: w.Material.Entries}
	for _, part := range []struct {
		to   *[]byte
		text string
		what string
	}{{&a.certificate, w.Material.Certificate, "certificate"}, {&a.statement, w.Envelope.Statement, "statement"}, {&a.signature, w.Envelope.Signature, "signature"}} {
		var err error
		if *part.to, err = base64.StdEncoding.Strict().DecodeString(part.text); err != nil || len(*part.to) == 0 {
			return nil, fmt.Errorf("attestation: its %s is not base64", part.what)
		}
	}
	return a, nil
}

// strictly decodes an object of which these are all keys, at any depth that into
// has.
func strictly(text []byte, into any, keys ...string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("attestation: %w", err)
	}
	if d.More() {
		return errors.New("attestation: text after its end")
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(text, &top); err != nil {
		return fmt.Errorf("attestation: %w", err)
	}
	if err := onlyKeys(top, keys...); err != nil {
		return err
	}
	for key, inner := range map[string][]string{"verification_material": {"certificate", "transparency_entries"}, "envelope": {"statement", "signature"}} {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(top[key], &m); err != nil {
			return fmt.Errorf("attestation: %s: %w", key, err)
		}
		if err := onlyKeys(m, inner...); err != nil {
			return err
		}
	}
	return nil
}

// onlyKeys refuses keys that differ in case, which encoding/json takes for the same.
func onlyKeys(m map[string]json.RawMessage, keys ...string) error {
	if len(m) != len(keys) {
		return fmt.Errorf("attestation: %d keys where %d should be", len(m), len(keys))
	}
	for k := range m {
		if !slices.Contains(keys, k) {
			return fmt.Errorf("attestation: unknown key %.40q", k)
		}
	}
	return nil
}

// bundle writes the attestation as a Sigstore bundle, which is what the library
// verifies.
func (a *attestation) bundle() ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{
		"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": object{
			"certificate": object{"rawBytes": a.certificate},
			"tlogEntries": a.entries,
		},
		"dsseEnvelope": object{
			"payload": a.statement, "payloadType": payloadType,
			"signatures": []object{{"sig": a.signature}},
		},
	})
}

const payloadType = "application/vnd.in-toto+json"

// Kinds of statements that PEP 740 and the index know.
var predicates = []string{"https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"}

// about checks that a statement is about one file, of this name and hash.
func about(statement []byte, filename, sha256 string) error {
	var s struct {
		Type    string `json:"_type"`
		Subject []struct {
			Name   string            `json:"name"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		Predicate string `json:"predicateType"`
	}
	if err := json.Unmarshal(statement, &s); err != nil {
		return fmt.Errorf("the statement: %w", err)
	}
	switch {
	case s.Type != "https://in-toto.io/Statement/v1":
		return fmt.Errorf("the statement is of the type %.80q", s.Type)
	case !slices.Contains(predicates, s.Predicate):
		return fmt.Errorf("the statement says nothing that is known: %.80q", s.Predicate)
	case len(s.Subject) != 1:
		return fmt.Errorf("the statement is about %d files, must be one", len(s.Subject))
	case !sameFile(s.Subject[0].Name, filename):
		return fmt.Errorf("the statement is about %.255q", s.Subject[0].Name)
	case s.Subject[0].Digest["sha256"] != sha256:
		return fmt.Errorf("the statement is about a file with the sha256 %.64q", s.Subject[0].Digest["sha256"])
	}
	return nil
}

// sameFile reports whether two names are of one file: the index lets them be
// spelled in different ways.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	v, errV := py.ParseWheelName(a)
	w, errW := py.ParseWheelName(b)
	if errV == nil && errW == nil {
		return v.Name == w.Name && v.Version.Compare(w.Version) == 0 && v.Build == w.Build && v.Tags == w.Tags
	}
	s, errS := py.ParseSdistName(a)
	t, errT := py.ParseSdistName(b)
	return errS == nil && errT == nil && s.Name == t.Name && s.Version.Compare(t.Version) == 0 && a[len(a)-3:] == b[len(b)-3:]
}
