package cmd

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
)

// buildOptions are the flags of kb build.
type buildOptions struct {
	from, projects string
	output, embed  string

	knownFiles    bool
	origin, built string
	licence       string

	indexURL    string
	newest      int
	extras      bool
	concurrency int
	age         time.Duration
	noCache     bool
}

func newKBBuild(env *Env) *cobra.Command {
	var o buildOptions
	c := &cobra.Command{
		Use:   "build",
		Short: "Build a knowledge base from a saved index or from a live one",
		Long: `Build a knowledge base

  --from DIR|ZIP   of an index that was saved as files: simple/NAME/index.json (PEP
                   691 listings) and metadata/NAME/VERSION (core metadata)
  --projects FILE  of a live index, for the requirements in FILE and, transitively,
                   what they require; metadata is read beside the files (PEP 658) or
                   out of wheels by range requests

The live index is that of --index-url, else the one that pip is configured to
use, else the origin of the embedded knowledge base. What was read is kept in the
cache, so a build that was interrupted goes on where it stopped.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return kbBuild(c.Context(), env, o) },
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "directory or zip of a saved index")
	f.StringVar(&o.projects, "projects", "", "requirements file that names the projects to read of a live index")
	f.StringVarP(&o.output, "output", "o", "", "the snapshot to write: a file, or a directory in which to write "+snapshotName)
	f.StringVar(&o.embed, "embed", "", "write the files that the binary embeds into this directory instead")
	f.BoolVar(&o.knownFiles, "known-files", false, "leave out the files of releases whose requirements are not known, which cannot be chosen (with --embed always)")
	f.StringVar(&o.origin, "origin", "", "URL of the index that the knowledge is of (default for a live one: its URL)")
	f.StringVar(&o.built, "built", "", "day of the knowledge, such as 2026-01-31 (default for a live index: today)")
	f.StringVar(&o.licence, "licence", "package metadata as published by each project", "licence of the knowledge")
	f.StringVar(&o.indexURL, "index-url", "", "the live index")
	f.IntVar(&o.newest, "newest", 5, "of how many releases of each project the metadata is read, beside those that requirements ask for")
	f.BoolVar(&o.extras, "all-extras", false, "follow the requirements of every extra")
	f.IntVar(&o.concurrency, "concurrency", 4, "requests under way at once")
	f.DurationVar(&o.age, "max-age", 10*time.Minute, "how old a kept listing may be")
	f.BoolVar(&o.noCache, "no-cache", false, "keep nothing of what is read")
	return c
}

func kbBuild(ctx context.Context, env *Env, o buildOptions) error {
	if (o.from == "") == (o.projects == "") {
		return usagef("say what to build from: either --from DIR|ZIP or --projects FILE")
	}
	if err := checkConcurrency(o.concurrency); err != nil {
		return err
	}
	if o.newest < 1 || o.age < 0 {
		return usagef("--newest: at least one release; --max-age: not less than nothing")
	}
	path, done, err := buildPath(env, o)
	if err != nil {
		return err
	}
	defer done()
	info := kb.Info{Origin: o.origin}
	if o.built != "" {
		t, err := time.Parse(time.DateOnly, o.built)
		if err != nil {
			return usagef("--built: %q is not a day such as 2026-01-31", o.built)
		}
		info.Built = t.Unix()
	}
	if o.from != "" {
		info, err = buildSaved(ctx, env, o, path, info)
	} else {
		info, err = buildLive(ctx, env, o, path, info)
	}
	if err != nil {
		return err
	}
	if info.Origin == "" {
		fmt.Fprintln(env.Stderr, "note: it does not record an index (--origin), so locks name the one that pip is configured to use")
	}
	if o.embed != "" {
		if info, err = kb.PackEmbedded(ctx, path, absolute(env, o.embed)); err != nil {
			return err
		}
		path = absolute(env, o.embed)
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: %d projects, %d releases, requirements of %d known, %d files; sha256:%s\n",
		shorten(env, path), info.Projects, info.Releases, info.Known, info.Files, info.Digest)
	return err
}

// checkConcurrency refuses a number of requests at once that is none.
func checkConcurrency(n int) error {
	if n < 1 {
		return usagef("--concurrency: at least one request at once, not %d", n)
	}
	return nil
}

// buildPath says where the snapshot is built: where it is wanted, or aside if
// it is then packed.
func buildPath(env *Env, o buildOptions) (path string, done func(), err error) {
	switch {
	case o.embed != "" && o.output != "":
		return "", nil, usagef("--output and --embed: one of them")
	case o.embed != "":
		dir, err := os.MkdirTemp("", "thamos-build-")
		if err != nil {
			return "", nil, err
		}
		return filepath.Join(dir, snapshotName), func() { os.RemoveAll(dir) }, nil
	case o.output == "" || o.output == "-":
		return "", nil, usagef("say where to write the snapshot: --output FILE")
	}
	path = absolute(env, o.output)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, snapshotName)
	}
	return path, func() {}, nil
}

// buildSaved builds of a saved index.
func buildSaved(ctx context.Context, env *Env, o buildOptions, path string, info kb.Info) (kb.Info, error) {
	if info.Built == 0 {
		return info, usagef("say of which day the saved index is: --built 2026-01-31")
	}
	from := absolute(env, o.from)
	stat, err := os.Stat(from)
	if err != nil {
		return info, usageError{err}
	}
	var fsys fs.FS = os.DirFS(from)
	if !stat.IsDir() {
		z, err := zip.OpenReader(from)
		if err != nil {
			return info, usagef("%s is neither a directory nor a zip: %w", o.from, err)
		}
		defer z.Close()
		fsys = z
	}
	info.Sources = []kb.Source{{
		Name: "saved package index", Licence: o.licence, Date: o.built,
		Notes: "listings and core metadata as the index answered on that day",
	}}
	stop := progress(env, "reading "+o.from)
	defer stop()
	info, report, err := ingest.BuildDirectory(ctx, fsys, path, info, o.knownFiles || o.embed != "")
	if errors.Is(err, fs.ErrNotExist) {
		return info, usagef("%s is no saved index: %w", o.from, err)
	}
	if err != nil {
		return info, err
	}
	stop()
	faults(env, report)
	return info, nil
}

// buildLive builds of a live index.
func buildLive(ctx context.Context, env *Env, o buildOptions, path string, info kb.Info) (kb.Info, error) {
	wanted, err := readManifest(absolute(env, o.projects))
	if err != nil {
		return info, err
	}
	client, err := newClient(ctx, env, o)
	if err != nil {
		return info, err
	}
	if info.Built == 0 {
		info.Built = env.Now().UTC().Truncate(24 * time.Hour).Unix()
	}
	if info.Origin == "" {
		info.Origin = client.Origin()
	}
	info.Sources = []kb.Source{{
		Name: "package index", Licence: o.licence, Date: day(info.Built),
		Notes: fmt.Sprintf("%s, %d newest releases of each project", client.Origin(), o.newest),
	}}
	w, err := kb.Create(path)
	if err != nil {
		return info, err
	}
	w.FilesOfKnownOnly = o.knownFiles
	options := ingest.LiveOptions{Client: client, Newest: o.newest, Extras: o.extras, Age: o.age}
	for _, r := range wanted.Requirements {
		options.Projects = append(options.Projects, r.Requirement)
	}
	bar := newBar(env, 0, "reading")
	options.Progress = func(done, total int, what string) {
		bar.ChangeMax(total)
		bar.Describe(what)
		_ = bar.Set(done) // a terminal that cannot show it is no reason to stop
	}
	report, err := ingest.Live(ctx, options, w.Add)
	_ = bar.Clear()
	if ctx.Err() != nil && !o.noCache && env.CacheDir != "" {
		return info, errors.New("interrupted; what was read is kept: the same command goes on from there")
	}
	if err != nil {
		return info, err
	}
	if report.Projects == 0 {
		liveFaults(env, report)
		return info, unknownError{errors.New("nothing could be read, so no knowledge base was written")}
	}
	if info, err = w.Finish(info); err != nil {
		return info, err
	}
	liveFaults(env, report)
	for _, r := range wanted.Requirements {
		if slices.Contains(report.Missing, r.Name) {
			return info, fmt.Errorf("the index has no project %s (%s); the knowledge base is written without it", r.Name, r.Pos)
		}
	}
	return info, nil
}

// newClient makes the client for the index that flags, pip's configuration or
// the embedded knowledge base name.
func newClient(ctx context.Context, env *Env, o buildOptions) (*ingest.Client, error) {
	pip, err := pipConfig(env)
	if err != nil {
		return nil, err
	}
	index := o.indexURL
	if index == "" {
		index = pip.IndexURL
	}
	if index == "" {
		db, err := openEmbedded(ctx, env)
		if err != nil {
			return nil, err
		}
		defer db.Close()
		info, err := db.Info(ctx)
		if err != nil {
			return nil, err
		}
		if index = info.Origin; index == "" {
			return nil, usagef("no index: give --index-url or set PIP_INDEX_URL")
		}
	}
	options, err := clientOptions(env, pip, o.concurrency)
	if err != nil {
		return nil, err
	}
	options.Index = index
	if dir := cacheFile(env, "index"); dir != "" && !o.noCache {
		if options.Cache, err = ingest.OpenCache(dir); err != nil {
			return nil, fmt.Errorf("%w; go without one with --no-cache", err)
		}
	}
	client, err := ingest.NewClient(options)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// clientOptions are what all clients of indexes have in common.
func clientOptions(env *Env, pip ingest.PipConfig, concurrency int) (ingest.ClientOptions, error) {
	transport, err := ingest.NewTransport(ingest.TransportOptions{
		CertFile: pip.Cert, Proxy: pip.Proxy, ProxyOf: ingest.ProxyFromEnvironment(env.Getenv),
	})
	if err != nil {
		return ingest.ClientOptions{}, usageError{err}
	}
	return ingest.ClientOptions{
		Transport: transport, Concurrency: concurrency, Timeout: pip.Timeout,
		UserAgent: "thamos/" + env.Version, Now: env.Now, Rand: env.Rand, Netrc: netrcFile(env),
	}, nil
}

// netrcFile names the user's netrc, as curl and pip find it.
func netrcFile(env *Env) string {
	if f := env.Getenv("NETRC"); f != "" {
		return absolute(env, f)
	}
	if env.HomeDir == "" {
		return ""
	}
	name := ".netrc"
	if env.GOOS == "windows" {
		name = "_netrc"
	}
	return filepath.Join(env.HomeDir, name)
}

// maxFaultsShown bounds what is printed of a report.
const maxFaultsShown = 20

// faults tells what a reader had to leave out.
func faults(env *Env, r ingest.Report) {
	for _, n := range r.Missing {
		fmt.Fprintf(env.Stderr, "missing: %s: the index has no such project\n", n)
	}
	showFaults(env, "left out", r.Faults, r.Dropped)
}

func liveFaults(env *Env, r ingest.LiveReport) {
	faults(env, r.Report)
	showFaults(env, "unknown", r.Unknown, 0)
	showFaults(env, "without metadata", r.Unread, 0)
	fmt.Fprintf(env.Stderr, "%s\n", count(r.Requests, "request"))
}

func showFaults(env *Env, what string, all []ingest.Fault, dropped int) {
	for _, f := range all[:min(len(all), maxFaultsShown)] {
		fmt.Fprintf(env.Stderr, "%s: %s\n", what, f)
	}
	if more := len(all) + dropped - maxFaultsShown; more > 0 {
		fmt.Fprintf(env.Stderr, "%s: %d more\n", what, more)
	}
}
