package sync

import (
	"fmt"
	"time"

	"github.com/Masterminds/semver/v3"
)

// PublishOptions say what is published and how. From, To, Signers and Now must
// be set.
type PublishOptions struct {
	From string // the snapshot
	To   string // the folder; what is published lies in To/v1

	// Signers sign. One of them must have signed what is there.
	Signers []Signer

	// Stream names the publication. Empty means what is there, else the name of
	// the first key.
	Stream string

	// Deltas is how many former snapshots are kept, each with the delta that
	// leads away from it. 0 keeps none.
	Deltas int

	NextUpdate time.Duration // 0 means 24 h
	Status     Status        // empty means active
	MinClient  string
	Keys       []string // verifier keys to announce

	// Renew signs anew what was published before: with a later promise.
	Renew bool

	Now time.Time
}

// Check refuses what no program could sync, or would refuse to: what a publication
// says of itself is checked by those who read it as well.
func (o PublishOptions) Check() error {
	switch {
	case o.Stream != "" && !streamName(o.Stream):
		return fmt.Errorf("the stream %.40q is no name: up to 200 characters without spaces", o.Stream)
	case o.Status != "" && !o.Status.known():
		return fmt.Errorf("the status %.40q is none of active, deprecated, eol", o.Status)
	case o.NextUpdate < 0:
		return fmt.Errorf("the next update is promised for before this one: %v", o.NextUpdate)
	case o.Deltas < 0 || o.Deltas > maxDeltas:
		return fmt.Errorf("from 0 to %d deltas can be kept, not %d", maxDeltas, o.Deltas)
	case len(o.Keys) > maxKeys:
		return fmt.Errorf("%d keys are announced; at most %d are read", len(o.Keys), maxKeys)
	}
	if o.MinClient != "" {
		if _, err := semver.NewVersion(o.MinClient); err != nil {
			return fmt.Errorf("the oldest client %.40q is no version such as 1.2.0", o.MinClient)
		}
	}
	for _, k := range o.Keys {
		if key, err := ParseKey(k); err != nil {
			return err
		} else if key.Verifier != k {
			return fmt.Errorf("a key that is announced has no end: %q", k)
		}
	}
	return nil
}
