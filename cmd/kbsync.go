package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/sync"
)

// syncOptions are the flags of kb sync.
type syncOptions struct {
	keys          []string
	unsigned      bool
	strict, again bool
	baseOnly      bool
	timeout       time.Duration
	idle          time.Duration
	json          bool
}

func newKBSync(env *Env) *cobra.Command {
	var o syncOptions
	c := &cobra.Command{
		Use:   "sync [URL|DIR|FILE]...",
		Short: "Bring the knowledge base up to date from a publication, and use it from now on",
		Long: `Bring the knowledge base up to date from a publication of ` + "`thamos kb publish`" + `: a
URL, a folder, a tar of ` + "`thamos kb export`" + `, or a single knowledge base. Several are
mirrors, asked in turn. Without any, those of the user's configuration are.

A publication must be signed by a key that is pinned in the configuration or by
--key. The program has no keys of its own: nobody publishes for everybody yet.
What is older than what was seen before is refused, and the knowledge base that
is in use stays until the new one is whole, verified and on the disk. Where there
are deltas, only they are read.`,
		Example: `  thamos kb sync
  thamos kb sync https://kb.example/thamos --key kb.example+1234abcd+…
  thamos kb sync kb.db --allow-unsigned`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return kbSync(c.Context(), env, args, o) },
	}
	f := c.Flags()
	f.StringArrayVar(&o.keys, "key", nil, "trust also this verifier key (repeatable)")
	f.BoolVar(&o.unsigned, "allow-unsigned", false, "take a single FILE that nobody has signed")
	f.BoolVar(&o.strict, "strict", false, "refuse a publication that has not kept its promise of an update, or has ended")
	f.BoolVar(&o.again, "again", false, "take also the snapshot that was rolled back from")
	f.BoolVar(&o.baseOnly, "base-only", false, "read no deltas, but the whole")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "the longest that one file may take")
	f.DurationVar(&o.idle, "idle-timeout", 0, "the longest silence of a server (default: pip's timeout, 15s)")
	f.BoolVar(&o.json, "json", false, "print one JSON document")
	return c
}

// errNoSource reports that nobody has said from where to sync.
var errNoSource = errors.New("no source of knowledge is named or configured")

// kbSync is the command.
func kbSync(ctx context.Context, env *Env, args []string, o syncOptions) error {
	out, err := runSync(ctx, env, args, o)
	if errors.Is(err, errNoSource) {
		return unknownError{fmt.Errorf("%w. It can be\n%s", err, howToTrust(env))}
	}
	if err != nil {
		return err
	}
	for _, n := range out.Notes {
		fmt.Fprintf(env.Stderr, "note: %s\n", n)
	}
	if o.json {
		return printJSON(env.Stdout, newSyncDocument(out))
	}
	_, err = fmt.Fprintln(env.Stdout, syncText(out))
	return err
}

// syncText says in a line what came of a sync.
func syncText(out sync.Outcome) string {
	i := out.Active
	what := fmt.Sprintf("sha256:%.12s of %s", i.Digest, i.Built.UTC().Format(time.DateOnly))
	if i.Stream != "" {
		what += fmt.Sprintf(", %s serial %d, signed by %s", i.Stream, i.Serial, strings.Join(i.SignedBy, ", "))
	} else {
		what += ", not signed"
	}
	switch {
	case !out.Changed:
		return "up to date: " + what
	case out.Deltas > 0:
		return fmt.Sprintf("synced: %s; %s, %d bytes", what, count(out.Deltas, "delta"), out.Bytes)
	case out.Bytes > 0:
		return fmt.Sprintf("synced: %s; %d bytes", what, out.Bytes)
	}
	return "synced: " + what
}

// A syncDocument is the result of kb sync for programs.
type syncDocument struct {
	Schema  string     `json:"schema"`
	Changed bool       `json:"changed"`
	Deltas  int        `json:"deltas"`
	Bytes   int64      `json:"bytes"`
	Active  syncedJSON `json:"active"`
	Notes   []string   `json:"notes,omitempty"`
}

