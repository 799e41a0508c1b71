package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// print tells the result: the table or the document on standard output, how it
// came about on standard error.
func (a *advice) print(env *Env, o adviseOptions) error {
	if o.json {
		return printJSON(env.Stdout, a.document())
	}
	table := env.Stdout
	if a.target.path == "" && !o.dryRun {
		table = env.Stderr // standard output has the lock
	}
	if err := a.table(table); err != nil {
		return err
	}
	if o.why {
		if err := a.ledger(table); err != nil {
			return err
		}
	}
	if err := a.alternatives(table); err != nil {
		return err
	}
	if !o.why { // which has told
		a.warn(env)
	}
	for _, n := range append(a.notes, a.knowledge.notes...) {
		fmt.Fprintf(env.Stderr, "note: %s\n", n)
	}
	fmt.Fprintf(env.Stderr, "%s, %s\n", a.where.PythonFrom, a.where.PlatformFrom)
	fmt.Fprintf(env.Stderr, "%s (%s) for %s from the knowledge of %s%s in %s\n",
		count(len(a.report.Stack), "package"), a.judgement.plan.Table.Name, a.environment(), day(a.info.Built), a.onTop(), a.took.Round(time.Millisecond))
	fmt.Fprintf(env.Stderr, "score %s: %s\n", scoreText(a.report.Score), a.quality)
	if n := a.knowledge.asked; a.knowledge.indexes != nil {
		fmt.Fprintf(env.Stderr, "asked the indexes: %s, %s and the metadata of %s read%s\n",
			count(n.Requests, "request"), count(n.Listings, "listing"), count(n.Metadata, "release"), n.kinds())
	}
	if a.target.path != "" {
		fmt.Fprintf(env.Stderr, "%s %s\n", a.target.shown, a.written)
	}
	return nil
}

// maxWarnings bounds what is told of a stack without being asked for.
const maxWarnings = 20

// warn tells the errors and warnings that are known of the stack.
func (a *advice) warn(env *Env) {
	all := slices.DeleteFunc(slices.Concat(a.judgement.notes, a.wrapped.Notes), func(j resolver.Justification) bool { return j.Level == resolver.Info })
	slices.SortStableFunc(all, func(x, y resolver.Justification) int { return int(y.Level) - int(x.Level) })
	for i, j := range all {
		if i == maxWarnings {
			fmt.Fprintf(env.Stderr, "and %s (--why tells all)\n", count(len(all)-i, "more warning"))
			break
		}
		fmt.Fprintln(env.Stderr, told(j))
	}
}

