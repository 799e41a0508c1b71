package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb/sync"
)

// publishFlags are the flags of kb publish.
type publishFlags struct {
	from, to   string
	keys       []string
	announce   []string
	stream     string
	deltas     int
	nextUpdate string
	status     string
	minClient  string
	at         string
	renew      bool
}

func newKBPublish(env *Env) *cobra.Command {
	var o publishFlags
	c := &cobra.Command{
		Use:   "publish --from DB --to DIR --key FILE...",
		Short: "Put a knowledge base where others can sync it from: signed files for any static host",
		Long: `Put a knowledge base into a folder that any static host can serve, and from which
` + "`thamos kb sync`" + ` keeps others up to date:

  DIR/v1/latest.json      what the newest one is: serial, digest, sizes, sources
  DIR/v1/latest.json.sig  its signatures, by every --key
  DIR/v1/kb-….db.zst      the knowledge base, with a signature for who carries it by itself
  DIR/v1/kb-….delta.zst   what has changed from one to the next

The same knowledge base again changes nothing; --renew promises the next update
anew. Keys give way to each other: announce the new one (--announce), sign with
both for as long as users need to sync once, then with the new one alone.`,
		Example: `  thamos kb keygen --name kb.example -o kb.key
  thamos kb publish --from kb.db --to public --key kb.key`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return kbPublish(c.Context(), env, o) },
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "the knowledge base")
	f.StringVar(&o.to, "to", "", "the folder to publish into")
	f.StringArrayVar(&o.keys, "key", nil, "file with a private key to sign with, as kb keygen writes it (repeatable)")
	f.StringArrayVar(&o.announce, "announce", nil, "verifier key that will sign later, which users shall trust from now on (repeatable)")
	f.StringVar(&o.stream, "stream", "", "name of the publication, within which serials rise (default: what it was, else the name of the first key)")
	f.IntVar(&o.deltas, "deltas", 7, "how many former knowledge bases to keep, each with the delta that leads away from it")
	f.StringVar(&o.nextUpdate, "next-update", "24h", "until when the next update is promised, such as 24h or 7d")
	f.StringVar(&o.status, "status", "active", "active, deprecated (it will end) or eol (it has ended)")
	f.StringVar(&o.minClient, "min-client", "", "the oldest version of thamos that can use it")
	f.StringVar(&o.at, "at", "", "the time of publishing, as RFC 3339 has it (default: now)")
	f.BoolVar(&o.renew, "renew", false, "publish anew also what has not changed, with a later promise")
	return c
}

func kbPublish(ctx context.Context, env *Env, f publishFlags) error {
	switch {
	case f.from == "" || f.to == "":
		return usagef("say what to publish and where: --from DB --to DIR")
	case len(f.keys) == 0:
		return usagef("say what to sign with: --key FILE; `thamos kb keygen` makes one")
	case f.deltas < 0 || f.deltas > 365:
		return usagef("--deltas: from 0 to 365")
	}
	o := sync.PublishOptions{
		From: absolute(env, f.from), To: absolute(env, f.to), Stream: f.stream, Deltas: f.deltas,
		Status: sync.Status(f.status), MinClient: f.minClient, Keys: f.announce, Renew: f.renew, Now: env.Now(),
	}
	var err error
	if o.NextUpdate, err = parseAge("--next-update", f.nextUpdate); err != nil {
		return err
	}
	if o.NextUpdate == 0 {
		return usagef("--next-update: %q promises nothing", f.nextUpdate)
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	if _, err := os.Stat(o.From); errors.Is(err, os.ErrNotExist) {
		return unknownError{fmt.Errorf("there is no knowledge base at %s", f.from)}
	}
	if f.at != "" {
		if o.Now, err = time.Parse(time.RFC3339, f.at); err != nil {
			return usagef("--at: %q is no time such as 2026-01-31T12:00:00Z", f.at)
		}
	}
	for _, name := range f.keys {
		s, err := readSigner(env, name)
		if err != nil {
			return err
		}
		o.Signers = append(o.Signers, s)
	}
	stop := progress(env, "publishing")
	defer stop()
	p, err := sync.Publish(ctx, o)
	if err != nil {
		return err
	}
	stop()
	if p.NoDelta != "" {
		fmt.Fprintf(env.Stderr, "note: no delta leads to it: %s\n", p.NoDelta)
	}
	state := "published"
	if !p.Changed {
		state = "unchanged"
	}
	size := ""
	if n := len(p.Deltas); n > 0 {
		size = fmt.Sprintf(", %s, the last of %d bytes", count(n, "delta"), p.Deltas[n-1].Size)
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: %s serial %d, sha256:%.12s of %s, %d bytes%s; next update until %s\n", state, p.Stream, p.Serial,
		p.Digest, p.Built.UTC().Format(time.DateOnly), p.Base.Size, size, p.NextUpdate.UTC().Format(time.RFC3339))
	return err
}

// maxKeyFile bounds the file of a private key, in bytes.
const maxKeyFile = 4 << 10

func readSigner(env *Env, name string) (sync.Signer, error) {
	path := absolute(env, name)
	stat, err := os.Stat(path)
	if err != nil {
		return sync.Signer{}, usageError{err}
	}
	if !stat.Mode().IsRegular() || stat.Size() > maxKeyFile {
		return sync.Signer{}, usagef("%s is no file of a private key", name)
	}
	if env.GOOS != "windows" && stat.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(env.Stderr, "note: %s can be read by others (mode %04o): chmod 600 it\n", name, stat.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return sync.Signer{}, usageError{err}
	}
	s, err := sync.ParseSigner(string(text))
	if err != nil {
		return sync.Signer{}, usagef("%s: %w", name, err)
	}
	return s, nil
}

func newKBKeygen(env *Env) *cobra.Command {
	var name, output string
	c := &cobra.Command{
		Use:   "keygen --name NAME -o FILE",
		Short: "Make a key to sign publications with, and print the one that verifies them",
		Long: `Make a pair of keys (ed25519). The private one is written to FILE, which only you
can read; keep it, and give it to nobody but the machine that publishes. The
verifier key is printed: users pin it. NAME says whose key it is, as a host name
does.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return kbKeygen(env, name, output) },
	}
	f := c.Flags()
	f.StringVar(&name, "name", "", "whose key it is, such as kb.example.org")
	f.StringVarP(&output, "output", "o", "", "the file for the private key; it must not exist")
	return c
}

func kbKeygen(env *Env, name, output string) error {
	if name == "" || output == "" {
		return usagef("say whose key it is and where to write it: --name NAME -o FILE")
	}
	if output == "-" {
		return usagef("-o: the private key goes into a file that only you can read, not to standard output, where the verifier key goes")
	}
	private, verifier, err := sync.Keygen(name)
	if err != nil {
		return usagef("--name: %w", err)
	}
	path := absolute(env, output)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // never over a key
	if errors.Is(err, os.ErrExist) {
		return usagef("%s exists: a key is never replaced", output)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(private + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "the private key is in %s; this one verifies what it signs:\n", filepath.Base(path))
	_, err = fmt.Fprintln(env.Stdout, verifier)
	return err
}
