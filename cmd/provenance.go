package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/lockfile/provenance"
)

// provenanceOptions are the flags of provenance-check.
type provenanceOptions struct {
	installed       string
	json, why       bool
	sarif, markdown string
	annotations     string
	codeQuality     string
	failOn          string
	strict          bool
	allowedIndexes  []string
	attestations    string
	trustedRoot     string
	popular         string
	list            bool
	kb              string

	onlineOptions
}

func newProvenance(env *Env) *cobra.Command {
	var o provenanceOptions
	c := &cobra.Command{
		Use:   "provenance-check [LOCK|DIRECTORY]...",
		Short: "Check that what is locked or installed comes from where it should",
		Long: `Check that what is locked or installed comes from where it should: every release
from an index that may serve it, every hash that of a file of the release, no
release that is yanked, quarantined or known as malware, no name that looks like
another, and, with --online, every attestation (PEP 740) by who is to publish the
project. ` + "`thamos provenance-check --list`" + ` lists the checks.

LOCK is a Pipfile.lock, pylock.toml, uv.lock, poetry.lock, or requirements with
hashes; of a DIRECTORY (without it, the current one) all of them are checked,
requirements where they are called requirements.lock or requirements.txt. Beside
another lock, a requirements.txt that does not pin everything is none.
--installed checks a virtual environment instead.

Offline, what the knowledge base does not know is not checked, which is said and
is no finding.

Exit status: 0 nothing is wrong; 1 findings as bad as --fail-on; 2 the command
line or a file is wrong; 4 nothing that is locked is known, or with --strict not
all of it.`,
		Example: `  thamos provenance-check
  thamos provenance-check uv.lock --online --sarif findings.sarif
  thamos provenance-check --installed .venv`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if o.list {
				return listChecks(env)
			}
			return provenanceCheck(c.Context(), env, args, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.installed, "installed", "", "check a virtual environment or a site-packages directory; its files are read and never run")
	f.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	f.BoolVar(&o.why, "why", false, "also print what each finding stands on, and what to do")
	f.StringVar(&o.sarif, "sarif", "", "also write the findings as SARIF 2.1.0 to this file, - for standard output instead of the table")
	f.StringVar(&o.markdown, "markdown", "", "also write the findings as Markdown to this file, - for standard output instead of the table")
	f.StringVar(&o.annotations, "annotations", "", "also write the findings as workflow commands of GitHub Actions to this file, - for standard output instead of the table")
	f.StringVar(&o.codeQuality, "code-quality", "", "also write the findings as a Code Quality report of GitLab to this file, - for standard output instead of the table")
	f.StringVar(&o.failOn, "fail-on", "", "the severity from which findings give exit status 1: error (default), warning, note, or off for none")
	f.BoolVar(&o.strict, "strict", false, "exit status 4 if a release could not be checked")
	f.StringArrayVar(&o.allowedIndexes, "allowed-index", nil, "the URL of an index that a lock may name, and no other (repeatable)")
	f.BoolVar(&o.online, "online", false, "ask the indexes for what is locked and for attestations, and remember the former")
	f.BoolVar(&o.offline, "offline", false, "ask nobody (the default)")
	f.StringVar(&o.attestations, "attestations", "all", "with --online, which attestations to verify: all or none")
	f.StringVar(&o.trustedRoot, "trusted-root", "", "the trusted root of Sigstore, a JSON file (default: the public one that is embedded)")
	f.StringVar(&o.popular, "popular", "", "a file of the names of popular projects, the most popular first, to compare names with (default: what the knowledge base says)")
	f.IntVar(&o.concurrency, "concurrency", 16, "requests under way at once")
	f.StringVar(&o.kb, "kb", "", "knowledge base to use: a snapshot, or a directory that holds "+snapshotName+" (default: the synced one, else the embedded one)")
	f.BoolVar(&o.list, "list", false, "list the checks and their severities")
	return c
}

// listChecks prints the table of checks.
func listChecks(env *Env) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHECK\tSEVERITY\tWHAT IS WRONG")
	for _, c := range provenance.Checks() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.ID, c.Severity, c.Doc)
	}
	return w.Flush()
}