// table prints a line for each package: what was chosen and why in a word.
func (a *advice) table(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PACKAGE\tVERSION\tWHY")
	for _, c := range a.report.Stack {
		text := why(c.Why)
		if c.Build {
			text += "; built from source"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", nameWithExtras(c.Name, c.Extras), c.Version, text)
	}
	return w.Flush()
}

func nameWithExtras(name py.Name, extras []py.Name) string {
	if len(extras) == 0 {
		return string(name)
	}
	texts := make([]string, len(extras))
	for i, x := range extras {
		texts[i] = string(x)
	}
	return fmt.Sprintf("%s[%s]", name, strings.Join(texts, ","))
}

// why is a Why on one line, beginning with the word.
func why(w resolver.Why) string {
	switch w.Reason {
	case resolver.Bounded:
		if w.By.From == "" {
			return fmt.Sprintf("%s: %s wants %s", w.Reason, w.By.Origin, w.By.Text)
		}
		return fmt.Sprintf("%s: %s wants %s", w.Reason, w.By.From, w.By.Text)
	case resolver.Usable, resolver.Known:
		return fmt.Sprintf("%s: %s %s", w.Reason, w.Better, w.Detail)
	case resolver.Traded:
		return fmt.Sprintf("%s: %s does not go with the rest", w.Reason, w.Better)
	case resolver.Judged:
		return fmt.Sprintf("%s: not %s: %s", w.Reason, w.Better, w.Term.Why.Justify().Message)
	}
	return w.Reason.String()
}

// adviseSchema names the document that --json prints. What is added keeps the
// number; what changes or goes raises it.
const adviseSchema = "thamos/advise/1"

// An adviseDocument is the result of advise for programs.
type adviseDocument struct {
	Schema      string          `json:"schema"`
	Status      string          `json:"status"` // "ok", "no-stack", "unknown", "refused"
	Manifest    string          `json:"manifest"`
	Environment environmentJSON `json:"environment"`
	Knowledge   knowledgeJSON   `json:"knowledge"`
	Notes       []string        `json:"notes,omitempty"`

	// What the stack is worth, and what is known of it.
	Recommendation string              `json:"recommendation_type,omitempty"`
	Score          []float64           `json:"score,omitempty"` // by tier, the first outranks all others
	Terms          []termJSON          `json:"terms,omitempty"` // that make the score
	Justifications []justificationJSON `json:"justifications,omitempty"`
	Changes        []json.RawMessage   `json:"advised_manifest_changes,omitempty"`
	Optimum        *optimumJSON        `json:"optimum,omitempty"`      // how good the stack is known to be
	Alternatives   []alternativeJSON   `json:"alternatives,omitempty"` // the next best stacks, with --count

	Packages []packageJSON `json:"packages,omitempty"`
	Lock     *lockJSON     `json:"lock,omitempty"`
	Conflict *conflictJSON `json:"conflict,omitempty"`
	Missing  *missingJSON  `json:"missing,omitempty"`
	Message  string        `json:"message,omitempty"`
}

type termJSON struct {
	Unit     string            `json:"unit"`
	Tier     int               `json:"tier"`
	Score    float64           `json:"score"`
	Packages []string          `json:"packages"`
	Why      justificationJSON `json:"why"`
}

type justificationJSON struct {
	Type     string `json:"type"` // info, warning or error
	Package  string `json:"package_name,omitempty"`
	Message  string `json:"message"`
	Link     string `json:"link,omitempty"`
	Evidence string `json:"evidence,omitempty"`
}

type environmentJSON struct {
	Implementation string `json:"implementation"`
	Python         string `json:"python"`
	FreeThreaded   bool   `json:"free_threaded,omitempty"`
	Platform       string `json:"platform"`
	PythonFrom     string `json:"python_from"`
	PlatformFrom   string `json:"platform_from"`
}

type knowledgeJSON struct {
	Schema string `json:"schema"`
	Digest string `json:"digest"`
	Built  string `json:"built"`           // YYYY-MM-DD
	Local  bool   `json:"local,omitempty"` // what this machine learnt lies on top

	Asked *askedJSON `json:"asked,omitempty"` // of the indexes, in this run; only online
}

type packageJSON struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Extras  []string `json:"extras,omitempty"`
	Direct  bool     `json:"direct"`
	Build   bool     `json:"build,omitempty"` // no wheel for the environment: it is built from source
	Why     whyJSON  `json:"why"`
	Via     []string `json:"via"` // projects, or places in the manifest
}

type whyJSON struct {
	Reason string `json:"reason"`
	Better string `json:"better,omitempty"` // the release that would have been preferred
	Text   string `json:"text"`
}

type lockJSON struct {
	Format string `json:"format"`
	Path   string `json:"path,omitempty"`
	State  string `json:"state"` // "written", "unchanged", "not written"
}

type conflictJSON struct {
	Lines    []conflictLineJSON `json:"lines"`
	Supplies []supplyJSON       `json:"supplies,omitempty"`
}

type conflictLineJSON struct {
	Origin      string   `json:"origin,omitempty"`
	Constraint  bool     `json:"constraint,omitempty"`
	Parent      string   `json:"parent,omitempty"`
	Versions    []string `json:"versions,omitempty"`
	All         bool     `json:"all,omitempty"` // Versions are all that the other lines leave of Parent
	Requirement string   `json:"requirement"`
	Project     string   `json:"project"`
}

