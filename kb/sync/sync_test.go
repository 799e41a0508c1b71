package sync

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"
)

// TestSync goes through the life of a store.
func TestSync(t *testing.T) {
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	store := Store{filepath.Join(t.TempDir(), "kb")}
	web := serveDir(t, dir)

	first := publish(t, snapshot(t, 200, 0), dir, PublishOptions{Signers: []Signer{signer}})
	out := mustSync(t, store, options(key, web))
	if !out.Changed || out.Deltas != 0 || out.Active.Serial != 1 || out.Bytes != first.Base.Size || out.Active.Source != web.Name() {
		t.Fatalf("first: %+v", out)
	}
	if out := mustSync(t, store, options(key, web)); out.Changed {
		t.Fatalf("again: %+v", out)
	}

	// Two deltas at once, and the file is the one that a base unpacks to.
	publish(t, snapshot(t, 200, 2), dir, PublishOptions{Signers: []Signer{signer}, Now: now.Add(1)})
	newer := snapshot(t, 200, 4)
	third := publish(t, newer, dir, PublishOptions{Signers: []Signer{signer}, Now: now.Add(2)})
	out = mustSync(t, store, options(key, web))
	if !out.Changed || out.Deltas != 2 || out.Active.Digest != third.Digest {
		t.Fatalf("deltas: %+v", out)
	}
	got, _ := os.ReadFile(store.Path(out.Active))
	want, _ := os.ReadFile(newer)
	if string(got) != string(want) {
		t.Error("the file is another than the one that was published")
	}

	// Back, and not forward again until something newer comes.
	r, err := store.Rollback(context.Background())
	if err != nil || r.Active.Digest != first.Digest {
		t.Fatalf("%v, %+v", err, r.Active)
	}
	whole(t, store, first.Digest)
	if out := mustSync(t, store, options(key, web)); out.Changed || !strings.Contains(strings.Join(out.Notes, "\n"), "rolled back") {
		t.Fatalf("after the roll-back: %+v", out)
	}
	o := options(key, web)
	o.Again = true
	if out := mustSync(t, store, o); !out.Changed || out.Active.Digest != third.Digest || out.Bytes != 0 {
		t.Fatalf("--again: %+v", out)
	}
	publish(t, snapshot(t, 200, 5), dir, PublishOptions{Signers: []Signer{signer}, Now: now.Add(3)})
	o = options(key, web)
	o.BaseOnly = true
	putTree(t, filepath.Join(store.Dir, partialName), map[string][]byte{strings.Repeat("0", 64): []byte("half")})
	if out = mustSync(t, store, o); !out.Changed || out.Deltas != 0 || out.Active.Serial != 4 {
		t.Fatalf("base only: %+v", out)
	}

	// Who has restored the file from a copy has it read once, not for ever.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(store.Path(out.Active), later, later); err != nil {
		t.Fatal(err)
	}
	if out := mustSync(t, store, options(key, web)); out.Active.Changed != later.UnixNano() || out.Changed {
		t.Errorf("a file with another time: %+v", out.Active)
	}

	// A store keeps two snapshots and nothing else, also no half of one.
	if files, _ := filepath.Glob(filepath.Join(store.Dir, "kb-*.db")); len(files) != 2 {
		t.Errorf("snapshots: %q", files)
	}
	left, _ := filepath.Glob(filepath.Join(store.Dir, tempPrefix+"*"))
	half, _ := filepath.Glob(filepath.Join(store.Dir, partialName, "*"))
	if len(left)+len(half) != 0 {
		t.Errorf("left: %q, %q", left, half)
	}
}

// TestCollect: what is not used is removed, and only if that is wanted.
func TestCollect(t *testing.T) {
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	store := Store{filepath.Join(t.TempDir(), "kb")}
	if removed, _, err := store.Collect(context.Background(), false); err != nil || len(removed) > 0 {
		t.Errorf("of nothing: %q, %v", removed, err)
	}
	p := publish(t, snapshot(t, 20, 0), dir, PublishOptions{Signers: []Signer{signer}})
	mustSync(t, store, options(key, Directory{dir}))
	before := tree(t, store.Dir)
	putTree(t, store.Dir, map[string][]byte{"kb-0123456789abcdef.db": []byte("old"), tempPrefix + "1": []byte("left"), ".kb-2.tmp": nil, partialName + "/x": []byte("half"), "note.txt": nil})
	removed, size, err := store.Collect(context.Background(), true)
	if err != nil || len(removed) != 4 || size != 11 {
		t.Errorf("dry: %q, %d bytes, %v", removed, size, err)
	}
	if again, _, err := store.Collect(context.Background(), false); err != nil || len(again) != 4 {
		t.Errorf("%q, %v", again, err)
	}
	before["note.txt"] = nil // whose ever it is
	if name := sameTree(before, tree(t, store.Dir)); name != "" {
		t.Errorf("%s is not what it was", name)
	}
	whole(t, store, p.Digest)
}

