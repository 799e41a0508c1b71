package kb

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestIdentity: it is what Info says but for what must be counted.
func TestIdentity(t *testing.T) {
	for _, facts := range []func(*Writer){nil, addFacts(t)} {
		db, err := Open(context.Background(), snapshotAt(t, 5, facts, tool(t)))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		info, err := db.Info(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Identity(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := Info{Schema: info.Schema, Digest: info.Digest, Built: info.Built, Origin: info.Origin, AdvisoriesAt: info.AdvisoriesAt}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-info +identity:\n%s", diff)
		}
		if facts != nil && (got.AdvisoriesAt == 0 || info.Advisories == 0 || info.Releases == 0) {
			t.Errorf("identity %+v, info %+v", got, info)
		}
	}
}
