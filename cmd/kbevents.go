package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

func newKBEvents(env *Env) *cobra.Command {
	var since string
	var projects, kinds []string
	var asJSON bool
	words := make([]string, len(kb.EventKinds()))
	for i, k := range kb.EventKinds() {
		words[i] = string(k)
	}
	c := &cobra.Command{
		Use:   "events",
		Short: "List what `kb refresh` found to have changed",
		Long: `List what ` + "`thamos kb refresh`" + ` found to have changed, oldest first. Nobody is
asked for anything.

Kinds: ` + strings.Join(words, ", ") + `.

Exit status: 0 done, alarms or not; 2 the command line is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q, err := eventQuery(env, since, projects, kinds)
			if err != nil {
				return err
			}
			return kbEvents(c.Context(), env, q, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&since, "since", "", "only what was noticed since a day (2026-01-31), a time (RFC 3339) or an age (7d, 12h)")
	f.StringSliceVar(&projects, "project", nil, "only of this project (repeatable)")
	f.StringSliceVar(&kinds, "kind", nil, "only of this kind (repeatable)")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// eventQuery reads the flags of kb events.
func eventQuery(env *Env, since string, projects, kinds []string) (q kb.EventQuery, err error) {
	if since != "" {
		if q.Since, err = sinceWhen(env.Now(), since); err != nil {
			return q, err
		}
	}
	for _, text := range projects {
		name, err := py.ParseName(text)
		if err != nil {
			return q, usageError{err}
		}
		q.Projects = append(q.Projects, name)
	}
	for _, text := range kinds {
		kind := kb.EventKind(text)
		if !slices.Contains(kb.EventKinds(), kind) {
			return q, usagef("--kind: there is no kind %q; see `thamos kb events --help`", text)
		}
		q.Kinds = append(q.Kinds, kind)
	}
	return q, nil
}

// sinceWhen reads a day, a time, or an age before now, in Unix seconds.
func sinceWhen(now time.Time, text string) (int64, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	age := text
	days := 0
	if n, rest, ok := strings.Cut(text, "d"); ok {
		if _, err := fmt.Sscanf(n, "%d", &days); err != nil || fmt.Sprint(days) != n || days > 100_000 {
			return 0, usagef("--since: %q is no day, time or age such as 2026-01-31 or 7d", text)
		}
		age = rest
	}
	if age == "" {
		age = "0s"
	}
	d, err := time.ParseDuration(age)
	if err != nil || d < 0 || days < 0 {
		return 0, usagef("--since: %q is no day, time or age such as 2026-01-31 or 7d", text)
	}
	return now.AddDate(0, 0, -days).Add(-d).Unix(), nil
}

func kbEvents(ctx context.Context, env *Env, q kb.EventQuery, asJSON bool) error {
	local, err := openLocal(ctx, env, false)
	if err != nil {
		return err
	}
	var events []kb.Event
	if local != nil {
		defer local.Close()
		if events, err = local.Events(ctx, q); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(env.Stdout, eventsDocument{"thamos/kb-events/1", eventsJSON(events)})
	}
	return printEvents(env, events, true)
}

// An eventsDocument is the result of kb events for programs.
type eventsDocument struct {
	Schema string      `json:"schema"`
	Events []eventJSON `json:"events"`
}

// An eventJSON is an event in a document. What old and new are depends on the
// kind; see kb.EventKind.
type eventJSON struct {
	At       string `json:"at"` // when it was noticed, RFC 3339
	Kind     string `json:"kind"`
	Severity string `json:"severity"` // notice, warning or alarm
	Project  string `json:"project"`
	Version  string `json:"version,omitempty"`
	Subject  string `json:"subject,omitempty"` // file, or id of an advisory
	Old      string `json:"old,omitempty"`
	New      string `json:"new,omitempty"`
	Source   string `json:"source"`
}

func eventsJSON(events []kb.Event) []eventJSON {
	out := make([]eventJSON, len(events))
	for i, e := range events {
		out[i] = eventJSON{moment(e.At), string(e.Kind), e.Severity.String(), string(e.Project), e.Version, e.Subject, e.Old, e.New, e.Source}
	}
	return out
}

// printEvents prints a table of events, with the time when they were noticed if
// they are of several.
func printEvents(env *Env, events []kb.Event, dated bool) error {
	if len(events) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	head := "SEVERITY\tKIND\tPROJECT\tWHAT"
	if dated {
		head = "NOTICED\t" + head
	}
	fmt.Fprintln(w, head)
	for _, e := range events {
		if dated {
			fmt.Fprintf(w, "%s\t", moment(e.At))
		}
		project := string(e.Project)
		if e.Version != "" {
			project += "==" + e.Version
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.Severity, e.Kind, project, orNone(eventWords(e)))
	}
	return w.Flush()
}

// eventWords says what an event is about beside its project.
func eventWords(e kb.Event) string {
	var words []string
	if e.Subject != "" {
		words = append(words, e.Subject)
	}
	switch {
	case e.Old != "" && e.New != "":
		words = append(words, e.Old+" -> "+e.New)
	case e.Old != "":
		words = append(words, "was "+e.Old)
	case e.New != "":
		words = append(words, e.New)
	}
	return strings.Join(words, ": ")
}