// TestSources: a folder, v1 itself, a bundle and a single file do as well as a
// web server, and a mirror that fails is passed over.
func TestSources(t *testing.T) {
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	p := publish(t, snapshot(t, 50, 0), dir, PublishOptions{Signers: []Signer{signer}})
	base := filepath.Join(dir, Version, p.Base.Path)
	first := Store{filepath.Join(t.TempDir(), "kb")}
	mustSync(t, first, options(key, Directory{dir}))
	bundle := filepath.Join(t.TempDir(), "kb.tar")
	if _, err := first.Export(context.Background(), bundle); err != nil {
		t.Fatal(err)
	}
	again := bundle + "2"
	if _, err := first.Export(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(bundle)
	if b, _ := os.ReadFile(again); string(a) != string(b) {
		t.Error("the bundle is another the second time")
	}
	for name, source := range map[string]Source{"folder": Directory{dir}, "v1": Directory{filepath.Join(dir, Version)}, "bundle": Bundle{bundle}, "web": serveDir(t, dir)} {
		store := Store{filepath.Join(t.TempDir(), "kb")}
		out := mustSync(t, store, options(key, Directory{t.TempDir()}, serveDir(t, t.TempDir()), source))
		if out.Active.Digest != p.Digest || len(out.Notes) != 2 || !strings.Contains(out.Notes[1], "has no v1/latest.json") {
			t.Errorf("%s: %+v", name, out)
		}
	}
	single := func(file string, unsigned bool, keys Key) (Outcome, error) {
		store := Store{filepath.Join(t.TempDir(), "kb")}
		return store.SyncFile(context.Background(), file, unsigned, options(keys))
	}
	_, stranger := pair(t, "kb.example")
	if out, err := single(base, false, key); err != nil || out.Active.Serial != 1 || out.Active.Digest != p.Digest || len(out.Active.SignedBy) != 1 {
		t.Errorf("signed file: %v", err)
	}
	if _, err := single(base, true, stranger); err == nil || !strings.Contains(err.Error(), "none of the trusted keys") {
		t.Errorf("file signed by somebody else: %v", err)
	}
	plain := snapshot(t, 50, 0)
	if _, err := single(plain, false, key); err == nil || !strings.Contains(err.Error(), "--allow-unsigned") {
		t.Errorf("unsigned: %v", err)
	}
	if out, err := single(plain, true, key); err != nil || out.Active.Serial != 0 || out.Active.Digest != p.Digest {
		t.Errorf("unsigned, allowed: %v", err)
	}
	sig, _ := os.ReadFile(base + signatureExt)
	other := snapshot(t, 50, 1)
	if err := os.WriteFile(other+signatureExt, sig, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := single(other, true, key); err == nil || !strings.Contains(err.Error(), "not what was signed") {
		t.Errorf("signature of another file: %v", err)
	}
	packed := filepath.Join(t.TempDir(), "x.db.zst")
	if err := ExportPacked(plain, packed); err != nil {
		t.Fatal(err)
	}
	if out, err := single(packed, true, key); err != nil || out.Active.Digest != p.Digest {
		t.Errorf("unsigned and packed: %v", err)
	}
}

// TestRotation: a key gives way to another without anybody touching the
// configuration, and only a pinned key can say so.
func TestRotation(t *testing.T) {
	old, pinned := pair(t, "kb.example")
	next, nextKey := pair(t, "kb.example-2")
	third, thirdKey := pair(t, "kb.example-3")
	dir := t.TempDir()
	store := Store{filepath.Join(t.TempDir(), "kb")}
	o := options(pinned, Directory{dir})
	publish(t, snapshot(t, 20, 0), dir, PublishOptions{Signers: []Signer{old}})
	mustSync(t, store, o)
	publish(t, snapshot(t, 20, 1), dir, PublishOptions{Signers: []Signer{old, next}, Keys: []string{nextKey.Verifier}, Now: now.Add(1)})
	if out := mustSync(t, store, o); !strings.Contains(strings.Join(out.Notes, "\n"), "announces the key kb.example-2+") {
		t.Errorf("notes: %q", out.Notes)
	}
	publish(t, snapshot(t, 20, 2), dir, PublishOptions{Signers: []Signer{next}, Keys: []string{thirdKey.Verifier}, Now: now.Add(2)})
	if out := mustSync(t, store, o); out.Active.Serial != 3 || out.Active.SignedBy[0] != "kb.example-2" {
		t.Errorf("%+v", out)
	}
	// The second key is not pinned: it cannot bring in a third.
	publish(t, snapshot(t, 20, 3), dir, PublishOptions{Signers: []Signer{next, third}, Now: now.Add(3)})
	publish(t, snapshot(t, 20, 3), dir, PublishOptions{Signers: []Signer{third}, Now: now.Add(4)})
	if _, err := store.Sync(context.Background(), o); err == nil || !strings.Contains(err.Error(), "signed by none") {
		t.Errorf("a third key: %v", err)
	}
	o.Keys = []Key{nextKey}
	if _, err := store.Sync(context.Background(), o); err == nil {
		t.Error("a key that nobody announced is trusted")
	}
	o.Keys = []Key{thirdKey}
	mustSync(t, store, o)
	// Who pins only what somebody else vouched for trusts only that.
	o.Keys = nil
	if _, err := store.Sync(context.Background(), o); err == nil {
		t.Error("without a pinned key something is trusted")
	}
}

// TestAtOnce: any number of syncs at once are as one.
func TestAtOnce(t *testing.T) {
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	p := publish(t, snapshot(t, 200, 0), dir, PublishOptions{Signers: []Signer{signer}})
	web := serveDir(t, dir)
	store := Store{filepath.Join(t.TempDir(), "kb")}
	var group gosync.WaitGroup
	changed := make(chan bool, 8)
	for range 8 {
		group.Go(func() {
			out, err := store.Sync(context.Background(), options(key, web))
			if err != nil {
				t.Error(err)
			}
			changed <- out.Changed
		})
	}
	group.Wait()
	close(changed)
	n := 0
	for c := range changed {
		if c {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of 8 changed the active snapshot", n)
	}
	whole(t, store, p.Digest)

	// One that waits can be told to stop.
	unlock, err := lock(context.Background(), filepath.Join(store.Dir, lockName), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := store.Sync(ctx, options(key, web)); err == nil {
		t.Error("a locked store was changed")
	}
}
