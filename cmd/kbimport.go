package cmd

import (
	"archive/zip"
	"cmp"
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

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/pipeline/prescription"
)

// importOptions are the flags of kb import.
type importOptions struct {
	format, kb, output  string
	embed               string
	local               bool
	name, licence, date string
}

// importFormats are what kb import reads, each with the name of its source.
var importFormats = map[string]string{
	"osv":           "advisories",
	"prescriptions": "prescriptions",
	"observations":  "observations",
	"solver":        "solver documents",
	"popular":       "popular projects",
	"kgraph":        "dependency graph",
}

func newKBImport(env *Env) *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import PATH",
		Short: "Make a knowledge base that also holds advisories, prescriptions or observations",
		Long: `Make a knowledge base of another (--kb, default: the embedded one) that also holds
what PATH says. What a source of the same name said before is forgotten, so that
an advisory that was withdrawn goes away.

With --local no knowledge base is made: local knowledge learns what PATH says.
Observations are then added to those that are known, each once, whatever the order
in which documents come.

  --format osv            advisories: a directory or zip of OSV records (JSON or YAML)
  --format prescriptions  a directory or zip of prescriptions (YAML, Thoth's v1 schema)
  --format observations   JSON Lines of what came of trying packages
  --format solver         a document of Thoth's solver, or a directory or zip of such; what
                          they say of metadata is kept with --local only
  --format popular        names, the most downloaded first, or rank, tab and name
  --format kgraph         a graph of requirements (JSON, or a zip of it) by itself: without
                          files, dates and markers; --kb is not read`,
		Example: `  thamos kb import --format osv advisories.zip --licence CC-BY-4.0 --output mine.db
  thamos advise --kb mine.db`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return kbImport(c.Context(), env, args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "what PATH holds: osv, prescriptions, observations, solver, popular or kgraph")
	f.StringVar(&o.kb, "kb", "", "the knowledge base to start from (default: the embedded one; with --local the synced one, else the embedded one)")
	f.StringVarP(&o.output, "output", "o", "", "the knowledge base to write; it may be the one of --kb")
	f.StringVar(&o.embed, "embed", "", "write the files that the binary embeds into this directory instead")
	f.BoolVar(&o.local, "local", false, "learn it into local knowledge instead")
	f.StringVar(&o.name, "name", "", "name of the source (default: what it holds)")
	f.StringVar(&o.licence, "licence", "", "licence of the source")
	f.StringVar(&o.date, "date", "", "day of the source, such as 2026-01-31 (default: today)")
	return c
}

