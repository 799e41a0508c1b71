package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
)

func newKBRefresh(env *Env) *cobra.Command {
	var s primarySources
	var projects []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "refresh",
		Short: "Ask the indexes and advisory databases what changed",
		Long: `Ask what changed of the projects that the knowledge base and local knowledge
hold, since they were looked at last: new and removed releases and files, yanked
ones, files of the same name with another hash, the status of projects, their
attestations, and advisories. What is read is remembered in local knowledge, and
what changed as events (` + "`thamos kb events`" + `). Everything is asked on condition
that it changed.

The indexes are those of pip's configuration, else the origin of the knowledge
base. That an index has no such project is an answer; that it refuses or fails is
none, and nothing is concluded of it.

Advisories are read from zips of OSV records (--osv, repeatable), by URL or path:
all of PyPI's as OSV dumps them, or PyPA's advisory database. They count on top of
those of the knowledge base.

Exit status: 0 done; 1 there are alarms among what changed: a file that has
another hash, a quarantined project, malware; 4 nobody that was asked answered.`,
		Example: `  thamos kb refresh --osv https://osv.example/PyPI/all.zip
  thamos kb refresh --project flask --project werkzeug`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, text := range projects {
				name, err := py.ParseName(text)
				if err != nil {
					return usageError{err}
				}
				s.projects = append(s.projects, name)
			}
			return kbRefresh(c.Context(), env, s, asJSON)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&s.advisories, "osv", nil, "URL or path of a zip of OSV records, or a directory of them (repeatable; default: osv of [kb] in the configuration)")
	f.StringArrayVar(&s.popular, "popular", nil, "file of project names, the most downloaded first, or of rank, tab and name (repeatable)")
	f.StringSliceVar(&projects, "project", nil, "ask the indexes for this project only (repeatable)")
	f.BoolVar(&s.noIndex, "no-index", false, "do not ask the indexes")
	f.IntVar(&s.concurrency, "concurrency", 16, "requests under way at once")
	f.StringVar(&s.kb, "kb", "", "the knowledge base (default: the synced one, else the embedded one)")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func kbRefresh(ctx context.Context, env *Env, s primarySources, asJSON bool) error {
	if len(s.advisories) == 0 {
		config, err := readUserConfig(env)
		if err != nil {
			return err
		}
		s.advisories = textsOf(config.OSV)
	}
	if s.noIndex && len(s.advisories)+len(s.popular) == 0 {
		return usagef("--no-index: say what to read instead: --osv or --popular")
	}
	if s.noIndex && len(s.projects) > 0 {
		return usagef("--project asks the indexes: it does not go with --no-index")
	}
	r, err := syncPrimary(ctx, env, s)
	if err != nil && ctx.Err() != nil {
		return r.interrupted()
	}
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(env.Stdout, r.document())
	} else {
		err = r.print(env)
	}
	switch {
	case err != nil:
		return err
	case !r.answered() && asJSON:
		return errReported{exitUnknown}
	case !r.answered():
		return unknownError{errors.New("nobody that was asked answered: nothing is known that was not known before")}
	case r.alarms() > 0:
		return errReported{exitRefused}
	}
	return nil
}

// interrupted says what is kept of a refresh that was interrupted; r is nil if it
// had not begun.
func (r *primaryReport) interrupted() error {
	sources := 0
	if r != nil {
		for _, s := range r.sources {
			if s.state != sourceUnknown {
				sources++
			}
		}
	}
	if r == nil || len(r.learnt)+sources == 0 {
		return errors.New("interrupted before anything was learnt")
	}
	text := fmt.Sprintf("interrupted; what %s and %s said is kept", count(len(r.learnt), "project"), count(sources, "source"))
	if n := len(r.events); n > 0 {
		text += fmt.Sprintf(", with %s: `thamos kb events --since %s`", count(n, "change"), moment(r.at))
	}
	return errors.New(text)
}

// A refreshDocument is the result of kb refresh for programs.
type refreshDocument struct {
	Schema  string              `json:"schema"`
	At      string              `json:"at"`     // RFC 3339
	Status  string              `json:"status"` // ok, alarms or unknown
	Held    int                 `json:"held"`   // projects that are watched
	Index   refreshIndexJSON    `json:"index"`
	Sources []refreshSourceJSON `json:"sources"`
	Events  []eventJSON         `json:"events"`
}

