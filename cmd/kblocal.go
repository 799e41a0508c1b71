package cmd

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

func newKBAdd(env *Env) *cobra.Command {
	var o adviseOptions
	c := &cobra.Command{
		Use:   "add REQUIREMENT...",
		Short: "Read projects from the indexes into local knowledge",
		Long: `Read projects from the indexes into local knowledge, and what they require here:
of each project the listing and the metadata of the release that would be chosen.
The indexes are those of pip's configuration, else the origin of the knowledge
base. What is fresh is not asked for again; --refresh asks all the same.`,
		Example: "  thamos kb add 'httpx[http2]>=0.27' structlog",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.online = true
			return kbAdd(c.Context(), env, args, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.refresh, "refresh", "", "ask again for what was asked longer than this ago; without an age, for everything")
	f.Lookup("refresh").NoOptDefVal = refreshNow
	f.IntVar(&o.concurrency, "concurrency", 16, "requests under way at once")
	o.addEnvironment(f)
	return c
}

// kbAdd solves each requirement by itself, online: what its answer stands on is
// what is worth knowing of it.
func kbAdd(ctx context.Context, env *Env, args []string, o adviseOptions) error {
	where, err := environment.Detect(ctx, environment.Request{
		Dir: env.Dir, Getenv: env.Getenv, Python: o.python, PythonVersion: o.pythonVersion, Platform: o.platform,
		CacheFile: cacheFile(env, "interpreters.json"),
	})
	if err != nil {
		return usageUnlessCancelled(ctx, err)
	}
	problem := &resolver.Problem{Environment: &where.Environment}
	var requirements []resolver.Requirement
	for _, text := range args {
		r, err := py.ParseRequirement(text)
		if err == nil {
			err = ofIndex(r)
		}
		if err != nil {
			return usageError{err}
		}
		requirements = append(requirements, resolver.Requirement{Requirement: r, Origin: "the command line"})
	}
	k, err := openKnowledge(ctx, env, o.kb, &lockfile.Manifest{}, o.onlineOptions)
	if err != nil {
		return err
	}
	defer k.close()
	var failed error
	for _, r := range requirements {
		problem.Requirements = []resolver.Requirement{r}
		report, err := k.solve(ctx, resolver.Search{Budget: defaultBudget}, problem, &directs{Knowledge: k})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed = errors.Join(failed, err)
			continue
		}
		for _, c := range report.Stack {
			if c.Name == r.Name {
				fmt.Fprintf(env.Stdout, "%s and the %s that it requires are known\n", c.Package, count(len(report.Stack)-1, "package"))
			}
		}
	}
	for _, n := range k.notes {
		fmt.Fprintf(env.Stderr, "note: %s\n", n)
	}
	return failed
}

func newKBForget(env *Env) *cobra.Command {
	var all, learnt bool
	c := &cobra.Command{
		Use:   "forget NAME...",
		Short: "Forget what local knowledge has of projects, and what was learnt of them by trying",
		Long: `Forget what local knowledge has of projects: what the indexes said, and what learn,
inspect and advise --learn learnt of them by trying, --learnt only that. A run that
says something of several projects is forgotten as a whole. What waits in the queue
of learn stays.`,
		Example: `  thamos kb forget attrs
  thamos kb forget --learnt --all`,
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usagef("say which projects to forget, or --all")
			}
			return kbForget(c.Context(), env, args, learnt)
		},
		Args: cobra.ArbitraryArgs,
	}
	c.Flags().BoolVar(&all, "all", false, "forget all projects")
	c.Flags().BoolVar(&learnt, "learnt", false, "forget only what was learnt by trying")
	return c
}

// kbForget forgets projects, all without args.
func kbForget(ctx context.Context, env *Env, args []string, learnt bool) error {
	var names []py.Name // nil: all
	for _, a := range args {
		n, err := py.ParseName(a)
		if err != nil {
			return usageError{err}
		}
		names = append(names, n)
	}
	tried, err := forgetLearnt(ctx, env, names)
	if err != nil {
		return err
	}
	n := 0
	if !learnt {
		if n, err = forgetLocal(ctx, env, names); err != nil {
			return err
		}
	}
	said := count(n, "document") + " forgotten"
	if learnt {
		said = count(tried, "document") + " of what was learnt by trying forgotten"
	} else if tried > 0 {
		said += ", and " + count(tried, "document") + " of what was learnt by trying"
	}
	_, err = fmt.Fprintln(env.Stdout, said)
	return err
}

