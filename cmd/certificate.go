package cmd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/certify"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A question is what a certificate is an answer to: the command line as far as
// it matters, and a digest of the problem that came of it, so that a project that
// changed since is found out.
type question struct {
	Manifest string `json:"manifest"`
	Digest   string `json:"digest"`
	Now      int64  `json:"now"`   // the day of the advice, Unix seconds
	Clock    int64  `json:"clock"` // when it was asked, Unix seconds

	Dev           bool     `json:"dev,omitempty"`
	Extras        []string `json:"extras,omitempty"`
	AllExtras     bool     `json:"allExtras,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	Constraints   []string `json:"constraints,omitempty"`
	Python        string   `json:"python,omitempty"`
	PythonVersion string   `json:"pythonVersion,omitempty"`
	Platform      string   `json:"platform,omitempty"`
	Pre           bool     `json:"pre,omitempty"`
	Prerelease    string   `json:"prerelease,omitempty"`
	ExcludeNewer  int64    `json:"excludeNewer,omitempty"` // Unix seconds
	NoBuild       []string `json:"noBuild,omitempty"`
	NoBinary      []string `json:"noBinary,omitempty"`

	Recommendation string   `json:"recommendation,omitempty"`
	Weights        string   `json:"weights,omitempty"`
	Disable        []string `json:"disable,omitempty"`
	Labels         []string `json:"labels,omitempty"`
	Environment    string   `json:"environment,omitempty"`
	Strict         bool     `json:"strict,omitempty"`

	// Locked is the lock that there was, by project.
	Locked map[py.Name]string `json:"locked,omitempty"`
}

// question is what this advice answers.
func (a *advice) question(o adviseOptions) (question, error) {
	digest, err := a.digest()
	return question{
		Manifest: a.project.file, Digest: digest, Now: a.judgement.plan.Now, Clock: a.judgement.plan.Clock,
		Dev: o.dev, Extras: o.extras, AllExtras: o.allExtras, Groups: o.groups, Constraints: o.constraints,
		Python: o.python, PythonVersion: o.pythonVersion, Platform: o.platform,
		Pre: o.pre, Prerelease: o.prerelease, ExcludeNewer: a.problem.ExcludeNewer, NoBuild: o.noBuild, NoBinary: o.noBinary,
		Recommendation: o.recommendation, Weights: o.weights, Disable: o.disable, Labels: o.labels,
		Environment: o.environment, Strict: o.strict, Locked: a.locked(),
	}, err
}

// options are the flags of a question.
func (q *question) options() adviseOptions {
	return adviseOptions{
		problemOptions: problemOptions{
			dev: q.Dev, extras: q.Extras, allExtras: q.AllExtras, groups: q.Groups, constraints: q.Constraints,
			python: q.Python, pythonVersion: q.PythonVersion, platform: q.Platform,
			pre: q.Pre, prerelease: q.Prerelease, noBuild: q.NoBuild, noBinary: q.NoBinary,
		},
		judgeOptions: judgeOptions{
			recommendation: q.Recommendation, weights: q.Weights, disable: q.Disable, labels: q.Labels,
			environment: q.Environment, strict: q.Strict,
		},
	}
}

// digest tells problems apart: what is required, where it runs, and how it is
// judged.
func (a *advice) digest() (string, error) {
	p := a.problem
	lines := func(all []resolver.Requirement) (texts [][]string) {
		for i := range all {
			texts = append(texts, append([]string{all[i].String()}, all[i].Hashes...))
		}
		return texts
	}
	text, err := json.Marshal([]any{
		lines(p.Requirements), lines(p.Constraints), p.Environment.Implementation, p.Environment.Python.String(),
		p.Environment.FreeThreaded, p.Environment.Platform.String(), p.Prereleases, p.PrereleasesFor, p.ExcludeNewer,
		p.NoBuild, p.NoBinary, a.judgement.plan.Table, a.judgement.plan.Settings, a.judgement.plan.Labels,
		a.judgement.plan.Host, a.locked(),
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// locked is the user's own lock as text, nil if there is none.
func (a *advice) locked() map[py.Name]string {
	if a.judgement.plan.Locked == nil {
		return nil
	}
	all := map[py.Name]string{}
	for name, v := range a.judgement.plan.Locked {
		all[name] = v.String()
	}
	return all
}

// lock is the user's own lock of a question.
func (q *question) lock() (map[py.Name]py.Version, error) {
	if q.Locked == nil {
		return nil, nil
	}
	all := map[py.Name]py.Version{}
	for name, text := range q.Locked {
		v, err := py.ParseVersion(text)
		if err != nil {
			return nil, usagef("the certificate's lock has %s: %v", name, err)
		}
		all[name] = v
	}
	return all, nil
}

// knows names what is known: the snapshot, and local knowledge if there is some.
func (k *knowledge) knows(ctx context.Context) (string, error) {
	if k.local == nil {
		return k.info.Digest, nil
	}
	local, err := k.local.Info(ctx)
	if err != nil {
		return "", err
	}
	return k.info.Digest + "+" + local.Digest, nil
}

// proofBudget bounds the work of each proof.
const proofBudget = 10 * defaultBudget

// certify writes the certificate of an advice.
func (a *advice) certify(ctx context.Context, env *Env, o adviseOptions) error {
	c := certify.Certificate{Status: certify.Optimal, Score: a.report.Score}
	for _, choice := range a.report.Stack {
		c.Stack = append(c.Stack, certify.Entry{Name: choice.Name, Version: choice.Version.String(), Extras: choice.Extras})
	}
	for _, r := range a.report.Replaced {
		c.Stack = append(c.Stack, certify.Entry{Name: r.Name, Version: r.Version.String(), By: r.By.String()})
	}
	slices.SortFunc(c.Stack, func(x, y certify.Entry) int { return cmp.Compare(x.Name, y.Name) })
	if best := a.report.Optimum; best != nil {
		c.Work = best.Stats.Work
		switch {
		case best.Proved():
		case best.Bound == wcsp.Unbounded:
			c.Status = certify.Budget
		default:
			c.Status, c.Bound = certify.Within, &certify.Bound{Level: int(best.Open), Value: best.Bound}
		}
	}
	proofs, err := a.report.Prove(ctx, proofBudget)
	if err != nil {
		return fmt.Errorf("--certificate: %w", err)
	}
	return a.writeCertificate(ctx, env, o, &c, proofs)
}

// certifyNone writes the certificate that no stack exists.
func (a *advice) certifyNone(ctx context.Context, env *Env, o adviseOptions) error {
	proof, err := resolver.ProveNone(ctx, a.problem, a.directs, proofBudget)
	if err != nil {
		return fmt.Errorf("--certificate: %w", err)
	}
	return a.writeCertificate(ctx, env, o, &certify.Certificate{Status: certify.Infeasible}, []resolver.StageProof{proof})
}

// writeCertificate adds to a claim what it is about and the proofs.
func (a *advice) writeCertificate(ctx context.Context, env *Env, o adviseOptions, c *certify.Certificate, proofs []resolver.StageProof) error {
	c.Schema, c.Thamos = certify.Schema, env.Version
	q, err := a.question(o)
	if err != nil {
		return err
	}
	if c.Problem, err = json.Marshal(q); err != nil {
		return err
	}
	if c.Knowledge, err = a.knowledge.knows(ctx); err != nil {
		return err
	}
	for i := range proofs {
		stage, err := certify.StageOf(&proofs[i])
		if err != nil {
			return internalError{fmt.Errorf("--certificate: %w", err)}
		}
		c.Stages = append(c.Stages, stage)
	}
	var b bytes.Buffer
	if err := certify.Write(&b, c); err != nil {
		return err
	}
	return lockfile.WriteFile(absolute(env, o.certificate), b.Bytes())
}

func newVerifyCertificate(env *Env) *cobra.Command {
	var kb string
	c := &cobra.Command{
		Use:   "verify-certificate FILE [PATH]",
		Short: "Check a certificate: that its stack is one, and that none is better",
		Long: `Check a certificate that "thamos advise --certificate FILE" wrote, for the project
at PATH (default: the current directory), against the knowledge itself, release
by release, without the engine that found the stack.

Exit status 1 means that what the certificate claims does not hold, 2 that the
project is not the one that it was made for, 4 that the knowledge is not.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 1 {
				path = args[1]
			}
			return verifyCertificate(c.Context(), env, args[0], path, kb)
		},
	}
	c.Flags().StringVar(&kb, "kb", "", "knowledge base that the certificate is about (default: what advise uses)")
	return c
}

