package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/units"
	"github.com/thamos/thamos/resolver"
)

// defaultRecommendation is the recommendation type of who names none.
const defaultRecommendation = "stable"

// judgeOptions are the flags that say what a good stack is.
type judgeOptions struct {
	recommendation string
	weights        string
	disable        []string
	labels         []string
	environment    string // of .thoth.yaml
	strict         bool
	why            bool
}

func (o *judgeOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.recommendation, "recommendation-type", "", "what a good stack is: stable (default), latest, security, performance, testing, or a table of thamos.toml; see 'thamos units'")
	f.StringVar(&o.weights, "weights", "", "weigh by the table in this file instead")
	f.StringSliceVar(&o.disable, "disable-unit", nil, "do not ask this unit or prescription (repeatable)")
	f.StringSliceVar(&o.labels, "label", nil, "KEY=VALUE for prescriptions; allow-cve=ID accepts an advisory (repeatable)")
	f.StringVar(&o.environment, "runtime-environment", "", "the runtime environment of .thoth.yaml to advise for")
	f.BoolVar(&o.strict, "strict-prescriptions", false, "follow prescriptions as Thoth did, faults included")
}

// facts are what a run knows beside releases, as units ask for it.
type facts struct{ *kb.Layered }

func (f facts) Rules(ctx context.Context, kind pipeline.Kind, names []py.Name) ([]py.Rule, error) {
	return f.Layered.Rules(ctx, string(kind), names)
}

// A judgement is the pipeline of a run and what the user should know of it.
type judgement struct {
	plan     *pipeline.Plan
	pipeline *pipeline.Pipeline
	notes    []resolver.Justification
}

// settings are what the project's files say of how to judge.
type settings struct {
	*lockfile.Settings
	thoth *lockfile.ThothEnvironment // nil: there is none
	notes []string
}

// readSettings reads thamos.toml or [tool.thamos], and .thoth.yaml, beside the
// manifest.
func readSettings(p project, o judgeOptions) (settings, error) {
	s := settings{Settings: new(lockfile.Settings)}
	dir := os.DirFS(p.dir)
	own, note, err := lockfile.FindSettings(dir)
	if err != nil {
		return s, err
	}
	if own != nil {
		s.Settings = own
	}
	if note != "" {
		s.notes = append(s.notes, note)
	}
	config, err := lockfile.FindThothYAML(dir)
	if err != nil {
		return s, err
	}
	switch {
	case config == nil && o.environment != "":
		return s, usagef("--runtime-environment: there is no .thoth.yaml beside %s", p.file)
	case config == nil:
		return s, nil
	}
	s.notes = append(s.notes, config.Notes...)
	for i := range config.Environments {
		if e := &config.Environments[i]; o.environment == "" || e.Name == o.environment {
			s.thoth = e
			return s, nil
		}
	}
	if o.environment != "" {
		var names []string
		for _, e := range config.Environments {
			names = append(names, e.Name)
		}
		return s, usagef("--runtime-environment: .thoth.yaml has no %q%s", o.environment, have(names))
	}
	return s, nil
}

// python is the Python version to choose for and who says so: the flag, or
// .thoth.yaml where no flag names an interpreter.
func (s settings) python(o adviseOptions) (version, from string) {
	if o.pythonVersion != "" || o.python != "" || s.thoth == nil || s.thoth.PythonVersion == "" {
		return o.pythonVersion, ""
	}
	return s.thoth.PythonVersion, "python_version of " + lockfile.ThothFile
}

