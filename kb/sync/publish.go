package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/thamos/thamos/kb"
)

// A Publication is what came of publishing.
type Publication struct {
	Latest
	Changed bool // else what was there says the same, and stays

	// NoDelta says why there is no delta to this snapshot; empty if there is one,
	// or nothing to begin with.
	NoDelta string
}

// Publish puts a snapshot into a folder from which others can be kept in sync.
// The files that latest.json names are there and whole before it names them.
// Equal snapshots, serials, times and keys give equal bytes.
func Publish(ctx context.Context, o PublishOptions) (_ Publication, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("publish: %w", err)
		}
	}()
	if len(o.Signers) == 0 {
		return Publication{}, errors.New("no key to sign with")
	}
	if err := o.Check(); err != nil {
		return Publication{}, err
	}
	p := publisher{PublishOptions: o, dir: filepath.Join(o.To, Version)}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return Publication{}, err
	}
	unlock, err := lock(ctx, filepath.Join(o.To, ".publish.lock"), nil)
	if err != nil {
		return Publication{}, err
	}
	defer unlock()
	if p.temp, err = os.MkdirTemp(p.dir, ".publish-"); err != nil {
		return Publication{}, err
	}
	defer os.RemoveAll(p.temp)
	return p.publish(ctx)
}

// A publisher publishes once.
type publisher struct {
	PublishOptions
	dir, temp string
	before    *Latest // nil: nothing was published yet
	signed    []byte  // of before
}

func (p *publisher) publish(ctx context.Context) (Publication, error) {
	if err := p.readBefore(); err != nil {
		return Publication{}, err
	}
	l, err := p.describe(ctx)
	if err != nil {
		return Publication{}, err
	}
	if same, err := p.unchanged(l); err != nil {
		return Publication{}, err
	} else if same {
		return Publication{Latest: *p.before}, nil
	}
	if p.before != nil {
		if l.Serial = p.before.Serial + 1; l.Published.Before(p.before.Published) {
			return Publication{}, fmt.Errorf("what is there was published later, at %s: is the clock wrong?", p.before.Published.Format(time.RFC3339))
		}
	}
	if err := p.writeBase(&l); err != nil {
		return Publication{}, err
	}
	out := Publication{Changed: true}
	if out.NoDelta, err = p.writeDelta(ctx, &l); err != nil {
		return Publication{}, err
	}
	p.remember(&l)
	if err := l.check(); err != nil {
		return Publication{}, err
	}
	text, err := l.encode()
	if err != nil {
		return Publication{}, err
	}
	if err := p.writeSigned(latestName, text); err != nil {
		return Publication{}, err
	}
	out.Latest = l
	return out, p.prune(l)
}

