package sync

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/thamos/thamos/kb"
)

// bring makes the file of the newest snapshot, by deltas if they lead there and
// are smaller, else of the base.
func (y *syncing) bring(ctx context.Context, from Source, l Latest, to string) error {
	if a := y.record.Active; a != nil && !y.BaseOnly {
		deltas := l.path(a.Digest)
		size := int64(0)
		for _, d := range deltas {
			size += d.Size
		}
		if len(deltas) > 0 && size < l.Base.Size {
			err := y.byDeltas(ctx, from, l, deltas, to)
			if err == nil || ctx.Err() != nil {
				return err
			}
			y.Notes = append(y.Notes, fmt.Sprintf("the whole snapshot is fetched, for the deltas did not do: %v", err))
		}
	}
	y.Deltas, y.Bytes = 0, l.Base.Size
	return y.byBase(ctx, from, l, to)
}

// byBase fetches the whole snapshot.
func (y *syncing) byBase(ctx context.Context, from Source, l Latest, to string) error {
	packed, err := y.fetch(ctx, from, l.Base, func(done, total int64) { y.progress("fetching "+l.Base.Path, done, total) })
	if err != nil {
		return err
	}
	y.progress("unpacking", 0, 0)
	temp, err := y.temp()
	if err != nil {
		return err
	}
	defer os.Remove(temp) // after the rename there is nothing to remove
	if err := unpackFile(ctx, packed, temp, l.Base); err != nil {
		if errors.Is(err, kb.ErrDamaged) || errors.Is(err, ErrChanged) {
			forget(packed)
		}
		return err
	}
	if err := verifyFile(ctx, temp, l.Digest); err != nil {
		forget(packed)
		return err
	}
	if err := place(temp, to); err != nil {
		return err
	}
	forget(packed)
	return nil
}

// byDeltas makes the snapshot of the active one.
func (y *syncing) byDeltas(ctx context.Context, from Source, l Latest, deltas []Delta, to string) error {
	at := y.Path(y.record.Active)
	y.Deltas, y.Bytes = 0, 0
	var steps []string
	defer func() {
		for _, s := range steps {
			os.Remove(s) // what is left is found by gc
		}
	}()
	for _, d := range deltas {
		packed, err := y.fetch(ctx, from, d.File, func(done, total int64) { y.progress("fetching "+d.Path, done, total) })
		if err != nil {
			return err
		}
		y.progress("applying "+d.Path, 0, 0)
		temp, err := y.temp()
		if err != nil {
			return err
		}
		steps = append(steps, temp)
		if err := applyDelta(ctx, at, packed, temp, d); err != nil {
			if ctx.Err() == nil {
				forget(packed)
			}
			return err
		}
		forget(packed)
		at = temp
		y.Deltas, y.Bytes = y.Deltas+1, y.Bytes+d.Size
	}
	return place(at, to)
}

// applyDelta makes one step; what comes of it has the digest of the step.
func applyDelta(ctx context.Context, from, packed, to string, d Delta) error {
	f, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := kb.ApplyDelta(ctx, from, f, to)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	if info.Digest != d.To {
		return fmt.Errorf("%s is %w: it leads to %.12s", d.Path, ErrChanged, info.Digest)
	}
	return nil
}

// temp makes a file for what is not finished.
func (y *syncing) temp() (string, error) {
	f, err := os.CreateTemp(y.Dir, tempPrefix)
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// verifyFile makes sure that a file is the snapshot of a digest, all of it.
func verifyFile(ctx context.Context, path, digest string) error {
	d, err := kb.Open(ctx, path)
	if err != nil {
		return err
	}
	defer d.Close()
	if d.Digest() != digest {
		return fmt.Errorf("the snapshot is %w: its digest is %.12s…, not %.12s…", ErrChanged, d.Digest(), digest)
	}
	return d.Verify(ctx)
}
