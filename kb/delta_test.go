package kb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/thamos/thamos/kb/py"
)

// TestDelta: between any two snapshots the delta makes the second of the first,
// byte for byte, and is the same each time.
func TestDelta(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	dir := t.TempDir()
	ctx := context.Background()
	for round := range 8 {
		a, b := randomSnapshot(t, r), randomSnapshot(t, r)
		if round%4 == 3 {
			b = a
		}
		delta := deltaOf(t, a, b)
		if again := deltaOf(t, a, b); !bytes.Equal(delta, again) {
			t.Fatal("another delta of the same")
		}
		to := filepath.Join(dir, "to.db")
		info, err := ApplyDelta(ctx, a, bytes.NewReader(delta), to)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		got, err1 := os.ReadFile(to)
		want, err2 := os.ReadFile(b)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("round %d: other bytes, digest %s", round, info.Digest)
		}
		// Whatever bit of it is flipped, nothing wrong comes of it.
		for range 5 {
			bad := bytes.Clone(delta)
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
			if info2, err := ApplyDelta(ctx, a, bytes.NewReader(bad), filepath.Join(dir, "bad.db")); err == nil && info2.Digest != info.Digest {
				t.Fatalf("a damaged delta gave %s, not %s", info2.Digest, info.Digest)
			} else if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoDelta) {
				t.Fatalf("a damaged delta: %v", err)
			}
		}
		// Also where the frame is whole, and only what it holds is another.
		for range 25 {
			bad := repacked(t, delta, func(text []byte) {
				for range 1 + r.IntN(3) {
					text[r.IntN(len(text))] = byte(r.IntN(256))
				}
			})
			if info2, err := ApplyDelta(ctx, a, bytes.NewReader(bad), filepath.Join(dir, "bad.db")); err == nil && info2.Digest != info.Digest {
				t.Fatalf("a changed delta gave %s, not %s", info2.Digest, info.Digest)
			}
		}
		if _, err := ApplyDelta(ctx, a, bytes.NewReader(delta[:r.IntN(len(delta))]), filepath.Join(dir, "cut.db")); err == nil {
			t.Fatal("a delta that is cut off was applied")
		}
		other := randomSnapshot(t, r)
		if _, err := ApplyDelta(ctx, other, bytes.NewReader(delta), filepath.Join(dir, "other.db")); !errors.Is(err, ErrNoDelta) {
			t.Fatalf("a delta of another snapshot: %v", err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".kb-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %q", left)
	}
}

// repacked changes what a delta holds.
func repacked(t *testing.T, delta []byte, change func(text []byte)) []byte {
	t.Helper()
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := r.DecodeAll(delta, nil)
	if err != nil {
		t.Fatal(err)
	}
	change(text)
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(text, nil)
}

// deltaOf is the delta between two files.
func deltaOf(t testing.TB, from, to string) []byte {
	t.Helper()
	ctx := context.Background()
	a, err1 := Open(ctx, from)
	b, err2 := Open(ctx, to)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	var out bytes.Buffer
	if err := WriteDelta(ctx, a, b, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// randomSnapshot writes a small snapshot in which much is shared.
func randomSnapshot(t testing.TB, r *rand.Rand) string {
	t.Helper()
	word := func(of string, n int) string { return fmt.Sprintf("%s%d", of, r.IntN(n)) }
	var listings []Listing
	for p := range 8 {
		if r.IntN(4) == 0 {
			continue
		}
		l := Listing{Name: py.Name(fmt.Sprintf("p%d", p)), Status: []string{"", "archived"}[r.IntN(2)]}
		for v := range 5 {
			if r.IntN(3) == 0 {
				continue
			}
			text := fmt.Sprintf("%d.0", v)
			ver, err := py.ParseVersion(text)
			if err != nil {
				t.Fatal(err)
			}
			l.Versions = append(l.Versions, ver)
			if r.IntN(3) > 0 {
				l.Files = append(l.Files, py.File{
					Filename: fmt.Sprintf("%s-%s-py3-none-any.whl", l.Name, text), URL: word("https://files.example/", 9), Size: int64(r.IntN(99) + 1),
					SHA256: sum(word("", 10)), RequiresPython: word(">=3.", 4), Yanked: r.IntN(5) == 0, Uploaded: int64(1 + r.IntN(5)),
				})
			}
			if r.IntN(3) > 0 {
				m := py.Metadata{Name: string(l.Name), Version: ver, License: word("MIT-", 3)}
				for range r.IntN(3) {
					m.RequiresDist = append(m.RequiresDist, word("p", 8)+word("<", 9))
				}
				l.Metadata = append(l.Metadata, m)
			}
		}
		listings = append(listings, l)
	}
	file, _ := write(t, listings, func(w *Writer) {
		if r.IntN(3) == 0 {
			return
		}
		facts := Facts{Observations: observations(t), Indicators: indicators(t), Rules: rulesOf("step/p1/a", "boot//every", word("step/p2/c", 4)), Advisories: advisories(t)[r.IntN(2):]}
		if err := w.AddFacts(Source{Name: word("facts", 2), Licence: "CC0-1.0", Date: "2026-01-01"}, facts); err != nil {
			t.Fatal(err)
		}
	})
	return file
}

// TestDeltaOfADay: what one release more changes is small, although every
// number after it is another.
func TestDeltaOfADay(t *testing.T) {
	many := func(extra bool) string {
		var ls []Listing
		for p := range 300 {
			l := Listing{Name: py.Name(fmt.Sprintf("p%03d", p))}
			for v := range 20 {
				if v == 19 && (p != 3 || !extra) {
					continue
				}
				ver, err := py.ParseVersion(fmt.Sprintf("%d.0", v))
				if err != nil {
					t.Fatal(err)
				}
				l.Versions = append(l.Versions, ver)
				l.Metadata = append(l.Metadata, py.Metadata{Name: string(l.Name), Version: ver, License: fmt.Sprintf("L-%d", p*9+v/4), RequiresDist: []string{fmt.Sprintf("p%03d>=%d.%d", (p*7+v)%300, v, p)}})
				l.Files = append(l.Files, py.File{
					Filename: fmt.Sprintf("%s-%s-cp3%d-cp3%d-linux_x86_%d.whl", l.Name, ver, v, v, p), Size: 1, SHA256: sum("1"), Uploaded: 1,
					RequiresPython: fmt.Sprintf(">=3.%d.%d", v, p),
				})
			}
			ls = append(ls, l)
		}
		file, _ := write(t, ls, nil)
		return file
	}
	a, b := many(false), many(true)
	var base bytes.Buffer
	if err := Pack(b, &base); err != nil {
		t.Fatal(err)
	}
	if delta := deltaOf(t, a, b); len(delta)*50 > base.Len() {
		t.Errorf("the delta has %d bytes, the snapshot %d", len(delta), base.Len())
	}
}

// FuzzDelta: whatever a delta holds, the answer is the snapshot that it promises
// or an error. What is fuzzed is inside the frame, which has a checksum.
func FuzzDelta(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 1))
	a, b := randomSnapshot(f, r), randomSnapshot(f, r)
	unpacked, err := zstd.NewReader(bytes.NewReader(deltaOf(f, a, b)))
	if err != nil {
		f.Fatal(err)
	}
	defer unpacked.Close()
	text, err := io.ReadAll(unpacked)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		f.Fatal(err)
	}
	defer packer.Close()
	to := filepath.Join(f.TempDir(), "to.db")
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := ApplyDelta(context.Background(), a, bytes.NewReader(packer.EncodeAll(text, nil)), to)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoDelta) {
			t.Fatal(err)
		}
	})
}