func verifyCertificate(ctx context.Context, env *Env, file, path, base string) error {
	f, err := os.Open(absolute(env, file))
	if err != nil {
		return usageError{err}
	}
	defer f.Close()
	c, err := certify.Read(f)
	if err != nil {
		return usagef("%s: %v", file, err)
	}
	var q question
	if err := json.Unmarshal(c.Problem, &q); err != nil {
		return usagef("%s: its problem cannot be read: %v", file, err)
	}
	a, err := q.prepare(ctx, env, path, base)
	if err != nil {
		return err
	}
	defer a.knowledge.close()
	known, err := a.knowledge.knows(ctx)
	if err != nil {
		return err
	}
	if known != c.Knowledge {
		about, _, _ := strings.Cut(c.Knowledge, "+")
		if about == a.knowledge.info.Digest {
			return unknownError{fmt.Errorf("%s was made with other local knowledge on top of %s than there is now; advise again", file, short(about))}
		}
		return unknownError{fmt.Errorf("%s is about the knowledge %s, and this is %s: name the one it is about with --kb", file, short(about), short(a.knowledge.info.Digest))}
	}
	if digest, err := a.digest(); err != nil || digest != q.Digest {
		return usageError{errors.Join(err, fmt.Errorf("%s was made for another problem: %s, its settings, its environment or the units of thamos have changed; advise again", file, a.project.file))}
	}
	found, err := certify.Check(ctx, c, a.problem, a.directs)
	var fault *certify.Fault
	switch {
	case errors.As(err, &fault):
		return fmt.Errorf("%s does not hold: %w", file, err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "%s holds: %s\n", file, claim(c, found))
	return err
}

// claim says what a certificate that holds has shown.
func claim(c *certify.Certificate, f *certify.Finding) string {
	text := "no stack satisfies the requirements"
	switch f.Status {
	case certify.Optimal:
		text = fmt.Sprintf("the stack of %s scores %s, and none is better", count(len(c.Stack), "package"), scoreText(c.Score))
	case certify.Within, certify.Budget:
		text = fmt.Sprintf("the stack of %s scores %s; how much better one may be is not known", count(len(c.Stack), "package"), scoreText(c.Score))
		if f.Bound != nil {
			text = fmt.Sprintf("the stack of %s scores %s, and none is better by more than %.6g in %v", count(len(c.Stack), "package"), scoreText(c.Score),
				float64(f.Bound.Value-f.Worth[f.Bound.Level])/millionths, resolver.Rank(f.Bound.Level))
		}
	}
	text += fmt.Sprintf(" (%s)", count(f.Steps, "step"))
	if len(f.Unknown) > 0 && f.Status != certify.Infeasible {
		text += fmt.Sprintf(", among what is known: %s cannot be chosen for lack of knowledge", count(len(f.Unknown), "release"))
	}
	return text
}

// prepare makes the problem of a question again.
func (q *question) prepare(ctx context.Context, env *Env, path, base string) (*advice, error) {
	o := q.options()
	o.kb = base
	project, err := findProject(env, path)
	if err != nil {
		return nil, err
	}
	manifest, err := project.read()
	if err != nil {
		return nil, err
	}
	a, err := prepare(ctx, env, project, manifest, o)
	if err != nil {
		return nil, err
	}
	a.problem.ExcludeNewer = q.ExcludeNewer
	a.asked = q
	if a.judgement, err = judge(ctx, env, a, o.judgeOptions); err != nil {
		a.knowledge.close()
		return nil, err
	}
	return a, nil
}

// short is the beginning of a digest.
func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12] + "…"
	}
	return digest
}