type supplyJSON struct {
	Project  string          `json:"project"`
	Known    bool            `json:"known"`
	Short    bool            `json:"short"`
	Excluded []exclusionJSON `json:"excluded,omitempty"`
	Usable   []string        `json:"usable,omitempty"`
}

type exclusionJSON struct {
	Versions []string `json:"versions"`
	Reason   string   `json:"reason"`
}

type missingJSON struct {
	Projects []string `json:"projects,omitempty"`
	Releases []string `json:"releases,omitempty"`
}

// head is what every document of a run has.
func (a *advice) head(status string) adviseDocument {
	e := a.problem.Environment
	knowledge := knowledgeJSON{a.info.Schema, a.info.Digest, day(a.info.Built), a.knowledge.local != nil, nil}
	if a.knowledge.indexes != nil {
		knowledge.Asked = &a.knowledge.asked
	}
	return adviseDocument{
		Schema: adviseSchema, Status: status, Manifest: a.project.file,
		Environment: environmentJSON{
			e.Implementation, e.Python.String(), e.FreeThreaded, e.Platform.String(), a.where.PythonFrom, a.where.PlatformFrom,
		},
		Knowledge: knowledge, Recommendation: a.recommendation(),
		Notes: append(a.notes, a.knowledge.notes...),
	}
}

// document is the result of a run that found a stack.
func (a *advice) document() adviseDocument {
	d := a.head("ok")
	a.judged(&d)
	a.optimal(&d)
	for _, c := range a.report.Stack {
		p := packageJSON{Name: string(c.Name), Version: c.Version.String(), Direct: c.Direct, Build: c.Build}
		for _, x := range c.Extras {
			p.Extras = append(p.Extras, string(x))
		}
		p.Why = whyJSON{Reason: c.Why.Reason.String(), Text: why(c.Why)}
		if c.Why.Reason != resolver.IsNewest {
			p.Why.Better = c.Why.Better.String()
		}
		for _, v := range c.Via {
			if v.From == "" {
				p.Via = append(p.Via, v.Origin)
			} else {
				p.Via = append(p.Via, string(v.From))
			}
		}
		d.Packages = append(d.Packages, p)
	}
	d.Lock = &lockJSON{Format: string(a.target.format), Path: a.target.shown, State: string(a.written)}
	return d
}

// failure is the result of a run that found none.
func (a *advice) failure(err error) adviseDocument {
	var none *resolver.NoStackError
	if errors.As(err, &none) {
		d := a.head("no-stack")
		d.Message = err.Error()
		d.Conflict = new(conflictJSON)
		for _, l := range none.Lines {
			d.Conflict.Lines = append(d.Conflict.Lines, conflictLineJSON{
				l.Origin, l.Constraint, string(l.Parent), texts(l.Versions), l.All, l.Text, string(l.Child),
			})
		}
		for _, s := range none.Supplies {
			x := supplyJSON{Project: string(s.Name), Known: s.Known, Short: s.Short, Usable: texts(s.Have)}
			for _, e := range s.Excluded {
				x.Excluded = append(x.Excluded, exclusionJSON{texts(e.Versions), e.Reason})
			}
			d.Conflict.Supplies = append(d.Conflict.Supplies, x)
		}
		return d
	}
	var refused *pipeline.RefusedError
	if errors.As(err, &refused) {
		d := a.head("refused")
		d.Message = err.Error()
		return d
	}
	d := a.head("unknown")
	d.Message = err.Error()
	var unknown *resolver.UnknownError
	if errors.As(err, &unknown) {
		d.Missing = new(missingJSON)
		for _, m := range unknown.Projects {
			d.Missing.Projects = append(d.Missing.Projects, string(m.Name))
		}
		for _, p := range unknown.Releases {
			d.Missing.Releases = append(d.Missing.Releases, p.String())
		}
	}
	return d
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func texts(vs []py.Version) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = v.String()
	}
	return out
}

// printJSON prints one document, indented, with a newline.
func printJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(document)
}