type refreshIndexJSON struct {
	Asked     int           `json:"asked"`    // projects
	Listings  int           `json:"listings"` // that an index has
	Requests  int           `json:"requests"`
	Unchanged int           `json:"unchanged"` // requests that were answered with "not modified"
	Missing   []string      `json:"missing"`   // that no index has
	Unknown   []unknownJSON `json:"unknown"`   // of which nothing is concluded
}

type unknownJSON struct {
	Project string `json:"project"`
	Index   string `json:"index"`
	Reason  string `json:"reason"`
}

type refreshSourceJSON struct {
	Name       string `json:"name"`
	State      string `json:"state"` // read, unchanged or unknown
	Reason     string `json:"reason,omitempty"`
	Advisories int    `json:"advisories"`
	Withdrawn  int    `json:"withdrawn"`
	Popular    int    `json:"popular"`
	LeftOut    int    `json:"left_out"` // what was malformed
	Requests   int    `json:"requests"`
}

func (r *primaryReport) document() refreshDocument {
	d := refreshDocument{
		Schema: "thamos/kb-refresh/1", At: moment(r.at), Status: "ok", Held: r.held, Sources: []refreshSourceJSON{}, Events: eventsJSON(r.events),
		Index: refreshIndexJSON{
			Asked: r.index.Asked, Listings: r.index.Listings, Requests: r.index.Sent.Requests(), Unchanged: r.index.Sent.Unchanged,
			Missing: []string{}, Unknown: []unknownJSON{},
		},
	}
	switch {
	case !r.answered():
		d.Status = "unknown"
	case r.alarms() > 0:
		d.Status = "alarms"
	}
	for _, name := range r.index.Missing {
		d.Index.Missing = append(d.Index.Missing, string(name))
	}
	for _, u := range r.index.Unknown {
		d.Index.Unknown = append(d.Index.Unknown, unknownJSON{string(u.Name), u.Index, u.Reason})
	}
	for _, s := range r.sources {
		d.Sources = append(d.Sources, refreshSourceJSON{s.name, s.state, s.reason, s.advisories, s.withdrawn, s.popular, len(s.faults), s.requests})
	}
	return d
}

// moment writes a time for programs.
func moment(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// maxEventsShown bounds what refresh prints of what changed.
const maxEventsShown = 100

// print prints what changed, the most severe first, and on standard error what
// was asked.
func (r *primaryReport) print(env *Env) error {
	for _, s := range r.sources {
		switch s.state {
		case sourceUnknown:
			fmt.Fprintf(env.Stderr, "%s: not read, what it said before counts: %s\n", s.name, s.reason)
		case sourceUnchanged:
			fmt.Fprintf(env.Stderr, "%s: not modified\n", s.name)
		default:
			fmt.Fprintf(env.Stderr, "%s: %s, %d withdrawn, %s\n", s.name,
				plural(s.advisories, "advisory", "advisories"), s.withdrawn, count(s.popular, "popular project"))
			showFaults(env, "left out", s.faults, 0)
		}
	}
	if x := r.index; x.Asked > 0 {
		fmt.Fprintf(env.Stderr, "asked for %s: %d served, %d absent, %d unknown; %s, %d not modified\n",
			count(x.Asked, "project"), x.Listings, len(x.Missing), len(x.Unknown), count(x.Sent.Requests(), "request"), x.Sent.Unchanged)
		showFaults(env, "malformed", x.Faults, 0)
		unknown := make([]ingest.Fault, len(x.Unknown))
		for i, u := range x.Unknown {
			unknown[i] = ingest.Fault{Where: string(u.Name), Reason: u.Reason}
		}
		showFaults(env, "unknown, nothing is concluded", unknown, 0)
	}
	events := slices.Clone(r.events)
	slices.SortStableFunc(events, func(a, b kb.Event) int { return int(b.Severity) - int(a.Severity) })
	shown := events[:min(len(events), maxEventsShown)]
	if err := printEvents(env, shown, false); err != nil {
		return err
	}
	if more := len(events) - len(shown); more > 0 {
		fmt.Fprintf(env.Stderr, "%d more: `thamos kb events --since %s` lists all\n", more, moment(r.at))
	}
	if !r.answered() {
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "%s, of which %s\n", count(len(events), "change"), count(r.alarms(), "alarm"))
	return err
}
