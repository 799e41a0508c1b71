package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newKBRebuild(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the tables of local knowledge anew from its documents",
		Long: `Make the tables of local knowledge anew from the documents that they are an index
of. Every document is checked against its digest, and the digest of the whole
stays the same. It is done as one change: whoever is interrupted has the old
tables, and where a document is not as it was kept nothing is changed (exit
status 4).`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return kbRebuild(c.Context(), env) },
	}
	return c
}

func kbRebuild(ctx context.Context, env *Env) error {
	local, err := openLocal(ctx, env, false)
	if err != nil {
		return err
	}
	if local == nil {
		_, err := fmt.Fprintln(env.Stdout, "there is no local knowledge")
		return err
	}
	defer local.Close()
	stop := progress(env, "rebuilding local knowledge")
	defer stop()
	info, err := local.Rebuild(ctx)
	if err != nil {
		return err
	}
	stop()
	documents := 0
	for _, x := range info.Indexes {
		documents += x.Listings + x.Absent + x.Metadata + x.Unreadable
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: %s, %s, %s, %s; sha256:%s\n", shorten(env, localFile(env)), count(documents, "document"),
		count(len(info.Told), "source"), count(info.Observations, "observation"), count(info.Events, "event"), info.Digest)
	return err
}
