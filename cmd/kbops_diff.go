package cmd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
)

func newKBDiff(env *Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Tell what knowledge base B has and A has not, and the other way round",
		Long: `Tell which projects, releases, advisories and sources were added, removed or
changed from knowledge base A to B. "synced", "previous" and "embedded" name the
one that ` + "`kb sync`" + ` made active, the one before it, and that of the program; others are
files. Exit status 0 whether they differ or not.`,
		Example: `  thamos kb diff previous synced`,
		Args:    cobra.ExactArgs(2),
		RunE:    func(c *cobra.Command, args []string) error { return kbDiff(c.Context(), env, args[0], args[1], asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// openNamed opens a knowledge base by one of the names of kb diff, or a file.
func openNamed(ctx context.Context, env *Env, name string) (*kb.DB, error) {
	switch name {
	case embeddedName:
		return openEmbedded(ctx, env)
	case syncedName, "previous":
		store, err := syncStore(env)
		if err != nil {
			return nil, err
		}
		r, err := store.Read()
		if err != nil {
			return nil, err
		}
		i := r.Active
		if name != syncedName {
			i = r.Previous
		}
		if i == nil {
			return nil, unknownError{fmt.Errorf("there is no %s knowledge base", name)}
		}
		db, err := kb.Open(ctx, store.Path(i))
		if errors.Is(err, os.ErrNotExist) {
			err = unknownError{fmt.Errorf("the %s knowledge base is not there any more: %w", name, err)}
		}
		return db, err
	}
	return openFile(ctx, env, name)
}

// A diffDocument is the result of kb diff for programs.
type diffDocument struct {
	Schema  string       `json:"schema"`
	From    string       `json:"from"` // digest
	To      string       `json:"to"`
	Changes []changeJSON `json:"changes"`
}

type changeJSON struct {
	Kind    string `json:"kind"`
	Change  string `json:"change"`
	Project string `json:"project,omitempty"`
	ID      string `json:"id,omitempty"`
	How     string `json:"how,omitempty"`
}

func kbDiff(ctx context.Context, env *Env, from, to string, asJSON bool) error {
	a, err := openNamed(ctx, env, from)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := openNamed(ctx, env, to)
	if err != nil {
		return err
	}
	defer b.Close()
	stop := progress(env, "comparing")
	defer stop()
	changes, err := kb.Diff(ctx, a, b)
	if err != nil {
		return err
	}
	stop()
	if asJSON {
		d := diffDocument{Schema: "thamos/kb-diff/1", From: a.Digest(), To: b.Digest(), Changes: []changeJSON{}}
		for _, c := range changes {
			d.Changes = append(d.Changes, changeJSON{c.Kind, string(c.What), string(c.Name), c.ID, c.How})
		}
		return printJSON(env.Stdout, d)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	type key struct {
		kind string
		what kb.Changed
	}
	counts := map[key]int{}
	for _, c := range changes {
		counts[key{c.Kind, c.What}]++
		sign := map[kb.Changed]string{kb.Added: "+", kb.Removed: "-", kb.Modified: "~"}[c.What]
		line := fmt.Sprintf("%s %s\t%s", sign, c.Kind, strings.TrimSpace(string(c.Name)+" "+c.ID))
		if c.How != "" {
			line += "\t" + c.How
		}
		fmt.Fprintln(w, line)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, k := range [][2]string{{"project", "projects"}, {"release", "releases"}, {"advisory", "advisories"}, {"source", "sources"}} {
		n := func(what kb.Changed) int { return counts[key{k[0], what}] }
		if n(kb.Added)+n(kb.Removed)+n(kb.Modified) > 0 {
			fmt.Fprintf(env.Stderr, "%s: %d added, %d removed, %d changed\n", k[1], n(kb.Added), n(kb.Removed), n(kb.Modified))
		}
	}
	if len(changes) == 0 {
		fmt.Fprintln(env.Stderr, "they say the same")
	}
	return nil
}

func newKBQuery(env *Env) *cobra.Command {
	var path string
	var asJSON bool
	var rows int
	var limit time.Duration
	c := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask the knowledge base a question in SQL",
		Long: `Ask the knowledge base a question in SQL. Nothing can be changed. The views release
and requirement have a row for each release of a project and for each line of one
of its lists of requirements; SELECT name, sql FROM sqlite_schema shows all tables.`,
		Example: `  thamos kb query "SELECT name, version FROM release WHERE yanked ORDER BY uploaded DESC LIMIT 10"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if rows < 1 || limit <= 0 {
				return usagef("--rows and --timeout: more than none")
			}
			return kbQuery(c.Context(), env, path, args[0], rows, limit, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&path, "kb", "", "the knowledge base (default: the synced one, else the embedded one)")
	f.IntVar(&rows, "rows", 1000, "print at most so many rows")
	f.DurationVar(&limit, "timeout", 10*time.Second, "the longest that it may take")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// A queryDocument is the result of kb query for programs.
type queryDocument struct {
	Schema  string   `json:"schema"`
	Digest  string   `json:"digest"`
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"` // blobs are base64
	More    bool     `json:"more"` // there are more rows
}

func kbQuery(ctx context.Context, env *Env, path, text string, rows int, limit time.Duration, asJSON bool) error {
	o, err := openSnapshot(ctx, env, path)
	if err != nil {
		return err
	}
	defer o.Close()
	if o.note != "" {
		fmt.Fprintf(env.Stderr, "note: %s\n", o.note)
	}
	t, err := o.Query(ctx, text, rows, limit)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		return usageError{err}
	}
	if t.More {
		fmt.Fprintf(env.Stderr, "note: there are more than %d rows (--rows)\n", rows)
	}
	if asJSON {
		d := queryDocument{"thamos/kb-query/1", o.Digest(), t.Columns, t.Rows, t.More}
		if d.Rows == nil {
			d.Rows = [][]any{}
		}
		return printJSON(env.Stdout, d)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(t.Columns, "\t")))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = cellText(v)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// cellText is a value in a table: on one line, and without what a terminal might
// obey.
func cellText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case string:
		quoted := strconv.Quote(v)
		return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	}
	return fmt.Sprint(v)
}