func forgetLocal(ctx context.Context, env *Env, names []py.Name) (int, error) {
	local, err := openLocal(ctx, env, false)
	if err != nil || local == nil {
		return 0, err
	}
	defer local.Close()
	if names == nil {
		seen := map[py.Name]bool{}
		err := local.Documents(ctx, func(d kb.Document) error {
			if !seen[d.Project] {
				seen[d.Project] = true
				names = append(names, d.Project)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return local.Forget(ctx, names)
}

// localJSON is local knowledge in the document of kb status.
type localJSON struct {
	Path     string           `json:"path"`
	Schema   string           `json:"schema"`
	Digest   string           `json:"digest"`
	Bytes    int64            `json:"bytes"`
	ReadOnly bool             `json:"read_only,omitempty"`
	Oldest   string           `json:"oldest,omitempty"` // YYYY-MM-DD
	Newest   string           `json:"newest,omitempty"`
	Indexes  []localIndexJSON `json:"indexes"`
	Sources  []localToldJSON  `json:"sources"`

	Observations int `json:"observations"`
	Events       int `json:"events"`
}

// localToldJSON is what a source told beside releases.
type localToldJSON struct {
	Name       string `json:"name"`
	Notes      string `json:"notes,omitempty"`
	Read       string `json:"read"` // YYYY-MM-DD
	Advisories int    `json:"advisories"`
	Withdrawn  int    `json:"withdrawn"`
	Popular    int    `json:"popular"`
}

type localIndexJSON struct {
	Index      string `json:"index"`
	Listings   int    `json:"listings"`
	Absent     int    `json:"absent"`
	Metadata   int    `json:"metadata"`
	Unreadable int    `json:"unreadable"`
	Newest     string `json:"newest"`
}

// localStatus says what local knowledge is; nil if there is none.
func localStatus(ctx context.Context, env *Env) (*localJSON, error) {
	local, err := openLocal(ctx, env, false)
	if err != nil || local == nil {
		return nil, err
	}
	defer local.Close()
	info, err := local.Info(ctx)
	if err != nil {
		return nil, err
	}
	d := &localJSON{Path: localFile(env), Schema: info.Schema, Digest: info.Digest, Bytes: info.Size, ReadOnly: info.ReadOnly}
	if info.Newest > 0 {
		d.Oldest, d.Newest = day(info.Oldest), day(info.Newest)
	}
	d.Observations, d.Events, d.Sources = info.Observations, info.Events, []localToldJSON{}
	for _, t := range info.Told {
		d.Sources = append(d.Sources, localToldJSON{t.Name, t.Notes, day(t.Read), t.Advisories, t.Withdrawn, t.Popular})
	}
	for _, x := range info.Indexes {
		d.Indexes = append(d.Indexes, localIndexJSON{x.Index, x.Listings, x.Absent, x.Metadata, x.Unreadable, day(x.Newest)})
	}
	return d, nil
}

// printLocal adds local knowledge to the table of kb status.
func printLocal(env *Env, d *localJSON) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nlocal knowledge\t%s, schema %s\n", d.Path, d.Schema)
	fmt.Fprintf(w, "digest\tsha256:%s\n", d.Digest)
	if d.Newest != "" {
		fmt.Fprintf(w, "read\tfrom %s to %s\n", d.Oldest, d.Newest)
	}
	for _, x := range d.Indexes {
		fmt.Fprintf(w, "index\t%s: %s, metadata of %s, %d absent, %d without metadata\n",
			x.Index, count(x.Listings, "project"), count(x.Metadata, "release"), x.Absent, x.Unreadable)
	}
	for _, s := range d.Sources {
		fmt.Fprintf(w, "source\t%s, asked %s: %s, %d withdrawn, %s\n", s.Name, s.Read,
			plural(s.Advisories, "advisory", "advisories"), s.Withdrawn, count(s.Popular, "popular project"))
	}
	if d.Events+d.Observations > 0 {
		fmt.Fprintf(w, "noted\t%s, %s\n", count(d.Events, "event"), count(d.Observations, "observation"))
	}
	return w.Flush()
}