// A checked is one lock or environment and what came of checking it.
type checked struct {
	shown  string // path
	format lockfile.LockFormat
	report *provenance.Report
	notes  []string
	failOn provenance.Severity
}

// provenanceCheck is the command.
func provenanceCheck(ctx context.Context, env *Env, args []string, o provenanceOptions) error {
	if err := o.check(args); err != nil {
		return err
	}
	var results []checked
	take := func(c *checked, err error) error {
		if err == nil {
			results = append(results, *c)
		}
		return err
	}
	if o.installed != "" {
		if err := take(checkInstalled(ctx, env, o)); err != nil {
			return err
		}
	} else {
		locks, err := findLocks(env, args)
		if err != nil {
			return err
		}
		for _, l := range locks {
			c, err := checkLock(ctx, env, l.path, o)
			if err == nil && l.left != "" {
				c.notes = append(c.notes, l.left)
			}
			if err := take(c, err); err != nil {
				return err
			}
		}
	}
	return reportChecked(env, results, o)
}

// check refuses flags that contradict each other.
func (o *provenanceOptions) check(args []string) error {
	stdout := 0
	for _, is := range []bool{o.json, o.sarif == "-", o.markdown == "-", o.annotations == "-", o.codeQuality == "-"} {
		if is {
			stdout++
		}
	}
	switch {
	case o.online && o.offline:
		return usagef("--online and --offline: one of them")
	case o.installed != "" && len(args) > 0:
		return usagef("--installed checks an environment: it goes without %s", args[0])
	case stdout > 1:
		return usagef("--json and the forms written to - all want standard output; give all but one a file")
	case o.attestations != "all" && o.attestations != "none":
		return usagef("--attestations: unknown choice %q (have all, none)", o.attestations)
	case o.concurrency < 1:
		return usagef("--concurrency: at least 1")
	}
	for _, url := range o.allowedIndexes {
		if !lockfile.IsIndexURL(url) {
			return usagef("--allowed-index: %q is not the URL of an index, such as https://index.example/simple", url)
		}
	}
	if o.failOn != "" {
		if _, err := provenance.ParseSeverity(o.failOn); err != nil {
			return usagef("--fail-on: %w", err)
		}
	}
	return nil
}

// A foundLock is a lock that is to be checked.
type foundLock struct {
	path string // absolute
	left string // what was left in its directory, and why; empty for nothing
}

// findLocks are the locks that the arguments name.
func findLocks(env *Env, args []string) ([]foundLock, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var locks []foundLock
	for _, arg := range args {
		path := absolute(env, arg)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, usagef("%s does not exist; name a lock or the directory of one", arg)
		case err != nil:
			return nil, usagef("%s: %w", arg, err)
		case !info.IsDir():
			locks = append(locks, foundLock{path: path})
			continue
		}
		found, err := locksOf(path)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, usagef("%s has no lock: looked for Pipfile.lock, pylock.toml, uv.lock, poetry.lock, requirements.txt and requirements.lock; name it if it is called otherwise", arg)
		}
		locks = append(locks, found...)
	}
	return locks, nil
}

// locksOf are the locks in a directory. Beside one, requirements.txt may be what
// a lock was made from rather than one.
func locksOf(dir string) ([]foundLock, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	const text = "requirements.txt"
	var locks []foundLock
	files := map[string]bool{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		name := e.Name()
		files[name] = true
		switch {
		case name == "Pipfile.lock", name == "uv.lock", name == "poetry.lock", name == "requirements.lock", pylockName(name):
			locks = append(locks, foundLock{path: filepath.Join(dir, name)})
		}
	}
	if !files[text] {
		return locks, nil
	}
	why := ""
	if len(locks) > 0 && !files["requirements.in"] {
		why = whyNoLock(dir, text, files["requirements.lock"])
	}
	if why == "" {
		return append(locks, foundLock{path: filepath.Join(dir, text)}), nil
	}
	locks[len(locks)-1].left = fmt.Sprintf("%s is not checked, for %s; name it to have it checked", text, why)
	return locks, nil
}