// syncedJSON is a synced knowledge base in documents.
type syncedJSON struct {
	Digest     string   `json:"digest"`
	Built      string   `json:"built"`
	Synced     string   `json:"synced"`
	Source     string   `json:"source"`
	Stream     string   `json:"stream,omitempty"`
	Serial     int64    `json:"serial,omitempty"`
	Status     string   `json:"status,omitempty"`
	NextUpdate string   `json:"next_update,omitempty"`
	SignedBy   []string `json:"signed_by,omitempty"`
}

func newSyncedJSON(i *sync.Installed) syncedJSON {
	d := syncedJSON{
		Digest: i.Digest, Built: i.Built.UTC().Format(time.DateOnly), Synced: i.Synced.UTC().Format(time.RFC3339), Source: i.Source,
		Stream: i.Stream, Serial: i.Serial, Status: string(i.Status), SignedBy: i.SignedBy,
	}
	if !i.NextUpdate.IsZero() {
		d.NextUpdate = i.NextUpdate.UTC().Format(time.RFC3339)
	}
	return d
}

func newSyncDocument(out sync.Outcome) syncDocument {
	return syncDocument{"thamos/kb-sync/1", out.Changed, out.Deltas, out.Bytes, newSyncedJSON(out.Active), out.Notes}
}

// runSync syncs from what is named, else from what is configured. Its error is
// errNoSource where neither is.
func runSync(ctx context.Context, env *Env, args []string, o syncOptions) (sync.Outcome, error) {
	config, err := readUserConfig(env)
	if err != nil {
		return sync.Outcome{}, err
	}
	if len(args) == 0 {
		args = textsOf(config.Sources)
	}
	if len(args) == 0 {
		return sync.Outcome{}, errNoSource
	}
	keys, err := trustedKeys(env, config, o.keys)
	if err != nil {
		return sync.Outcome{}, err
	}
	store, err := syncStore(env)
	if err != nil {
		return sync.Outcome{}, err
	}
	bar := newSyncBar(env)
	defer bar.clear()
	options := sync.Options{
		Keys: keys, Version: env.Version, Strict: o.strict, Again: o.again, BaseOnly: o.baseOnly, Now: env.Now, Progress: bar.show,
	}
	for _, a := range args {
		source, single, err := openSource(env, a, o)
		var usage usageError
		if err != nil && len(args) > 1 && !errors.As(err, &usage) {
			source, err = goneSource{a, err}, nil
		}
		if err != nil {
			return sync.Outcome{}, err
		}
		if single != "" && len(args) > 1 {
			return sync.Outcome{}, usagef("%s is a single knowledge base: name it alone", a)
		}
		if single != "" {
			out, err := store.SyncFile(ctx, single, o.unsigned, options)
			return out, syncError(ctx, err)
		}
		options.Sources = append(options.Sources, source)
	}
	if o.unsigned {
		return sync.Outcome{}, usagef("--allow-unsigned is for a single FILE: a publication is always signed")
	}
	if len(keys)+len(sync.BuiltInKeys()) == 0 {
		return sync.Outcome{}, unknownError{fmt.Errorf("no key is trusted, so no publication is: pin the verifier key that its publisher gives you, with --key or in the configuration\n%s", howToTrust(env))}
	}
	out, err := store.Sync(ctx, options)
	return out, syncError(ctx, err)
}

// syncError gives what the publication is to blame for the status of missing
// knowledge; what the disk is to blame for keeps its own.
func syncError(ctx context.Context, err error) error {
	var path *os.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted; the knowledge base stays what it was, and what was read of a new one is kept: the next sync goes on from there")
	case errors.As(err, &link), errors.As(err, &path) && !errors.Is(err, os.ErrNotExist):
		return err
	}
	return unknownError{fmt.Errorf("the knowledge base was not synced, and stays what it was: %w", err)}
}

