package sync

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// BuiltInKeys are the verifier keys that the program trusts without being told
// to. There is no publisher of ours yet, so there are none: keys are pinned in
// the user's configuration.
func BuiltInKeys() []Key { return nil }

// A Key is a verifier key that is trusted.
type Key struct {
	Verifier string    // NAME+HASH+BASE64, as Keygen gives it
	Until    time.Time // not trusted after that; zero means always
}

// ParseKey reads a verifier key, which may be followed by the day after which
// it is not trusted any more: "NAME+HASH+BASE64 until=2027-01-31".
func ParseKey(text string) (Key, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 || len(fields) > 2 {
		return Key{}, fmt.Errorf("a key is NAME+HASH+BASE64, as `thamos kb keygen` prints it, not %.40q", text)
	}
	if strings.HasPrefix(fields[0], "PRIVATE+KEY+") {
		return Key{}, errors.New("this is a private key, which nobody but the publisher may have; pin the verifier key that belongs to it")
	}
	if _, err := note.NewVerifier(fields[0]); err != nil {
		return Key{}, fmt.Errorf("key %.40q: %w", fields[0], err)
	}
	k := Key{Verifier: fields[0]}
	if len(fields) == 2 {
		day, ok := strings.CutPrefix(fields[1], "until=")
		until, err := time.Parse(time.DateOnly, day)
		if !ok || err != nil {
			return Key{}, fmt.Errorf("key %.40q: after it %q where until=2027-01-31 could be", fields[0], fields[1])
		}
		k.Until = until.AddDate(0, 0, 1)
	}
	return k, nil
}

// Keygen makes a key pair with the randomness of the system. The private key
// signs, whoever has the verifier key can tell.
func Keygen(name string) (private, verifier string, err error) {
	private, verifier, err = note.GenerateKey(nil, name) // nil: ed25519 takes the system's
	if err != nil {
		return "", "", err
	}
	if _, err := note.NewVerifier(verifier); err != nil {
		return "", "", fmt.Errorf("%.40q is no name of a key: it must not be empty and have neither blanks nor +", name)
	}
	return private, verifier, nil
}

// A Signer is a private key with the verifier key that belongs to it.
type Signer struct {
	note.Signer
	Verifier string
}

// ParseSigner reads a private key as Keygen gives it. Errors do not quote it.
func ParseSigner(text string) (Signer, error) {
	text = strings.TrimSpace(text)
	s, err := note.NewSigner(text)
	if err != nil {
		return Signer{}, fmt.Errorf("not a private key of `thamos kb keygen`: %w", err)
	}
	parts := strings.Split(text, "+")
	// The base64 may hold a plus itself; what is before it may not.
	seed, err := base64.StdEncoding.DecodeString(strings.Join(parts[4:], "+"))
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return Signer{}, errors.New("not a private key of `thamos kb keygen`")
	}
	public := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(s.Name(), public)
	return Signer{s, verifier}, err
}

// sign returns the detached signatures of a text: the lines of a note after its
// empty line.
func sign(text []byte, signers []Signer) ([]byte, error) {
	by := make([]note.Signer, len(signers))
	for i, s := range signers {
		by[i] = s
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, by...)
	if err != nil {
		return nil, err
	}
	return signed[len(text)+1:], nil
}

var (
	// ErrUnsigned reports what none of the trusted keys has signed.
	ErrUnsigned = errors.New("signed by none of the trusted keys")

	// ErrSignature reports a signature of a trusted key that is not of this text:
	// one of the two was changed.
	ErrSignature = errors.New("the signature is not of this file")
)

// verify returns the names of the keys that have signed a text, at least one.
func verify(what string, text, signatures []byte, keys []Key, now time.Time) ([]string, error) {
	var known []note.Verifier
	var expired []string
	seen := map[string]bool{}
	for _, k := range keys {
		v, err := note.NewVerifier(k.Verifier)
		if err != nil {
			return nil, fmt.Errorf("key %.40q: %w", k.Verifier, err)
		}
		switch {
		case seen[k.Verifier]:
		case !k.Until.IsZero() && !now.Before(k.Until):
			expired = append(expired, fmt.Sprintf("%s, trusted until %s", v.Name(), k.Until.AddDate(0, 0, -1).Format(time.DateOnly)))
		default:
			known = append(known, v)
		}
		seen[k.Verifier] = true
	}
	n, err := note.Open(bytes.Join([][]byte{text, signatures}, []byte("\n")), note.VerifierList(known...))
	var unknown *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		var by []string
		for _, s := range unknown.Note.UnverifiedSigs {
			by = append(by, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
		}
		after := ""
		if len(expired) > 0 {
			after = "; not trusted any more: " + strings.Join(expired, ", ")
		}
		return nil, fmt.Errorf("%s: %w, but by %s%s", what, ErrUnsigned, strings.Join(by, ", "), after)
	case errors.As(err, &invalid):
		return nil, fmt.Errorf("%s: %w (key %s)", what, ErrSignature, invalid.Name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %w", what, ErrSignature, err)
	}
	if n.Text != string(text) {
		// The file of signatures holds more of the text: what was signed is another.
		return nil, fmt.Errorf("%s: %w", what, ErrSignature)
	}
	var by []string
	for _, s := range n.Sigs {
		by = append(by, s.Name)
	}
	return by, nil
}
