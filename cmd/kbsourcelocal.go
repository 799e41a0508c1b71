package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
)

// moreFacts are what a source says that only local knowledge keeps.
type moreFacts struct {
	withdrawn []kb.Withdrawn
	metadata  []kb.Document
}

// importLocal learns what a file or directory says into local knowledge.
func importLocal(ctx context.Context, env *Env, from string, o importOptions, what string) error {
	switch {
	case o.format == "prescriptions" || o.format == "kgraph":
		return usagef("--local: %s are part of a knowledge base; give --output", what)
	case o.output != "" || o.embed != "":
		return usagef("--local makes no knowledge base: it does not go with --output")
	}
	stop := progress(env, "reading "+from)
	defer stop()
	path := absolute(env, from)
	facts, more, err := readFacts(ctx, env, o.format, path)
	if err != nil {
		return err
	}
	if err := anything(from, what, facts, len(more.withdrawn)+len(more.metadata)); err != nil {
		return err
	}
	snapshot, err := openSnapshot(ctx, env, o.kb)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	local, err := openLocal(ctx, env, true)
	if err != nil {
		return err
	}
	defer local.Close()
	k := &knowledge{env: env, now: env.Now, snapshot: snapshot, local: local}
	held, err := k.held(ctx)
	if err != nil {
		return err
	}
	added, changes := 0, 0
	switch o.format {
	case "osv", "popular":
		name := cmp.Or(o.name, path)
		_, read, err := k.lastTold(ctx, name)
		if err != nil {
			return err
		}
		events, err := local.Tell(ctx, kb.Told{
			Source: kb.Source{Name: name, Licence: o.licence, Date: o.date, Notes: what}, Read: read,
			Advisories: facts.Advisories, Withdrawn: more.withdrawn, Popularity: facts.Popularity,
		}, kb.Watched{Projects: held, Snapshot: snapshot.DB})
		if err != nil {
			return err
		}
		added, changes = len(facts.Advisories)+len(facts.Popularity), len(events)
	default:
		if added, err = local.Observe(ctx, facts.Observations, facts.Indicators); err != nil {
			return err
		}
		if err := local.Learn(ctx, more.metadata); err != nil {
			return err
		}
	}
	stop()
	_, err = fmt.Fprintf(env.Stdout, "%s: %d %s learnt, metadata of %s; %s\n", from, added, what, count(len(more.metadata), "release"), count(changes, "change"))
	return err
}

// maxSolverFiles bounds a directory of solver documents.
const maxSolverFiles = 1_000_000

// readSolver reads one solver document, or those of a directory or zip. One that
// cannot be read costs itself, unless it is the only one.
func readSolver(ctx context.Context, env *Env, from string) (facts kb.Facts, more moreFacts, err error) {
	take := func(s ingest.Solved) {
		facts.Observations = append(facts.Observations, s.Observations...)
		more.metadata = append(more.metadata, s.Documents...)
		showFaults(env, "left out", s.Faults, 0)
	}
	if info, err := os.Stat(from); err == nil && !info.IsDir() && !strings.HasSuffix(strings.ToLower(from), ".zip") {
		f, err := os.Open(from)
		if err != nil {
			return facts, more, usageError{err}
		}
		defer f.Close()
		s, err := ingest.ReadSolver(f)
		if err != nil {
			return facts, more, usagef("%s: %w", from, err)
		}
		take(s)
		return facts, more, nil
	}
	fsys, done, err := openTree(from)
	if err != nil {
		return facts, more, usageError{err}
	}
	defer done()
	files := 0
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if !d.Type().IsRegular() || !strings.HasSuffix(name, ".json") {
			return nil
		}
		if files++; files > maxSolverFiles {
			return fmt.Errorf("more than %d files", maxSolverFiles)
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		s, err := ingest.ReadSolver(f)
		if err != nil {
			fmt.Fprintf(env.Stderr, "left out: %s: %v\n", name, err)
			return nil
		}
		take(s)
		return nil
	})
	if err == nil && files == 0 {
		err = errors.New("no documents (expected are files *.json)")
	}
	if err != nil {
		return facts, more, usagef("%s: %w", from, err)
	}
	return facts, more, nil
}