// openSource says what a source is: a publication, or the path of a single
// knowledge base.
func openSource(env *Env, arg string, o syncOptions) (source sync.Source, single string, err error) {
	if scheme, _, ok := strings.Cut(arg, "://"); ok {
		switch strings.ToLower(scheme) {
		case "http", "https":
			source, err := httpSource(env, arg, o)
			return source, "", err
		case "file":
			u, err := url.Parse(arg)
			if err != nil || u.Host != "" && u.Host != "localhost" {
				return nil, "", usagef("%s is no URL of a file of this machine", arg)
			}
			arg = filepath.FromSlash(u.Path)
		default:
			return nil, "", usagef("%s: a source is an https URL, a folder or a file", ingest.Redact(arg))
		}
	}
	path := absolute(env, arg)
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, "", unknownError{fmt.Errorf("there is no %s to sync from", arg)}
	case err != nil:
		return nil, "", err
	case stat.IsDir():
		return sync.Directory{Dir: path}, "", nil
	case strings.HasSuffix(path, ".tar"):
		return sync.Bundle{File: path}, "", nil
	}
	return nil, path, nil
}

// A goneSource is one of several that is not there, such as a folder that is not
// mounted: the others are asked.
type goneSource struct {
	name string
	why  error
}

// Name implements sync.Source.
func (s goneSource) Name() string { return s.name }

// Fetch implements sync.Source.
func (s goneSource) Fetch(context.Context, string, int64, string, sync.Partial) error { return s.why }

// httpSource is a publication on a web server, with the proxies, certificates and
// logins that indexes are read with.
func httpSource(env *Env, arg string, o syncOptions) (sync.Source, error) {
	at, err := expand(env, arg)
	if err != nil {
		return nil, usageError{err}
	}
	pip, err := pipConfig(env)
	if err != nil {
		return nil, err
	}
	options, err := clientOptions(env, pip, 1)
	if err != nil {
		return nil, err
	}
	options.Index = at
	if o.idle > 0 {
		options.Timeout = o.idle
	}
	client, err := ingest.NewClient(options)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", ingest.Redact(at), err)}
	}
	return sync.HTTP{Client: client, Total: o.timeout}, nil
}

// A syncBar shows on a terminal what a sync does.
type syncBar struct {
	env  *Env
	bar  *progressbar.ProgressBar
	what string
}

func newSyncBar(env *Env) *syncBar { return &syncBar{env: env} }

func (b *syncBar) show(what string, done, total int64) {
	if !b.env.Terminal {
		return
	}
	if what != b.what {
		b.clear()
		b.what, b.bar = what, progressbar.NewOptions64(max(total, -1),
			progressbar.OptionSetWriter(b.env.Stderr), progressbar.OptionSetDescription(what),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowBytes(total > 0), progressbar.OptionClearOnFinish())
	}
	_ = b.bar.Set64(done) // a terminal that cannot show it is no reason to stop
}

func (b *syncBar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	b.bar = nil
}

// autoSyncPeriod is how often --auto-sync looks, where nothing is promised for
// earlier.
const autoSyncPeriod = 24 * time.Hour

// autoSync syncs where an update is due. What goes wrong is a note: there is a
// knowledge base to go on with, and --max-kb-age says if it is good enough.
func autoSync(ctx context.Context, env *Env) (notes []string, err error) {
	store, err := syncStore(env)
	if err != nil {
		return nil, usageError{fmt.Errorf("--auto-sync: %w", err)}
	}
	if r, err := store.Read(); err == nil && r.Active != nil {
		since := env.Now().Sub(r.Active.Synced)
		due := !r.Active.NextUpdate.IsZero() && env.Now().After(r.Active.NextUpdate)
		if since >= 0 && since < autoSyncPeriod && !due {
			return nil, nil
		}
	}
	out, err := runSync(ctx, env, nil, syncOptions{timeout: 30 * time.Minute})
	var usage usageError
	switch {
	case ctx.Err() != nil, errors.As(err, &usage):
		return nil, err
	case errors.Is(err, errNoSource):
		return nil, unknownError{fmt.Errorf("--auto-sync: %w. It can be\n%s", err, howToTrust(env))}
	case err != nil:
		return []string{fmt.Sprintf("--auto-sync: %v", err)}, nil
	}
	if out.Changed {
		notes = append(notes, "--auto-sync: "+syncText(out))
	}
	return append(notes, out.Notes...), nil
}
