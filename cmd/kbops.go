package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/sync"
)

func newKBRollback(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback",
		Short: "Use the synced knowledge base before this one again",
		Long: `Use the synced knowledge base before this one again. ` + "`kb sync`" + ` does not come back
to the one that was left until something newer is published; --again makes it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := syncStore(env)
			if err != nil {
				return err
			}
			r, err := store.Rollback(c.Context())
			if errors.Is(err, sync.ErrNone) || errors.Is(err, os.ErrNotExist) {
				return unknownError{fmt.Errorf("there is nothing to go back to: %w", err)}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "rolled back: sha256:%.12s of %s is in use, sha256:%.12s of %s is not\n",
				r.Active.Digest, r.Active.Built.UTC().Format(time.DateOnly), r.Previous.Digest, r.Previous.Built.UTC().Format(time.DateOnly))
			return err
		},
	}
}

func newKBGC(env *Env) *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove synced knowledge bases that are not used any more, and what was half read",
		Long: `Remove what syncing has left: knowledge bases before the one before this one,
downloads that were not finished (a sync would go on with them), and temporary files
of processes that died. Local knowledge stays.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := syncStore(env)
			if err != nil {
				return err
			}
			removed, size, err := store.Collect(c.Context(), dry)
			for _, name := range removed {
				fmt.Fprintln(env.Stdout, name)
			}
			if err != nil {
				return err
			}
			what := "removed"
			if dry {
				what = "would be removed"
			}
			_, err = fmt.Fprintf(env.Stderr, "%s, %d bytes %s\n", count(len(removed), "file"), size, what)
			return err
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "remove nothing, only say what would be")
	return c
}

func newKBVerify(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Read a knowledge base wholly: is it intact, and is it what its digest says?",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			return kbVerify(c.Context(), env, path)
		},
	}
}

func kbVerify(ctx context.Context, env *Env, path string) error {
	o, err := openInUse(ctx, env, path)
	if err != nil {
		return err
	}
	defer o.Close()
	stop := progress(env, "verifying")
	defer stop()
	if err := verifyOpened(ctx, env, o); err != nil {
		return err
	}
	info, err := o.Info(ctx)
	if err != nil {
		return err
	}
	stop()
	_, err = fmt.Fprintf(env.Stdout, "%s: intact; schema %s, sha256:%s\n", o.name, info.Schema, info.Digest)
	return err
}

// verifyOpened reads all of a knowledge base, and says what to do about one that is
// damaged although its file looks as it was left: sync takes that for intact.
func verifyOpened(ctx context.Context, env *Env, o opened) error {
	err := o.CheckIntegrity(ctx)
	if err == nil {
		err = o.Verify(ctx)
	}
	if !errors.Is(err, kb.ErrDamaged) {
		return err
	}
	if o.name == embeddedName {
		return fmt.Errorf("the unpacked copy of the embedded knowledge base is damaged: %w; remove %s, and it is unpacked again", err, cacheFile(env, "kb"))
	}
	if o.synced == nil {
		return err
	}
	store, storeErr := syncStore(env)
	if storeErr != nil {
		return err
	}
	return fmt.Errorf("the synced knowledge base is damaged: %w; remove %s and `thamos kb sync` fetches it again, `thamos kb rollback` goes back to the one before",
		err, store.Path(o.synced))
}

func newKBExport(env *Env) *cobra.Command {
	var output, path string
	c := &cobra.Command{
		Use:   "export -o FILE",
		Short: "Write the knowledge base into one file, to be carried where no network is",
		Long: `Write the knowledge base into one file, for ` + "`thamos kb sync FILE`" + ` on a machine
without a network:

  FILE.tar     the synced one, with the signature of its publisher, which the
               other machine verifies (pin the same keys there)
  FILE.db.zst  any one (--kb) by itself; nobody has signed it, so the other machine
               takes it with --allow-unsigned`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return kbExport(c.Context(), env, path, output) },
	}
	f := c.Flags()
	f.StringVarP(&output, "output", "o", "", "the file to write, whose name ends in .tar or .db.zst")
	f.StringVar(&path, "kb", "", "the knowledge base (default: the synced one, else the embedded one)")
	return c
}

func kbExport(ctx context.Context, env *Env, path, output string) error {
	to := absolute(env, output)
	stop := progress(env, "packing")
	defer stop()
	switch {
	case strings.HasSuffix(output, ".tar") && path == "":
		store, err := syncStore(env)
		if err != nil {
			return err
		}
		i, err := store.Export(ctx, to)
		if errors.Is(err, sync.ErrNone) {
			return unknownError{fmt.Errorf("%w, so there is nothing signed to export; a name that ends in .db.zst exports the embedded one", err)}
		}
		if err != nil {
			return err
		}
		stop()
		_, err = fmt.Fprintf(env.Stdout, "%s: sha256:%.12s, %s serial %d\n", output, i.Digest, i.Stream, i.Serial)
		return err
	case strings.HasSuffix(output, ".db.zst"):
		file, done, err := snapshotFile(ctx, env, path)
		if err != nil {
			return err
		}
		defer done()
		if err := sync.ExportPacked(file, to); err != nil {
			return err
		}
		stop()
		_, err = fmt.Fprintf(env.Stdout, "%s: not signed\n", output)
		return err
	}
	return usagef("say where to write it: -o FILE.tar (signed, the synced one) or -o FILE.db.zst (any, unsigned)")
}

// snapshotFile is the file of the knowledge base that a run would use, found to
// be one and verified.
func snapshotFile(ctx context.Context, env *Env, path string) (file string, done func(), err error) {
	o, err := openInUse(ctx, env, path)
	if err != nil {
		return "", nil, err
	}
	defer o.Close()
	if err := verifyOpened(ctx, env, o); err != nil {
		return "", nil, err
	}
	switch {
	case o.synced != nil:
		store, err := syncStore(env)
		return store.Path(o.synced), func() {}, err
	case path != "":
		file = absolute(env, path)
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			file = filepath.Join(file, snapshotName)
		}
		return file, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "thamos-export-")
	if err != nil {
		return "", nil, err
	}
	file = filepath.Join(dir, snapshotName)
	return file, func() { os.RemoveAll(dir) }, kb.UnpackEmbedded(file)
}
