package sync

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
)

// TestPublishTwice: the same snapshot, keys and time give the same bytes; what is
// the same already stays, and a serial only rises.
func TestPublishTwice(t *testing.T) {
	signer, _ := pair(t, "kb.example")
	other, _ := pair(t, "kb.example-2")
	old, newer := snapshot(t, 30, 0), snapshot(t, 30, 3)
	var trees []map[string][]byte
	for range 2 {
		dir := t.TempDir()
		publish(t, old, dir, PublishOptions{Signers: []Signer{signer, other}})
		p := publish(t, newer, dir, PublishOptions{Signers: []Signer{signer, other}, Now: now.Add(time.Hour)})
		if p.Serial != 2 || !p.Changed || len(p.Deltas) != 1 || p.NoDelta != "" {
			t.Fatalf("%+v", p)
		}
		trees = append(trees, tree(t, dir))
		again := publish(t, newer, dir, PublishOptions{Signers: []Signer{signer, other}, Now: now.Add(2 * time.Hour)})
		if again.Changed || again.Serial != 2 {
			t.Fatalf("publishing the same again: %+v", again)
		}
		trees = append(trees, tree(t, dir))
	}
	for _, other := range trees[1:] {
		if name := sameTree(trees[0], other); name != "" {
			t.Errorf("%s is not the same", name)
		}
	}
}

func TestPublish(t *testing.T) {
	signer, _ := pair(t, "kb.example")
	stranger, _ := pair(t, "kb.example")
	dir := t.TempDir()
	var names []string
	for n := range 6 {
		p := publish(t, snapshot(t, 30, n), dir, PublishOptions{Signers: []Signer{signer}, Deltas: 2, Now: now.Add(time.Duration(n) * time.Hour)})
		if want := min(n, 2); p.Serial != int64(n+1) || len(p.Deltas) != want || len(p.History) != want {
			t.Fatalf("publication %d: serial %d, %d deltas, %d former", n, p.Serial, len(p.Deltas), len(p.History))
		}
		names = append(names, p.Base.Path)
	}
	files := tree(t, dir)
	for n, name := range names {
		if _, there := files["v1/"+name]; there != (n >= 3) {
			t.Errorf("base %d is there: %t", n, there)
		}
	}
	if len(files) != 2+3*2+2+1 { // latest, bases with signatures, deltas, lock
		t.Errorf("%d files are published", len(files))
	}
	renewed := publish(t, snapshot(t, 30, 5), dir, PublishOptions{Signers: []Signer{signer}, Deltas: 2, Now: now.Add(9 * time.Hour), Renew: true})
	if renewed.Serial != 7 || len(renewed.Deltas) != 2 || !renewed.NextUpdate.Equal(now.Add(33*time.Hour)) {
		t.Errorf("renewed: %+v", renewed)
	}
	for _, c := range []struct {
		name string
		o    PublishOptions
		want string
	}{
		{"another key", PublishOptions{Signers: []Signer{stranger}, Now: now.Add(10 * time.Hour)}, "signed by none of the trusted keys"},
		{"no key", PublishOptions{Now: now}, "no key"},
		{"the past", PublishOptions{Signers: []Signer{signer}, Now: now}, "is the clock wrong"},
		{"no status", PublishOptions{Signers: []Signer{signer}, Now: now.Add(10 * time.Hour), Status: "asleep"}, "none of active"},
	} {
		c.o.From, c.o.To = snapshot(t, 30, 9), dir
		before := tree(t, dir)
		if _, err := Publish(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		delete(before, "v1/"+renewed.Base.Path)
		after := tree(t, dir)
		for name, text := range before {
			if string(after[name]) != string(text) {
				t.Errorf("%s: %s was changed", c.name, name)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	private, verifier, err := Keygen("kb.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{verifier, ""},
		{verifier + " until=2027-01-31", ""},
		{verifier + " until=soon", "until=2027-01-31"},
		{private, "private key"},
		{"", "a key is"},
		{"kb.example+00000000+AAAA", "key"},
		{verifier[:len(verifier)-4] + "AAA=", "key"},
	} {
		if _, err := ParseKey(c.text); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseKey(%q): %v", c.text, err)
		}
	}
	if _, err := ParseSigner(verifier); err == nil {
		t.Error("a verifier key signs")
	}
	for _, name := range []string{"", "a b", "a+b"} {
		if _, _, err := Keygen(name); err == nil {
			t.Errorf("a key is named %q", name)
		}
	}
}

// A snapshot follows one of an older model whole, without a delta.
func TestPublishOtherModel(t *testing.T) {
	signer, _ := pair(t, "kb.example")
	dir := t.TempDir()
	from := snapshot(t, 30, 0)
	l := publish(t, from, dir, PublishOptions{Signers: []Signer{signer}}).Latest
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	older := bytes.Replace(text, []byte("schema"+kb.Schema), []byte("schema0.0.9"), 1)
	var packed bytes.Buffer
	if err := errors.Join(os.WriteFile(from, older, 0o644), kb.Pack(from, &packed)); err != nil || bytes.Equal(text, older) {
		t.Fatal("no older model was made", err)
	}
	l.KBSchema, l.Base.Size, l.Base.SHA256 = "0.0.9", int64(packed.Len()), hexSum(packed.Bytes())
	latest, err1 := l.encode()
	signed, err2 := sign(latest, []Signer{signer})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	putTree(t, dir, map[string][]byte{"v1/latest.json": latest, "v1/latest.json.sig": signed, "v1/" + l.Base.Path: packed.Bytes()})
	p := publish(t, snapshot(t, 30, 3), dir, PublishOptions{Signers: []Signer{signer}, Now: now.Add(time.Hour)})
	if p.Serial != 2 || len(p.Deltas) != 0 || !strings.Contains(p.NoDelta, "an older thamos reads it") {
		t.Errorf("%+v", p)
	}
}