func kbImport(ctx context.Context, env *Env, from string, o importOptions) error {
	what, ok := importFormats[o.format]
	if !ok {
		return usagef("--format: say what %s holds: osv, prescriptions, observations, solver, popular or kgraph", from)
	}
	if o.local {
		return importLocal(ctx, env, from, o, what)
	}
	if o.output == "-" || (o.output == "") == (o.embed == "") || o.embed != "" && o.format == "kgraph" {
		return usagef("say where to write the knowledge base: --output FILE")
	}
	at := env.Now()
	if o.date != "" {
		var err error
		if at, err = time.Parse(time.DateOnly, o.date); err != nil {
			return usagef("--date: %q is not a day such as 2026-01-31", o.date)
		}
	}
	source := kb.Source{Name: cmp.Or(o.name, what), Licence: o.licence, Date: at.UTC().Format(time.DateOnly), Notes: filepath.Base(from)}
	if o.format == "kgraph" {
		return importGraph(ctx, env, from, o, source, at)
	}
	stop := progress(env, "reading "+from)
	defer stop()
	facts, more, err := readFacts(ctx, env, o.format, absolute(env, from))
	if err != nil {
		return err
	}
	if err := anything(from, what, facts, len(more.withdrawn)); err != nil {
		return err
	}
	if n := len(more.metadata); n > 0 {
		fmt.Fprintf(env.Stderr, "note: the metadata of %s is left out; --local keeps it\n", count(n, "release"))
	}
	dir, err := os.MkdirTemp("", "thamos-import-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	base := absolute(env, o.kb)
	if o.kb == "" {
		base = filepath.Join(dir, "embedded.db")
		if err := kb.UnpackEmbedded(base); err != nil {
			return err
		}
	}
	output := absolute(env, o.output)
	if o.embed != "" {
		output = filepath.Join(dir, snapshotName)
	}
	if _, err := os.Stat(base); errors.Is(err, os.ErrNotExist) {
		return unknownError{fmt.Errorf("there is no knowledge base at %s", o.kb)}
	}
	info, err := kb.Amend(ctx, base, output, source, facts)
	if err != nil {
		return err
	}
	if o.embed != "" {
		if info, err = kb.PackEmbedded(ctx, output, absolute(env, o.embed)); err != nil {
			return err
		}
	}
	stop()
	return printImported(env, cmp.Or(o.output, o.embed), info)
}

// anything refuses an import of nothing: what the source said before would be
// forgotten for it.
func anything(from, what string, f kb.Facts, more int) error {
	if len(f.Advisories)+len(f.Rules)+len(f.Observations)+len(f.Indicators)+len(f.Popularity)+more > 0 {
		return nil
	}
	return fmt.Errorf("%s holds no %s that can be used, so nothing was written", from, what)
}

func printImported(env *Env, output string, info kb.Info) error {
	_, err := fmt.Fprintf(env.Stdout, "%s: %d projects, %d releases, requirements of %d known; %s, %s, %s, %s; sha256:%s\n",
		output, info.Projects, info.Releases, info.Known,
		plural(info.Advisories, "advisory", "advisories"), count(info.Suspicions, "suspicion"), count(info.Rules, "rule"),
		count(info.Observations, "observation"), info.Digest)
	return err
}

// plural is count for a thing whose plural is its own.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// readFacts reads what a file or directory says, and tells what it left out.
func readFacts(ctx context.Context, env *Env, format, from string) (facts kb.Facts, more moreFacts, err error) {
	switch format {
	case "observations":
		f, err := os.Open(from)
		if err != nil {
			return facts, more, usageError{err}
		}
		defer f.Close()
		if facts.Observations, facts.Indicators, err = ingest.ReadObservations(f); err != nil {
			return facts, more, usagef("%s: %w", from, err)
		}
		return facts, more, nil
	case "popular":
		facts.Popularity, err = popularFile(from)
		return facts, more, err
	case "solver":
		return readSolver(ctx, env, from)
	}
	fsys, done, err := openTree(from)
	if err != nil {
		return facts, more, usageError{err}
	}
	defer done()
	if format == "prescriptions" {
		set, err := prescription.Load(fsys)
		if err != nil {
			return facts, more, usagef("%s: %w", from, err)
		}
		for i, fault := range set.Faults {
			if i == maxFaultsShown {
				fmt.Fprintf(env.Stderr, "left out: %d more (`thamos prescriptions lint` lists all)\n", len(set.Faults)-i)
				break
			}
			fmt.Fprintf(env.Stderr, "left out: %s\n", fault)
		}
		facts.Rules = set.Rules
		return facts, more, nil
	}
	advisories, report, err := ingest.ReadOSV(ctx, fsys)
	if err != nil {
		return facts, more, err
	}
	facts.Advisories, more.withdrawn = advisories, report.WithdrawnRecords
	fmt.Fprintf(env.Stderr, "%s: %d withdrawn and %d of other ecosystems passed over, %d joined with others\n",
		count(report.Records, "record"), report.Withdrawn, report.Foreign, report.Merged)
	showFaults(env, "left out", report.Faults, report.Dropped)
	return facts, more, nil
}

// importGraph makes a knowledge base of a graph alone.
func importGraph(ctx context.Context, env *Env, from string, o importOptions, source kb.Source, at time.Time) error {
	text, done, err := openOne(absolute(env, from))
	if err != nil {
		return usageError{err}
	}
	defer done()
	w, err := kb.Create(absolute(env, o.output))
	if err != nil {
		return err
	}
	w.EmptyMayBeUnknown = true
	stop := progress(env, "reading "+from)
	defer stop()
	report, err := ingest.ReadKGraph(ctx, text, w.Add)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return usagef("%s: %w", from, err)
	}
	if report.Projects == 0 {
		faults(env, report)
		return fmt.Errorf("%s holds no projects that can be used, so nothing was written", from)
	}
	info, err := w.Finish(kb.Info{Built: at.Unix(), Sources: []kb.Source{source}})
	if err != nil {
		return err
	}
	stop()
	faults(env, report)
	return printImported(env, o.output, info)
}

// openTree opens a directory or a zip as files.
func openTree(name string) (fs.FS, func(), error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return os.DirFS(name), func() {}, nil
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is neither a directory nor a zip: %w", name, err)
	}
	return z, func() { z.Close() }, nil
}

// openOne opens a file, or the one file that a zip holds.
func openOne(name string) (io.Reader, func(), error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		return f, func() { f.Close() }, nil
	}
	files := slices.DeleteFunc(slices.Clone(z.File), func(f *zip.File) bool { return strings.HasSuffix(f.Name, "/") })
	if len(files) != 1 {
		z.Close()
		return nil, nil, fmt.Errorf("%s holds %d files; a graph is one", name, len(files))
	}
	text, err := files[0].Open()
	if err != nil {
		z.Close()
		return nil, nil, err
	}
	return text, func() { text.Close(); z.Close() }, nil
}
