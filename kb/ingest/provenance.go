package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Bounds of a provenance object: it has a bundle a publisher, of which a file has
// one, and each attestation takes some kilobytes.
const (
	maxProvenance = 4 << 20 // bytes
	maxBundles    = 100
)

// A Publisher is who the index says published a file from where (PEP 740, "trusted
// publisher"): the index verified that, we did not.
type Publisher struct {
	Kind        string // GitHub, GitLab, Google, …
	Repository  string // owner/name, of GitHub and GitLab
	Workflow    string // file of the workflow that published, of GitHub and GitLab
	Environment string // of the workflow, empty for any
	Email       string // of Google

	Attestations int // how many it made of the file
}

// DecodeProvenance decodes a provenance object of PEP 740, version 1: the
// publishers that attest a file, sorted. What is no such object is an error;
// attestations are counted, not verified.
func DecodeProvenance(text []byte) ([]Publisher, error) {
	if len(text) > maxProvenance {
		return nil, fmt.Errorf("provenance: %w than %d bytes", errTooLarge, maxProvenance)
	}
	var object struct {
		Version *int `json:"version"`
		Bundles []struct {
			Publisher struct {
				Kind        string `json:"kind"`
				Repository  string `json:"repository"`
				Workflow    string `json:"workflow"`
				Filepath    string `json:"workflow_filepath"` // GitLab's word
				Environment string `json:"environment"`
				Email       string `json:"email"`
			} `json:"publisher"`
			Attestations []json.RawMessage `json:"attestations"`
		} `json:"attestation_bundles"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("provenance: %w", err)
	}
	switch {
	case object.Version == nil || *object.Version != 1:
		return nil, errors.New("provenance: not of version 1")
	case len(object.Bundles) == 0 || len(object.Bundles) > maxBundles:
		return nil, fmt.Errorf("provenance: %d bundles", len(object.Bundles))
	}
	var out []Publisher
	for _, b := range object.Bundles {
		p := Publisher{
			Kind: b.Publisher.Kind, Repository: b.Publisher.Repository, Workflow: cmp.Or(b.Publisher.Workflow, b.Publisher.Filepath),
			Environment: b.Publisher.Environment, Email: b.Publisher.Email, Attestations: len(b.Attestations),
		}
		for _, s := range []string{p.Kind, p.Repository, p.Workflow, p.Environment, p.Email} {
			if len(s) > maxText || strings.ContainsFunc(s, unicode.IsControl) {
				return nil, errors.New("provenance: a word of a publisher is too long or has control characters")
			}
		}
		if p.Kind == "" || p.Attestations == 0 {
			return nil, errors.New("provenance: a bundle without publisher or attestation")
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Publisher) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Workflow, b.Workflow),
			cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Email, b.Email), cmp.Compare(a.Attestations, b.Attestations))
	})
	return out, nil
}

// Provenance asks for the provenance object at a URL, as the listing of a file
// gives it. The error is ErrAbsent if the index has none.
func (c *Client) Provenance(ctx context.Context, url string) ([]Publisher, error) {
	at, err := parseURL("the URL of the provenance", url)
	if err != nil {
		return nil, err
	}
	if c.index.Scheme == "https" && at.Scheme == "http" {
		return nil, fmt.Errorf("%s: an index on https names a provenance on http, which is refused", redact(at))
	}
	const accept = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5"
	a, err := c.ask(ctx, request{subject: forMetadata, url: at, accept: accept, limit: maxProvenance})
	if err != nil {
		return nil, err
	}
	out, err := DecodeProvenance(a.body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redact(at), err)
	}
	return out, nil
}
