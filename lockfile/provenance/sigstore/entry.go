package sigstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// consistent checks what the library leaves unread of an entry of a transparency
// log, so that nothing in an attestation can be changed: the kind must be that of
// the body, which the log signed, and the signature of a checkpoint must bear
// the name of the log that the checkpoint is of.
func consistent(entry []byte) error {
	var e struct {
		Kind struct {
			Kind    string `json:"kind"`
			Version string `json:"version"`
		} `json:"kindVersion"`
		Body  []byte `json:"canonicalizedBody"`
		Proof *struct {
			Checkpoint *struct {
				Envelope string `json:"envelope"`
			} `json:"checkpoint"`
		} `json:"inclusionProof"`
	}
	if err := json.Unmarshal(entry, &e); err != nil {
		return fmt.Errorf("entry of the transparency log: %w", err)
	}
	var body struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return fmt.Errorf("entry of the transparency log: its body: %w", err)
	}
	if e.Kind.Kind != body.Kind || e.Kind.Version != body.Version {
		return fmt.Errorf("entry of the transparency log: its body is %s %s, and it says %.40q %.40q", body.Kind, body.Version, e.Kind.Kind, e.Kind.Version)
	}
	if e.Proof == nil || e.Proof.Checkpoint == nil {
		return nil // the library wants a promise then
	}
	text, signatures, ok := strings.Cut(e.Proof.Checkpoint.Envelope, "\n\n")
	origin, _, _ := strings.Cut(text, "\n")
	name, _, _ := strings.Cut(origin, " ")
	if !ok || !strings.Contains("\n"+signatures, "\n— "+name+" ") {
		return errors.New("entry of the transparency log: its checkpoint is not signed in the name of its log")
	}
	return nil
}
