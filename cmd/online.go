package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver/journal"
)

// onlineOptions are the flags that say what may be asked of indexes.
type onlineOptions struct {
	online, offline bool
	refresh         string // age, or "now"
	concurrency     int
}

// refreshNow is what --refresh without an age means.
const refreshNow = "0s"

// age returns how old what an index said may be, and whether an age was asked
// for at all.
func (o onlineOptions) age() (time.Duration, error) {
	if o.refresh == "" {
		return -1, nil
	}
	d, err := time.ParseDuration(o.refresh)
	if err != nil || d < 0 {
		return 0, usagef("--refresh: %q is no age such as 10m or 24h", o.refresh)
	}
	return d, nil
}

// knowledge is what a run knows: the snapshot with local knowledge on top, and,
// if asking is allowed, somebody to ask.
type knowledge struct {
	*kb.Layered
	snapshot opened
	info     kb.Info          // of the snapshot, its Identity
	local    *kb.Local        // nil: there is none
	learnt   *journal.Journal // by trying; nil: nothing
	indexes  *ingest.Indexes  // nil: nobody is to be asked
	client   ingest.ClientOptions
	env      *Env
	now      func() time.Time
	refresh  time.Duration     // see ingest.ReaderOptions
	main     map[string]bool   // origins that stand for the default index
	names    map[string]string // of the manifest's sources, by origin
	pages    map[string]bool   // origins that are pages of --find-links

	asked askedJSON // what was asked for
	notes []string
}

// localFile names the file of local knowledge, empty if there is no place for it.
func localFile(env *Env) string {
	if env.DataDir == "" {
		return ""
	}
	return filepath.Join(env.DataDir, "local.db")
}

// openLocal opens local knowledge. Offline one that does not exist is none;
// online it is made.
func openLocal(ctx context.Context, env *Env, create bool) (*kb.Local, error) {
	file := localFile(env)
	if file == "" {
		if create {
			return nil, usagef("there is no home directory to remember in what the index says; set XDG_DATA_HOME")
		}
		return nil, nil
	}
	if _, err := os.Stat(file); !create && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return kb.OpenLocal(ctx, file)
}

func (k *knowledge) close() {
	if k.local != nil {
		k.local.Close() // what was learnt is on the disk: Learn returned
	}
	k.learnt.Close() // it only reads
	k.snapshot.Close()
}

// openKnowledge opens what a run knows: the knowledge base at path, local
// knowledge, and online the indexes that m and the configuration name.
func openKnowledge(ctx context.Context, env *Env, path string, m *lockfile.Manifest, o onlineOptions) (_ *knowledge, err error) {
	k := &knowledge{env: env, now: env.Now}
	if k.refresh, err = o.age(); err != nil {
		return nil, err
	}
	if o.online {
		if err := checkConcurrency(o.concurrency); err != nil {
			return nil, err
		}
	}
	if k.snapshot, err = openSnapshot(ctx, env, path); err != nil {
		return nil, err
	}
	if k.snapshot.note != "" {
		k.notes = append(k.notes, k.snapshot.note)
	}
	if k.local, err = openLocal(ctx, env, o.online); err != nil {
		k.snapshot.Close()
		return nil, err
	}
	k.openLearnt(ctx)
	if k.info, err = k.snapshot.Identity(ctx); err == nil {
		err = k.setIndexes(env, m, k.info, o)
	}
	if err == nil && k.local != nil { // what was told here counts on top
		var at int64
		at, err = k.local.AdvisoriesAt(ctx)
		k.info.AdvisoriesAt = max(k.info.AdvisoriesAt, at)
	}
	if err != nil {
		k.close()
		return nil, err
	}
	route := k.indexes.Route()
	if !o.online {
		k.indexes = nil
		route = k.offlineRoute(route, k.info.Origin)
	}
	k.Layered = kb.NewLayered(k.snapshot.DB, k.local, route, !o.online)
	return k, nil
}

// solve finds the stack. Online it asks, before it answers, for what the answer
// stands on.
func (k *knowledge) solve(ctx context.Context, s resolver.Search, problem *resolver.Problem, d *directs) (*resolver.Report, error) {
	if k.indexes != nil {
		if k.env.Getenv("GOGC") == "" {
			defer debug.SetGCPercent(debug.SetGCPercent(gcPercentAsking))
		}
		if err := k.ask(ctx, s, problem, d); err != nil {
			return nil, err
		}
	}
	return s.Solve(ctx, problem, d)
}
