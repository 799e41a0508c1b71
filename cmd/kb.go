package cmd

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb"
)

// snapshotName is what a snapshot is called in a directory that holds one.
const snapshotName = "snapshot.db"

func newKB(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "kb",
		Short: "Look at knowledge, add to it and build it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKBStatus(env), newKBAdd(env), newKBForget(env), newKBBuild(env), newKBImport(env))
	c.AddCommand(newKBSync(env), newKBRollback(env), newKBExport(env), newKBPublish(env), newKBKeygen(env))
	c.AddCommand(newKBVerify(env), newKBDiff(env), newKBQuery(env), newKBGC(env))
	c.AddCommand(newKBRefresh(env), newKBEvents(env), newKBRebuild(env))
	return c
}

func newKBStatus(env *Env) *cobra.Command {
	var path string
	var list, verify, asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Say what the knowledge base holds, since when, and from which sources",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			open := openSnapshot
			if verify {
				open = openInUse
			}
			db, err := open(c.Context(), env, path)
			if err != nil {
				return err
			}
			defer db.Close()
			if verify {
				if err := verifyOpened(c.Context(), env, db); err != nil {
					return err
				}
			}
			return kbStatus(c.Context(), env, db, list, verify, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&path, "kb", "", "the knowledge base (default: the synced one, else the embedded one)")
	f.BoolVar(&list, "list", false, "also list the projects")
	f.BoolVar(&verify, "verify", false, "read everything and check the digest")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// A kbDocument is the result of kb status for programs.
type kbDocument struct {
	Schema       string         `json:"schema"`
	Name         string         `json:"name"`
	Knowledge    knowledgeJSON  `json:"knowledge"`
	AgeDays      int            `json:"age_days"`
	Origin       string         `json:"origin,omitempty"`
	Verified     bool           `json:"verified"`
	Synced       *syncedJSON    `json:"synced,omitempty"` // where it is from, if it was synced
	Projects     int            `json:"projects"`
	Releases     int            `json:"releases"`
	Known        int            `json:"known_releases"` // whose requirements are known
	Files        int            `json:"files"`
	Advisories   int            `json:"advisories"`
	AdvisoriesAt string         `json:"advisories_at,omitempty"` // day on which the newest was modified
	Suspicions   int            `json:"suspicions"`
	Rules        int            `json:"rules"`
	Observations int            `json:"observations"`
	Sources      []kbSourceJSON `json:"sources"`
	Local        *localJSON     `json:"local,omitempty"`
	List         []kbItemJSON   `json:"list,omitempty"`
}

type kbSourceJSON struct {
	Name    string `json:"name"`
	Licence string `json:"licence,omitempty"`
	Date    string `json:"date,omitempty"`
	Notes   string `json:"notes,omitempty"`
}

type kbItemJSON struct {
	Name     string `json:"name"`
	Releases int    `json:"releases"`
	Known    int    `json:"known_releases"`
	Newest   string `json:"newest_known,omitempty"`
}

func kbStatus(ctx context.Context, env *Env, db opened, list, verified, asJSON bool) error {
	if db.note != "" {
		fmt.Fprintf(env.Stderr, "note: %s\n", db.note)
	}
	info, err := db.Info(ctx)
	if err != nil {
		return err
	}
	d := kbDocument{
		Schema: "thamos/kb-status/1", Name: db.name, Verified: verified,
		Knowledge: knowledgeJSON{Schema: info.Schema, Digest: info.Digest, Built: day(info.Built)},
		AgeDays:   int(env.Now().Sub(time.Unix(info.Built, 0)) / (24 * time.Hour)),
		Origin:    info.Origin,
		Projects:  info.Projects, Releases: info.Releases, Known: info.Known, Files: info.Files,
	}
	d.Advisories, d.Suspicions, d.Rules, d.Observations = info.Advisories, info.Suspicions, info.Rules, info.Observations
	if info.AdvisoriesAt > 0 {
		d.AdvisoriesAt = day(info.AdvisoriesAt)
	}
	if db.synced != nil {
		synced := newSyncedJSON(db.synced)
		d.Synced = &synced
	}
	for _, s := range info.Sources {
		d.Sources = append(d.Sources, kbSourceJSON(s))
	}
	if d.Local, err = localStatus(ctx, env); err != nil {
		return err
	}
	if list {
		if d.List, err = kbList(ctx, db.DB); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(env.Stdout, d)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("knowledge base", "%s, schema %s", d.Name, info.Schema)
	row("built", "%s (%s ago)", day(info.Built), count(d.AgeDays, "day"))
	row("digest", "sha256:%s%s", info.Digest, map[bool]string{true: " (verified)"}[verified])
	if s := d.Synced; s != nil {
		row("synced", "%s from %s", s.Synced, s.Source)
	}
	if s := d.Synced; s != nil && s.Stream != "" {
		said := []string{fmt.Sprintf("%s serial %d", s.Stream, s.Serial)}
		if s.Status != "" {
			said = append(said, s.Status)
		}
		said = append(said, "signed by "+strings.Join(s.SignedBy, ", "))
		if s.NextUpdate != "" {
			said = append(said, "next update until "+s.NextUpdate)
		} else { // a single file
			said = append(said, "no next update is promised")
		}
		row("publication", "%s", strings.Join(said, ", "))
	} else if s != nil {
		row("publication", "none: it is not signed")
	}
	row("origin", "%s", orNone(info.Origin))
	row("projects", "%d", info.Projects)
	row("releases", "%d, of which the requirements of %d are known", info.Releases, info.Known)
	row("files", "%d with size and sha256", info.Files)
	if info.Advisories > 0 {
		age := int(env.Now().Sub(time.Unix(info.AdvisoriesAt, 0)) / (24 * time.Hour))
		row("advisories", "%d, the newest of %s (%s ago)", info.Advisories, d.AdvisoriesAt, count(age, "day"))
	} else {
		row("advisories", "none")
	}
	row("suspicions", "%d releases whose later ones say that they may not work", info.Suspicions)
	row("rules", "%d prescriptions", info.Rules)
	row("observations", "%d", info.Observations)
	for _, s := range d.Sources {
		row("source", "%s, %s, %s; %s", s.Name, orNone(s.Date), orNone(s.Licence), orNone(s.Notes))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if d.Local != nil {
		if err := printLocal(env, d.Local); err != nil {
			return err
		}
	}
	if !list {
		return nil
	}
	fmt.Fprintln(env.Stdout)
	w = tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROJECT\tRELEASES\tKNOWN\tNEWEST KNOWN")
	for _, p := range d.List {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", p.Name, p.Releases, p.Known, orNone(p.Newest))
	}
	return w.Flush()
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func kbList(ctx context.Context, db *kb.DB) ([]kbItemJSON, error) {
	names, err := db.Names(ctx)
	if err != nil {
		return nil, err
	}
	projects, err := db.Projects(ctx, names)
	if err != nil {
		return nil, err
	}
	var items []kbItemJSON
	for _, p := range projects {
		item := kbItemJSON{Name: string(p.Name), Releases: len(p.Releases)}
		for _, r := range p.Releases {
			if r.Requires == nil {
				continue
			}
			if item.Known == 0 {
				item.Newest = r.Version.String()
			}
			item.Known++
		}
		items = append(items, item)
	}
	return items, nil
}