// table finds the weights of a run: the flags', else the files', else the default's.
func (s settings) table(env *Env, o judgeOptions) (pipeline.Table, error) {
	if o.weights != "" {
		if o.recommendation != "" {
			return pipeline.Table{}, usagef("--weights and --recommendation-type: one of them")
		}
		path := absolute(env, o.weights)
		t, err := lockfile.ReadTable(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			return pipeline.Table{}, usageError{err}
		}
		return tableOf(*t)
	}
	// An environment that the user names goes before the project's settings.
	named, unnamed := "", ""
	if s.thoth != nil && o.environment != "" {
		named = s.thoth.RecommendationType
	} else if s.thoth != nil {
		unnamed = s.thoth.RecommendationType
	}
	written := cmp.Or(o.recommendation, named, s.RecommendationType, unnamed, defaultRecommendation)
	name := strings.ToLower(written)
	for _, t := range s.Tables {
		if t.Name == name {
			return tableOf(t)
		}
	}
	if t, ok := units.TableNamed(name); ok {
		return t, nil
	}
	var names []string
	for _, t := range units.Tables() {
		names = append(names, t.Name)
	}
	for _, t := range s.Tables {
		names = append(names, t.Name)
	}
	wrong := fmt.Sprintf("there is no recommendation type %q%s", written, have(names))
	switch {
	case o.recommendation != "":
		return pipeline.Table{}, usagef("--recommendation-type: %s", wrong)
	case named == "" && s.RecommendationType != "":
		return pipeline.Table{}, &lockfile.Error{Pos: s.RecommendationAt, Msg: wrong}
	}
	return pipeline.Table{}, &lockfile.Error{Pos: s.thoth.RecommendationAt, Msg: wrong}
}

// tableOf is a table of a file in the pipeline's words. A row of a step that is
// not there is refused here, where its place is known.
func tableOf(t lockfile.Table) (pipeline.Table, error) {
	out := pipeline.Table{Name: t.Name, Doc: "the user's own"}
	for _, r := range t.Rows {
		if !slices.ContainsFunc(units.All(), func(u pipeline.Unit) bool {
			return u.Name == r.Unit && u.Step != nil && (r.Class == "" && len(u.Classes) == 0 ||
				slices.ContainsFunc(u.Classes, func(c pipeline.Class) bool { return c.Name == r.Class }))
		}) {
			what := strings.TrimSuffix(r.Unit+"/"+r.Class, "/")
			return out, &lockfile.Error{Pos: r.Pos, Msg: fmt.Sprintf("table %s: there is no step %s", t.Name, what), Hint: "`thamos units` lists them, and `thamos units NAME` the classes of one"}
		}
		out.Rows = append(out.Rows, pipeline.Row{Unit: r.Unit, Class: r.Class, Tier: resolver.Tier(r.Tier), Weight: r.Weight, Direct: r.Direct})
	}
	return out, nil
}

// judge makes the pipeline of a run and asks its boots. The problem has it then.
func judge(ctx context.Context, env *Env, a *advice, o judgeOptions) (*judgement, error) {
	s := a.settings
	table, err := s.table(env, o)
	if err != nil {
		return nil, err
	}
	plan := &pipeline.Plan{
		Problem: a.problem, Facts: a.knowledge.facts(), Table: table,
		Host: a.where.Host, Labels: map[string]string{},
		ManifestPython: a.manifest.RequiresPython.String(),
		Now:            a.info.Built, Clock: env.Now().Unix(), AdvisoriesAt: a.info.AdvisoriesAt,
		Settings: pipelineSettings(s, o),
	}
	if a.knowledge.indexes != nil {
		plan.Now = env.Now().UTC().Truncate(24 * time.Hour).Unix()
	}
	if a.asked != nil {
		plan.Now, plan.Clock = a.asked.Now, a.asked.Clock
	}
	if s.thoth != nil {
		plan.Host = s.thoth.Host(plan.Host)
		for k, v := range s.thoth.Labels {
			plan.Labels[k] = v
		}
	}
	for _, l := range o.labels {
		key, value, ok := strings.Cut(l, "=")
		if !ok || key == "" || value == "" {
			return nil, usagef("--label: %q is not KEY=VALUE", l)
		}
		plan.Labels[key] = value
	}
	for id := range strings.SplitSeq(plan.Labels["allow-cve"], ",") {
		if id = strings.TrimSpace(id); id != "" {
			plan.Settings.Allow = append(plan.Settings.Allow, pipeline.Allowance{ID: id, Reason: "label allow-cve", From: "label allow-cve"})
		}
	}
	if err := a.knownUnits(ctx, o.disable); err != nil {
		return nil, err
	}
	for i, r := range a.manifest.Requirements {
		if r.Group == "dev" && a.selected.has(r) {
			plan.Dev = append(plan.Dev, a.manifest.Requirements[i].Name)
		}
	}
	if a.asked != nil {
		plan.Locked, err = a.asked.lock()
	} else {
		err = readLocked(ctx, env, a, plan)
	}
	if err != nil {
		return nil, err
	}
	j := &judgement{plan: plan}
	if j.pipeline, err = pipeline.Build(plan, units.All()); err != nil {
		return nil, usageError{err} // the units are sound (a test says so): it is the table
	}
	if j.notes, err = j.pipeline.Boot(ctx); err != nil {
		return j, err
	}
	a.problem.Pipeline = j.pipeline
	return j, nil
}