// readBefore reads what is published, which must be signed by one of the keys:
// the serial goes on from there.
func (p *publisher) readBefore() error {
	text, err := os.ReadFile(filepath.Join(p.dir, latestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.signed, err = os.ReadFile(filepath.Join(p.dir, latestName+signatureExt)); err != nil {
		return err
	}
	var keys []Key
	for _, s := range p.Signers {
		keys = append(keys, Key{Verifier: s.Verifier})
	}
	if _, err := verify("what is published", text, p.signed, keys, p.Now); err != nil {
		return fmt.Errorf("%w; sign with a key that it is signed with, or into another folder", err)
	}
	l, err := decodeLatest(text)
	if err != nil {
		return err
	}
	p.before = &l
	return nil
}

// describe says what the snapshot is.
func (p *publisher) describe(ctx context.Context) (Latest, error) {
	d, err := kb.Open(ctx, p.From)
	if err != nil {
		return Latest{}, err
	}
	defer d.Close()
	if err := d.Verify(ctx); err != nil {
		return Latest{}, err
	}
	info, err := d.Info(ctx)
	if err != nil {
		return Latest{}, err
	}
	next := p.NextUpdate
	if next == 0 {
		next = 24 * time.Hour
	}
	l := Latest{
		Schema: LatestSchema, Stream: p.Stream, Serial: 1, Status: p.Status,
		Published: p.Now.UTC().Truncate(time.Second), KBSchema: info.Schema, Digest: info.Digest,
		Built: time.Unix(info.Built, 0).UTC(), MinClient: p.MinClient, Keys: p.Keys,
		Deltas: []Delta{}, History: []Former{}, Sources: []Origin{},
	}
	l.NextUpdate = l.Published.Add(next)
	if l.Stream == "" && p.before != nil {
		l.Stream = p.before.Stream
	} else if l.Stream == "" {
		l.Stream = p.Signers[0].Name()
	}
	if l.Status == "" {
		l.Status = Active
	}
	for _, s := range info.Sources {
		l.Sources = append(l.Sources, Origin(s))
	}
	return l, nil
}

// unchanged reports whether what is there says what l would say, but for times.
func (p *publisher) unchanged(l Latest) (bool, error) {
	b := p.before
	if b == nil || p.Renew || b.Digest != l.Digest || b.Status != l.Status || b.MinClient != l.MinClient || b.Stream != l.Stream || !slices.Equal(b.Keys, l.Keys) {
		return false, nil
	}
	text, err := b.encode()
	if err != nil {
		return false, err
	}
	signed, err := sign(text, p.Signers)
	if err != nil || !bytes.Equal(signed, p.signed) {
		return false, err
	}
	stat, err := os.Stat(filepath.Join(p.dir, b.Base.Path))
	return err == nil && stat.Size() == b.Base.Size, nil
}

// writeBase packs the snapshot.
func (p *publisher) writeBase(l *Latest) error {
	l.Base.Path = "kb-" + l.Digest[:16] + ".db.zst"
	var err error
	if l.Base.Unpacked, _, err = kb.Size(p.From); err != nil {
		return err
	}
	return p.write(&l.Base, func(w io.Writer) error { return kb.Pack(p.From, w) })
}

// writeDelta writes the delta from what was published before, and makes sure
// that it leads where it should. It says why there is none.
func (p *publisher) writeDelta(ctx context.Context, l *Latest) (string, error) {
	switch {
	case p.before == nil || p.Deltas <= 0:
		return "", nil
	case p.before.Digest == l.Digest:
		l.Deltas = p.before.Deltas
		return "", nil
	}
	old, now := filepath.Join(p.temp, "old.db"), filepath.Join(p.temp, "new.db")
	if err := unpackFile(ctx, filepath.Join(p.dir, p.before.Base.Path), old, p.before.Base); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return fmt.Sprintf("the snapshot before cannot be read: %v", err), nil
	}
	d := Delta{From: p.before.Digest, To: l.Digest, File: File{Path: "kb-" + p.before.Digest[:16] + "-" + l.Digest[:16] + ".delta.zst"}}
	var text bytes.Buffer
	if err := p.compare(ctx, old, &text); errors.Is(err, kb.ErrNoDelta) || errors.Is(err, kb.ErrSchema) {
		return err.Error(), nil // the one before may be of an older model
	} else if err != nil {
		return "", err
	}
	if int64(text.Len()) > l.Base.Size/2 {
		return fmt.Sprintf("it would have %d bytes, the whole snapshot has %d", text.Len(), l.Base.Size), nil
	}
	info, err := kb.ApplyDelta(ctx, old, bytes.NewReader(text.Bytes()), now)
	if err != nil {
		return "", err
	}
	if info.Digest != l.Digest {
		return "", fmt.Errorf("the delta leads to %s", info.Digest)
	}
	if err := p.write(&d.File, func(w io.Writer) error { _, err := w.Write(text.Bytes()); return err }); err != nil {
		return "", err
	}
	l.Deltas = append(slices.Clone(p.before.Deltas), d)
	l.Deltas = l.Deltas[max(0, len(l.Deltas)-p.Deltas):]
	return "", nil
}

func (p *publisher) compare(ctx context.Context, old string, w io.Writer) error {
	a, err := kb.Open(ctx, old)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := kb.Open(ctx, p.From)
	if err != nil {
		return err
	}
	defer b.Close()
	return kb.WriteDelta(ctx, a, b, w)
}

// remember notes the snapshots before this one, whose bases are still there for
// those who are just reading them.
func (p *publisher) remember(l *Latest) {
	if p.before == nil {
		return
	}
	h := p.before.History
	if p.before.Digest != l.Digest {
		h = append([]Former{{p.before.Serial, p.before.Digest, p.before.Base.Path}}, h...)
	}
	h = slices.DeleteFunc(slices.Clone(h), func(f Former) bool { return f.Digest == l.Digest })
	l.History = append([]Former{}, h[:min(len(h), p.Deltas)]...)
}

// write puts a file in its place and notes its size and digest. One that is there
// already stays.
func (p *publisher) write(f *File, fill func(io.Writer) error) error {
	temp := filepath.Join(p.temp, f.Path)
	out, err := os.Create(temp)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(out), out.Close()); err != nil {
		return err
	}
	if f.Size, f.SHA256, err = kb.Size(temp); err != nil {
		return err
	}
	at := filepath.Join(p.dir, f.Path)
	if size, sum, err := kb.Size(at); err != nil || size != f.Size || sum != f.SHA256 {
		if err := place(temp, at); err != nil {
			return err
		}
	}
	return nil
}

// writeSigned writes latest.json and its signatures, and those of the base. The
// two are two files, so that a reader may meet the new one of the first and the
// old one of the other; it then looks again.
func (p *publisher) writeSigned(name string, text []byte) error {
	l, err := decodeLatest(text)
	if err != nil {
		return err
	}
	signed, err := sign(text, p.Signers)
	if err != nil {
		return err
	}
	own, err := sign(statementOf(l).encode(), p.Signers)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{
		{l.Base.Path + signatureExt, append(append(statementOf(l).encode(), '\n'), own...)},
		{name + signatureExt, signed},
		{name, text},
	} {
		temp := filepath.Join(p.temp, "signed")
		if err := os.WriteFile(temp, f.text, 0o644); err != nil {
			return err
		}
		if err := place(temp, filepath.Join(p.dir, f.name)); err != nil {
			return err
		}
	}
	return nil
}

// prune removes what nothing refers to any more.
func (p *publisher) prune(l Latest) error {
	keep := map[string]bool{l.Base.Path: true, l.Base.Path + signatureExt: true}
	for _, d := range l.Deltas {
		keep[d.Path] = true
	}
	for _, h := range l.History {
		keep[h.Path], keep[h.Path+signatureExt] = true, true
	}
	files, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		ours := strings.HasPrefix(f.Name(), "kb-") && (strings.HasSuffix(f.Name(), ".zst") || strings.HasSuffix(f.Name(), ".zst"+signatureExt))
		if ours && !keep[f.Name()] {
			if err := os.Remove(filepath.Join(p.dir, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
