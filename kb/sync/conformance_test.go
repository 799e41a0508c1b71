package sync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// TestConformanceDay: on the large graph of the public index, a day in which three
// of a thousand projects have a new release is a delta of less than a hundredth of
// the whole. Of the graph every fourth project is taken, which is less work and
// says the same.
func TestConformanceDay(t *testing.T) {
	graph, err := kbtest.Zip(t, "KGraph.zip").File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer graph.Close()
	dir := t.TempDir()
	var writers [2]*kb.Writer
	for i := range writers {
		if writers[i], err = kb.Create(filepath.Join(dir, fmt.Sprintf("%d.db", i))); err != nil {
			t.Fatal(err)
		}
		writers[i].EmptyMayBeUnknown = true
	}
	r := rand.New(rand.NewPCG(11, 3))
	changed, projects, read := 0, 0, 0
	_, err = ingest.ReadKGraph(context.Background(), graph, func(l kb.Listing) error {
		if read++; read%4 > 0 {
			return nil
		}
		if err := writers[0].Add(l); err != nil {
			return err
		}
		if projects++; r.IntN(1000) < 3 && newRelease(&l, r) {
			changed++
		}
		return writers[1].Add(l)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range writers {
		info := kb.Info{Built: now.Unix() + int64(i)*24*3600, Sources: []kb.Source{{Name: "graph", Licence: "CC0-1.0", Date: "2024-05-20"}}}
		if _, err := w.Finish(info); err != nil {
			t.Fatal(err)
		}
	}
	signer, key := pair(t, "kb.example")
	public, store := t.TempDir(), Store{filepath.Join(dir, "store")}
	publish(t, filepath.Join(dir, "0.db"), public, PublishOptions{Signers: []Signer{signer}})
	mustSync(t, store, options(key, Directory{public}))
	p := publish(t, filepath.Join(dir, "1.db"), public, PublishOptions{Signers: []Signer{signer}, Now: now.Add(24 * time.Hour)})
	if len(p.Deltas) != 1 {
		t.Fatalf("no delta: %s", p.NoDelta)
	}
	started := time.Now()
	out := mustSync(t, store, options(key, Directory{public}))
	share := 100 * float64(p.Deltas[0].Size) / float64(p.Base.Size)
	t.Logf("%d of %d projects changed; base %d bytes, delta %d bytes (%.2f %%), applied and verified in %v", changed, projects, p.Base.Size, p.Deltas[0].Size, share, time.Since(started))
	if out.Deltas != 1 || share > 1 {
		t.Errorf("%d deltas, %.2f %% of the base", out.Deltas, share)
	}
	if changed < projects/500 || p.Base.Size > 15<<20 {
		t.Errorf("%d projects changed, the base has %d bytes", changed, p.Base.Size)
	}
}

// newRelease gives a project a release after its newest, which requires what that
// one does and one thing more.
func newRelease(l *kb.Listing, r *rand.Rand) bool {
	if len(l.Metadata) == 0 {
		return false
	}
	newest := slices.MaxFunc(l.Metadata, func(a, b py.Metadata) int { return a.Version.Compare(b.Version) })
	version, err := py.ParseVersion(newest.Version.String() + ".post1")
	if err != nil || newest.Version.Compare(version) >= 0 {
		return false // it is a post-release, or one of its own
	}
	next := newest
	next.Version = version
	next.RequiresDist = append(slices.Clone(newest.RequiresDist), fmt.Sprintf("added-%d>=%d.%d", r.IntN(1000), r.IntN(9), r.IntN(99)))
	l.Metadata = append(slices.Clone(l.Metadata), next)
	l.Versions = append(slices.Clone(l.Versions), next.Version)
	return true
}
