package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/solver/journal"
)

func newLearnStatus(env *Env) *cobra.Command {
	var asJSON, rebuild, clear bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Say what was learnt by trying, and what is queued",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return learnStatus(c.Context(), env, asJSON, rebuild, clear)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	f.BoolVar(&rebuild, "rebuild", false, "first make the index of the documents again out of their files")
	f.BoolVar(&clear, "clear", false, "first take out of the queue what is done and what was left")
	return c
}

// A learnStatusJSON is the result of learn status for programs.
type learnStatusJSON struct {
	Schema       string          `json:"schema"`
	Path         string          `json:"path"`
	Documents    int             `json:"documents"`
	Outcomes     map[string]int  `json:"outcomes"`
	Observations int             `json:"observations"`
	Waiting      int             `json:"waiting"`
	Done         int             `json:"done"`
	Left         int             `json:"left"`
	Items        []learnItemJSON `json:"items"`
}

type learnItemJSON struct {
	Requirement string   `json:"requirement"`
	Env         string   `json:"env"`
	State       string   `json:"state"`
	Priority    int      `json:"priority"`
	Attempts    int      `json:"attempts"`
	Class       string   `json:"class,omitempty"`
	Reason      string   `json:"reason,omitempty"`
	NotBefore   string   `json:"not_before,omitempty"`
	Documents   []string `json:"documents,omitempty"`
}

func learnStatus(ctx context.Context, env *Env, asJSON, rebuild, clear bool) error {
	dir := learntDir(env)
	if dir == "" {
		return usagef("there is no home directory; set XDG_DATA_HOME")
	}
	token := func() string { return fmt.Sprintf("%016x", env.Rand.Uint64()) }
	var j *journal.Journal
	var err error
	switch {
	case rebuild:
		j, err = openForRebuild(ctx, env, dir, journalOptions(env, token))
	case clear:
		j, err = journal.Open(ctx, dir, journalOptions(env, token))
	default:
		j, err = journal.Read(ctx, dir, journalOptions(env, token))
	}
	if err != nil {
		return learntError(err)
	}
	defer j.Close()
	if rebuild {
		n, bad, err := j.Rebuild(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "read %s\n", count(n, "document"))
		for _, b := range bad {
			fmt.Fprintf(env.Stderr, "warning: %s is not the document that its name says\n", b)
		}
	}
	if clear {
		for _, state := range []journal.State{journal.Done, journal.Left} {
			if err := j.Clear(ctx, state); err != nil {
				return learntError(err)
			}
		}
	}
	s, err := j.Summary(ctx)
	if err != nil {
		return learntError(err)
	}
	items, err := j.Items(ctx)
	if err != nil {
		return learntError(err)
	}
	d := learnStatusJSON{"thamos/learn-status/1", dir, s.Documents, s.ByOutcome, s.Observations, s.Waiting, s.Done, len(s.Left), []learnItemJSON{}}
	for _, i := range items {
		x := learnItemJSON{i.Key, i.Env, string(i.State), i.Priority, i.Attempts, string(i.Class), i.Reason, "", i.Documents}
		if !i.NotBefore.IsZero() && i.State == journal.Waiting {
			x.NotBefore = i.NotBefore.UTC().Format(time.RFC3339)
		}
		d.Items = append(d.Items, x)
	}
	if asJSON {
		return printJSON(env.Stdout, d)
	}
	return d.print(env)
}

// openForRebuild opens the journal. A damaged one is set aside, and a new one is
// begun.
func openForRebuild(ctx context.Context, env *Env, dir string, o journal.Options) (*journal.Journal, error) {
	j, err := journal.Open(ctx, dir, o)
	if err == nil {
		if err = j.Check(ctx); err == nil {
			return j, nil
		}
		err = errors.Join(err, j.Close())
	}
	if !journal.Damaged(err) {
		return nil, err
	}
	aside, err := journal.SetAside(dir)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(env.Stderr, "the journal was damaged: it is kept as %s, and what was queued in it is lost\n", aside)
	return journal.Open(ctx, dir, o)
}

// learntError says of a damaged journal what to do.
func learntError(err error) error {
	if !journal.Damaged(err) {
		return err
	}
	return unknownError{fmt.Errorf("%w: `thamos learn status --rebuild` makes it again of its documents", err)}
}

func (d learnStatusJSON) print(env *Env) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "journal\t%s\n", d.Path)
	fmt.Fprintf(w, "documents\t%d, with %s\n", d.Documents, count(d.Observations, "observation"))
	for _, outcome := range slices.Sorted(maps.Keys(d.Outcomes)) {
		fmt.Fprintf(w, "  %s\t%d\n", outcome, d.Outcomes[outcome])
	}
	fmt.Fprintf(w, "queue\t%d waiting, %d done, %d left\n", d.Waiting, d.Done, d.Left)
	if err := w.Flush(); err != nil {
		return err
	}
	open := slices.DeleteFunc(slices.Clone(d.Items), func(i learnItemJSON) bool { return i.State == string(journal.Done) })
	if len(open) == 0 {
		return nil
	}
	fmt.Fprintln(env.Stdout)
	fmt.Fprintln(w, "WHAT\tENVIRONMENT\tSTATE\tTRIES\tAGAIN\tBECAUSE")
	for _, i := range open {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", i.Requirement, i.Env, i.State, i.Attempts, orNone(i.NotBefore), orNone(strings.Trim(oneLine(i.Class+": "+i.Reason), ": ")))
	}
	return w.Flush()
}
