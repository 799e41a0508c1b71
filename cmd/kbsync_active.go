package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/sync"
)

// An opened is a knowledge base that a run uses, and how it came to it.
type opened struct {
	*kb.DB
	name   string          // as the user would call it
	synced *sync.Installed // nil: it is not the synced one
	note   string          // what the user should know, or empty
	passed error           // why the synced one was passed over, or nil
}

// Names of knowledge bases that are no files of the user's.
const (
	syncedName   = "synced"
	embeddedName = "embedded"
)

// syncStore is where synced snapshots are kept.
func syncStore(env *Env) (sync.Store, error) {
	if env.DataDir == "" {
		return sync.Store{}, errors.New("there is no home directory to keep a knowledge base in; set XDG_DATA_HOME")
	}
	return sync.Store{Dir: filepath.Join(env.DataDir, "kb")}, nil
}

// openSnapshot opens the knowledge base of the flag --kb, else the synced one,
// else the embedded one. A synced one that cannot be read is passed over with a
// note: it can be had again, and advice should not wait for that.
func openSnapshot(ctx context.Context, env *Env, path string) (opened, error) {
	if path != "" {
		db, err := openFile(ctx, env, path)
		return opened{DB: db, name: path}, err
	}
	var note string
	var passed error
	if store, err := syncStore(env); err == nil {
		db, installed, err := store.Open(ctx)
		switch {
		case err == nil:
			return opened{DB: db, name: syncedName, synced: installed}, nil
		case ctx.Err() != nil:
			return opened{}, err
		case !errors.Is(err, sync.ErrNone):
			passed = err
			note = fmt.Sprintf("the embedded knowledge base is used, for the synced one cannot be read (`thamos kb sync` mends that, `thamos kb rollback` goes back to the one before): %v", err)
		}
	}
	db, err := openEmbedded(ctx, env)
	return opened{DB: db, name: embeddedName, note: note, passed: passed}, err
}

// openInUse is openSnapshot for who looks at the knowledge base itself, as
// verifying and exporting do: another one in the place of a synced one that cannot
// be read would be the wrong answer.
func openInUse(ctx context.Context, env *Env, path string) (opened, error) {
	o, err := openSnapshot(ctx, env, path)
	if err != nil || o.passed == nil {
		return o, err
	}
	err = fmt.Errorf("the synced knowledge base cannot be read (`thamos kb sync` mends that, `thamos kb rollback` goes back to the one before): %w", o.passed)
	return opened{}, errors.Join(unknownError{err}, o.Close())
}

func openEmbedded(ctx context.Context, env *Env) (*kb.DB, error) {
	done := progress(env, "unpacking the knowledge base")
	defer done()
	return kb.OpenEmbedded(ctx, cacheFile(env, "kb"))
}

// openFile opens a knowledge base that the user names.
func openFile(ctx context.Context, env *Env, path string) (*kb.DB, error) {
	full := absolute(env, path)
	if info, err := os.Stat(full); err == nil && info.IsDir() {
		full = filepath.Join(full, snapshotName)
		if _, err := os.Stat(full); errors.Is(err, os.ErrNotExist) {
			return nil, unknownError{fmt.Errorf("%s holds no %s; make one with `thamos kb build --output %s`", path, snapshotName, path)}
		}
	}
	db, err := kb.Open(ctx, full)
	if errors.Is(err, os.ErrNotExist) {
		return nil, unknownError{fmt.Errorf("there is no knowledge base at %s", path)}
	}
	return db, err
}

// freshOptions are the flags that say how fresh knowledge must be.
type freshOptions struct {
	autoSync bool
	maxAge   string
}

func (o *freshOptions) add(f *pflag.FlagSet) {
	f.BoolVar(&o.autoSync, "auto-sync", false, "first sync the knowledge base from the configured sources, where an update is due")
	f.StringVar(&o.maxAge, "max-kb-age", "", "fail (exit status 4) where the knowledge base is older than this, such as 7d or 36h")
}

// parseAge reads an age such as 7d or 36h.
func parseAge(flag, text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	return 0, usagef("%s: %q is no age such as 7d or 36h", flag, text)
}

// ageLimit is how old the knowledge base may be before the user is told.
const ageLimit = 7 * 24 * time.Hour

// checkAge refuses a knowledge base that is older than the flag allows. It
// returns what the user should know of the age of one that is not refused, unless
// a boot of the pipeline says so anyway: see kb-age, which looks at advisories.
func checkAge(env *Env, o opened, info kb.Info, f freshOptions, knowledgeDays int) (note string, err error) {
	age := env.Now().Sub(time.Unix(info.Built, 0))
	if f.maxAge != "" {
		most, err := parseAge("--max-kb-age", f.maxAge)
		if err != nil {
			return "", err
		}
		if age > most {
			return "", unknownError{fmt.Errorf("the knowledge base (%s) is of %s, %s ago, and --max-kb-age allows %s; %s",
				o.name, day(info.Built), ageText(age), f.maxAge, mend(env))}
		}
	}
	limit := ageLimit
	if knowledgeDays != 0 {
		limit = time.Duration(knowledgeDays) * 24 * time.Hour
	}
	advisories := env.Now().Sub(time.Unix(info.AdvisoriesAt, 0))
	if limit < 0 || age <= limit || info.AdvisoriesAt == 0 || advisories > limit {
		return "", nil
	}
	return fmt.Sprintf("the knowledge base (%s) is of %s, %s ago; %s", o.name, day(info.Built), ageText(age), mend(env)), nil
}

func ageText(age time.Duration) string {
	if age < 48*time.Hour {
		return count(int(age/time.Hour), "hour")
	}
	return count(int(age/(24*time.Hour)), "day")
}

// mend says how to have a newer knowledge base.
func mend(env *Env) string {
	if c, err := readUserConfig(env); err == nil && len(c.Sources) > 0 {
		return "`thamos kb sync` or --auto-sync brings a newer one"
	}
	return "`thamos kb sync URL` brings a newer one from a source that you trust, `thamos kb build` makes one, --kb FILE names one"
}