// whyNoLock says why a requirements file that lies beside a lock is none; empty if
// it is one, or cannot be read. made reports that a lock of its own name is there.
func whyNoLock(dir, name string, made bool) string {
	l, err := lockfile.ReadLocked(os.DirFS(dir), name)
	if err != nil {
		return "" // checking it says what is wrong
	}
	hashed := false
	for _, r := range l.Releases {
		if r.Direct == "" && r.Version.IsZero() {
			return r.Text + " is not pinned in it, and another lock is there"
		}
		hashed = hashed || len(r.Hashes) > 0
	}
	if made && !hashed {
		return "it has no hashes, and requirements.lock is there"
	}
	return ""
}

// manifestOf names the manifest that a lock was made from, empty if there is none.
func manifestOf(lock string) string {
	dir, base := filepath.Split(lock)
	var name string
	switch stem := strings.TrimSuffix(base, filepath.Ext(base)); {
	case base == "Pipfile.lock":
		name = "Pipfile"
	case base == "uv.lock", base == "poetry.lock", pylockName(base):
		name = "pyproject.toml"
	case filepath.Ext(base) == ".txt":
		name = stem + ".in"
	case filepath.Ext(base) == ".lock":
		name = stem + ".txt"
	}
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); name == "" || err != nil || info.IsDir() {
		return ""
	}
	return path
}

// checkLock checks one lock.
func checkLock(ctx context.Context, env *Env, path string, o provenanceOptions) (*checked, error) {
	s, err := newSubject(env, path)
	if err != nil {
		return nil, err
	}
	k, err := openKnowledge(ctx, env, o.kb, s.manifest, o.onlineOptions)
	if err != nil {
		return nil, err
	}
	defer k.close()
	return s.check(ctx, env, k, o)
}

// checkInstalled checks an environment.
func checkInstalled(ctx context.Context, env *Env, o provenanceOptions) (*checked, error) {
	root, site, err := findSitePackages(env, o.installed)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	bar := newBar(env, 0, "reading files")
	in, err := lockfile.ReadInstalled(ctx, root.FS(), site, func(done, total int) {
		bar.ChangeMax(total)
		_ = bar.Set(done) // a terminal that cannot show it is no reason to stop
	})
	_ = bar.Clear()
	if e, ok := errors.AsType[*lockfile.Error](err); ok {
		e.Pos.File = path.Join(filepath.ToSlash(shorten(env, root.Name())), e.Pos.File)
	}
	if err != nil {
		return nil, err
	}
	s := &subject{
		shown: shorten(env, filepath.Join(root.Name(), site)), dir: env.Dir, lock: in.Locked, installed: in, manifest: &lockfile.Manifest{},
	}
	s.under(shorten(env, root.Name()))
	if err := s.readSettings(); err != nil {
		return nil, err
	}
	k, err := openKnowledge(ctx, env, o.kb, s.manifest, o.onlineOptions)
	if err != nil {
		return nil, err
	}
	defer k.close()
	return s.check(ctx, env, k, o)
}

// findSitePackages finds the environment that a directory is, or is within, and its
// site-packages. Nothing outside of the environment can be opened by the root.
func findSitePackages(env *Env, named string) (*os.Root, string, error) {
	place := absolute(env, named)
	if info, err := os.Stat(place); err != nil || !info.IsDir() {
		return nil, "", usagef("--installed: %s is not a directory", named)
	}
	home := place
	for up := place; ; up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, "pyvenv.cfg")); err == nil {
			home = up
			break
		}
		if filepath.Dir(up) == up {
			break
		}
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return nil, "", err
	}
	site, err := filepath.Rel(home, place)
	if err == nil && home == place {
		if found := sitePackages(root.FS()); found != "" {
			site = found
		}
	}
	return root, filepath.ToSlash(site), err
}

// sitePackages is the one site-packages directory of a virtual environment.
func sitePackages(env fs.FS) string {
	for _, pattern := range []string{"lib/python*/site-packages", "Lib/site-packages"} {
		if found, err := fs.Glob(env, pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
