package certify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// maxBytes bounds a file, and with it what reading one can take.
const maxBytes = 128 << 20

// Read reads a certificate from an untrusted source. It checks the form only:
// that a Check can be made, not what it says.
func Read(r io.Reader) (*Certificate, error) { return read(r, maxBytes) }

func read(r io.Reader, limit int64) (*Certificate, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("a certificate has at most %d bytes", limit)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	c := new(Certificate)
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a certificate: something follows it")
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	digest, err := digestOf(c.Problem)
	if err != nil {
		return nil, err
	}
	if digest != c.ProblemDigest {
		return nil, fmt.Errorf("the problem's digest is %s, not %q", digest, c.ProblemDigest)
	}
	return c, nil
}

// Write writes a certificate, and fills in its schema and the problem's digest.
// Equal certificates give equal bytes.
func Write(w io.Writer, c *Certificate) error {
	out := *c
	out.Schema = Schema
	var err error
	if out.ProblemDigest, err = digestOf(c.Problem); err != nil {
		return err
	}
	out.Stages = make([]Stage, len(c.Stages))
	copy(out.Stages, c.Stages)
	if err := out.validate(); err != nil {
		return err
	}
	for i := len(out.Stages) - 1; i > 0; i-- { // what is as in the stage before is not said again
		s, before := &out.Stages[i], &out.Stages[i-1]
		if reflect.DeepEqual(s.Variables, before.Variables) {
			s.Variables = nil
		}
		if reflect.DeepEqual(s.Factors, before.Factors) {
			s.Factors = nil
		}
	}
	return json.NewEncoder(w).Encode(&out)
}

// digestOf returns the SHA-256 of a JSON text without its white space, in hex.
func digestOf(text json.RawMessage) (string, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return "", fmt.Errorf("the problem is not JSON: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), nil
}