// knownUnits complains of a unit to be switched off, by the project's files or by
// flags, that does not exist. The name of a prescription has a dot; one that is
// not there may be in another knowledge base, so that is only remarked.
func (a *advice) knownUnits(ctx context.Context, flags []string) error {
	own := a.settings.DisableUnits
	for i, name := range slices.Concat(own, flags) {
		if !strings.Contains(name, ".") {
			if !slices.ContainsFunc(units.All(), func(u pipeline.Unit) bool { return u.Name == name }) {
				wrong := fmt.Sprintf("there is no unit %q; `thamos units` lists them", name)
				if i < len(own) {
					return &lockfile.Error{Pos: a.settings.DisableAt[i], Msg: wrong}
				}
				return usagef("--disable-unit: %s", wrong)
			}
			continue
		}
		switch known, err := a.knowledge.HasRule(ctx, name); {
		case err != nil:
			return err
		case !known:
			a.notes = append(a.notes, fmt.Sprintf("nothing is switched off by %q: the knowledge base has no such prescription", name))
		}
	}
	return nil
}

// pipelineSettings are the settings in the pipeline's words.
func pipelineSettings(s settings, o judgeOptions) pipeline.Settings {
	out := pipeline.Settings{
		Disable:      slices.Concat(s.DisableUnits, o.disable),
		CooldownDays: s.CooldownDays,
		LicenceAllow: s.LicenceAllow, LicenceDeny: s.LicenceDeny,
		Strict:        o.strict,
		KnowledgeDays: s.KnowledgeDays,
	}
	for _, a := range s.Allow {
		out.Allow = append(out.Allow, pipeline.Allowance{ID: a.ID, Project: a.Project, Reason: a.Reason, Expires: a.Expires, From: a.Pos.String()})
	}
	for _, a := range s.Aliases {
		out.Aliases = append(out.Aliases, pipeline.Alias{Project: a.Project, By: a.By})
	}
	return out
}

// readLocked reads the user's own lock, where the new one will be.
func readLocked(ctx context.Context, env *Env, a *advice, plan *pipeline.Plan) error {
	if a.target.path == "" || a.target.format != pipfileLock {
		return nil
	}
	text, err := os.ReadFile(a.target.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lock, err := lockfile.ReadPipfileLock(a.target.shown, text)
	if err != nil {
		plan.LockStale = fmt.Sprintf("it cannot be read: %v", err)
		return nil
	}
	hash, err := a.pipfileHash(ctx, env)
	if err != nil {
		return err
	}
	if !lock.MatchesPipfile(hash, a.manifest.ThothHash()) {
		plan.LockStale = "it was made from another Pipfile"
		return nil
	}
	plan.Locked = map[py.Name]py.Version{}
	for _, section := range lock.Sections {
		for _, p := range section.Packages {
			if p.Direct == "" {
				plan.Locked[p.Name] = p.Version
			}
		}
	}
	return nil
}
