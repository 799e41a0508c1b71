package provenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Bounds of a provenance object: a file is attested once or twice.
const (
	maxBundles      = 32
	maxAttestations = 64
)

// A provenanceObject is what an index says of who published a file (PEP 740).
type provenanceObject struct {
	Version int              `json:"version"`
	Bundles []provenanceList `json:"attestation_bundles"`
}

// A provenanceList is the attestations of one publisher.
type provenanceList struct {
	Publisher    claim             `json:"publisher"`
	Attestations []json.RawMessage `json:"attestations"`
}

// A claim is the publisher as the index has it.
type claim struct {
	Kind         string `json:"kind"`
	Repository   string `json:"repository"`
	Workflow     string `json:"workflow"`          // GitHub
	WorkflowPath string `json:"workflow_filepath"` // GitLab
	Email        string `json:"email"`             // Google
}

func readProvenance(text []byte) (*provenanceObject, error) {
	var p provenanceObject
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("not a provenance object: %w", err)
	}
	if p.Version != 1 {
		return nil, fmt.Errorf("version %d of the provenance object, only 1 can be read", p.Version)
	}
	n := 0
	for _, b := range p.Bundles {
		n += len(b.Attestations)
	}
	switch {
	case n == 0:
		return nil, errors.New("the provenance object has no attestation")
	case len(p.Bundles) > maxBundles || n > maxAttestations:
		return nil, fmt.Errorf("more than %d publishers or %d attestations", maxBundles, maxAttestations)
	}
	return &p, nil
}

// String is the publisher in the words of a Policy.
func (c claim) String() string {
	switch strings.ToLower(c.Kind) {
	case "github":
		return "github:" + c.Repository + "/" + c.Workflow
	case "gitlab":
		return "gitlab:" + c.Repository + "/" + c.WorkflowPath
	case "google":
		return "google:" + c.Email
	}
	return strings.ToLower(c.Kind)
}

// project is the publisher without the workflow, which projects rename.
func (c claim) project() string {
	switch strings.ToLower(c.Kind) {
	case "github", "gitlab":
		return strings.ToLower(c.Kind + ":" + c.Repository)
	}
	return strings.ToLower(c.String())
}

// errUnknownKind reports a kind of publisher whose certificates this program
// does not know how to read.
var errUnknownKind = errors.New("unknown kind of publisher")

// holds says why a certificate is not that of the publisher; nil if it is. These
// are the rules of the index itself: the issuer says who vouches, and the name of
// the certificate begins with the workflow.
func (c claim) holds(s Signer) error {
	var issuer, prefix string
	switch strings.ToLower(c.Kind) {
	case "github":
		issuer = "https://token.actions.githubusercontent.com"
		prefix = "https://github.com/" + c.Repository + "/.github/workflows/" + c.Workflow + "@"
	case "gitlab":
		issuer = "https://gitlab.com"
		prefix = "https://gitlab.com/" + c.Repository + "//" + c.WorkflowPath + "@"
	case "google":
		if s.Issuer == "https://accounts.google.com" && s.Identity == c.Email && c.Email != "" {
			return nil
		}
		return fmt.Errorf("signed by %s (%s), and the publisher is said to be %s", s.Identity, s.Issuer, c)
	default:
		return fmt.Errorf("%w %q", errUnknownKind, c.Kind)
	}
	if s.Issuer != issuer || len(s.Identity) < len(prefix) || !strings.EqualFold(s.Identity[:len(prefix)], prefix) || c.Repository == "" || c.Workflow+c.WorkflowPath == "" {
		return fmt.Errorf("signed by %s (%s), and the publisher is said to be %s", s.Identity, s.Issuer, c)
	}
	return nil
}

// meets reports whether the publisher is the one that is expected.
func (c claim) meets(p publisher) bool {
	if !strings.EqualFold(c.Kind, p.kind) {
		return false
	}
	if p.kind == "google" {
		return c.Email == p.email
	}
	workflow := c.Workflow + c.WorkflowPath
	return strings.EqualFold(c.Repository, p.repository) && (p.workflow == "" || workflow[strings.LastIndexByte(workflow, '/')+1:] == p.workflow)
}
