package lockfile

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// SettingsFile is the file of a project's settings. A pyproject.toml can have
// the same keys in [tool.thamos]; where there are both, the file counts, as with
// uv.toml.
const SettingsFile = "thamos.toml"

// Settings are what a project says of how its stack is judged.
type Settings struct {
	RecommendationType string
	RecommendationAt   Position
	DisableUnits       []string
	DisableAt          []Position // of each
	Allow              []Allowance
	CooldownDays       int // 0: not said; -1: none
	KnowledgeDays      int // 0: not said; -1: never too old
	LicenceAllow       []string
	LicenceDeny        []string
	Aliases            []Alias
	Tables             []Table
	Provenance         *ProvenanceSettings // nil: not said
}

// An Allowance accepts an advisory, for a reason and until a day.
type Allowance struct {
	ID      string
	Project py.Name // empty for any
	Reason  string
	Expires int64 // Unix seconds at the end of the day in UTC; 0 means never
	Pos     Position
}

// An Alias says that By can stand in for Project.
type Alias struct{ Project, By py.Name }

// FindSettings reads the settings in a project's directory; nil if there are
// none. The note says what was passed over.
func FindSettings(fsys fs.FS) (s *Settings, note string, err error) {
	s, err = ReadSettings(fsys, SettingsFile)
	own := !errors.Is(err, fs.ErrNotExist)
	if own && err != nil {
		return nil, "", err
	}
	inner, err := ReadSettings(fsys, "pyproject.toml")
	switch {
	case own && err == nil && inner != nil:
		return s, "[tool.thamos] of pyproject.toml does not count, because there is a " + SettingsFile, nil
	case own: // whatever is wrong with the other
		return s, "", nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", nil
	}
	return inner, "", err
}

// ReadSettings reads settings from thamos.toml or, of a pyproject.toml, from
// [tool.thamos]; nil if that has none. A key that is not known is an error, for
// nobody wants a misspelt allowance to be passed over. Every error is an *Error.
func ReadSettings(fsys fs.FS, name string) (*Settings, error) {
	root, err := readTree(fsys, name)
	if err != nil {
		return nil, err
	}
	what := "the settings"
	if path.Base(name) == "pyproject.toml" {
		if root = root.get("tool", "thamos"); root == nil {
			return nil, nil
		}
		what = "[tool.thamos]"
	}
	s := new(Settings)
	if err := s.read(root, what); err != nil {
		return nil, err
	}
	return s, nil
}

// readTree reads a TOML file.
func readTree(fsys fs.FS, name string) (*node, error) {
	text, err := readText(fsys, name, maxTOML)
	if err != nil {
		return nil, err
	}
	return parseTOML(name, text)
}

func (s *Settings) read(root *node, what string) (err error) {
	if err := root.table(what); err != nil {
		return err
	}
	if err := root.known(what, "recommendation-type", "disable-units", "allow", "cooldown-days", "knowledge-days", "licence", "alias", "tables", "provenance"); err != nil {
		return err
	}
	if s.RecommendationType, err = root.get("recommendation-type").filled("recommendation-type"); err != nil {
		return err
	}
	s.RecommendationAt = root.get("recommendation-type").where()
	if s.DisableUnits, err = root.get("disable-units").patterns("disable-units", anyWord, "a name of a unit, as `thamos units` lists them"); err != nil {
		return err
	}
	if n := root.get("disable-units"); n != nil {
		for _, e := range n.elems {
			s.DisableAt = append(s.DisableAt, e.pos)
		}
	}
	if s.CooldownDays, err = root.get("cooldown-days").days("cooldown-days"); err != nil {
		return err
	}
	if s.KnowledgeDays, err = root.get("knowledge-days").days("knowledge-days"); err != nil {
		return err
	}
	for _, part := range []func(*node) error{s.licence, s.allow, s.alias, s.table, s.provenance} {
		if err := part(root); err != nil {
			return err
		}
	}
	return nil
}

// where is the place of a node; that of none is zero.
func (n *node) where() Position {
	if n == nil {
		return Position{}
	}
	return n.pos
}

// filled reads a text that is not empty, if there is one.
func (n *node) filled(what string) (string, error) {
	text, err := n.str(what)
	if err == nil && n != nil && strings.TrimSpace(text) == "" {
		return "", refuse(n.pos, "", "%s is empty", what)
	}
	return text, err
}

// days reads a number of days; 0 in the file is -1, for none.
func (n *node) days(what string) (int, error) {
	if n == nil {
		return 0, nil
	}
	d, ok := n.value.(int64)
	if !ok || d < 0 || d > 10_000 {
		return 0, refuse(n.pos, "0 is none", "%s must be a number of days from 0 to 10000", what)
	}
	if d == 0 {
		return -1, nil
	}
	return int(d), nil
}

var (
	anyWord        = regexp.MustCompile(`^[^\s]+$`)
	licencePattern = regexp.MustCompile(`^[A-Za-z0-9.+*-]+$`)
)

// patterns reads a list of words that a pattern matches.
func (n *node) patterns(what string, pattern *regexp.Regexp, want string) ([]string, error) {
	words, err := n.strings(what)
	for i, w := range words {
		if !pattern.MatchString(w) {
			return nil, refuse(n.elems[i].pos, "write "+want, "%s has %q", what, w)
		}
	}
	return words, err
}

func (s *Settings) licence(root *node) (err error) {
	n := root.get("licence")
	if n == nil {
		return nil
	}
	if err := n.table("licence"); err != nil {
		return err
	}
	if err := n.known("licence", "allow", "deny"); err != nil {
		return err
	}
	const want = "an SPDX id with * for any characters, such as MIT or AGPL-*"
	if s.LicenceAllow, err = n.get("allow").patterns("licence.allow", licencePattern, want); err != nil {
		return err
	}
	s.LicenceDeny, err = n.get("deny").patterns("licence.deny", licencePattern, want)
	return err
}

// each calls f with the tables of a list, which have no keys but those known.
func (n *node) each(what string, known []string, f func(*node) error) error {
	elems, err := n.list(what)
	if err != nil {
		return err
	}
	for _, e := range elems {
		if err := e.table(what); err != nil {
			return err
		}
		if err := e.known(what, known...); err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) allow(root *node) error {
	return root.get("allow").each("allow", []string{"id", "project", "reason", "expires"}, func(e *node) (err error) {
		a := Allowance{Pos: e.pos}
		if a.ID, err = e.get("id").filled("id"); err != nil {
			return err
		}
		if a.Reason, err = e.get("reason").filled("reason"); err != nil {
			return err
		}
		if a.ID == "" || a.Reason == "" {
			return refuse(e.pos, `write id = "CVE-…" and reason = "…"`, "an allowance needs the id of an advisory and a reason")
		}
		if a.Project, err = e.get("project").project("project"); err != nil {
			return err
		}
		if a.Expires, err = e.get("expires").lastDay("expires"); err != nil {
			return err
		}
		s.Allow = append(s.Allow, a)
		return nil
	})
}

func (s *Settings) alias(root *node) error {
	return root.get("alias").each("alias", []string{"project", "by"}, func(e *node) (err error) {
		var a Alias
		if a.Project, err = e.get("project").project("project"); err != nil {
			return err
		}
		if a.By, err = e.get("by").project("by"); err != nil {
			return err
		}
		if a.Project == "" || a.By == "" || a.Project == a.By {
			return refuse(e.pos, "by can stand in for project", "an alias needs project and by, two different projects")
		}
		s.Aliases = append(s.Aliases, a)
		return nil
	})
}

// project reads the name of a project; empty if there is none.
func (n *node) project(what string) (py.Name, error) {
	text, err := n.str(what)
	if err != nil || n == nil {
		return "", err
	}
	name, err := py.ParseName(text)
	if err != nil {
		return "", refuse(n.pos, "", "%s: %v", what, err)
	}
	return name, nil
}

// lastDay reads a day, as a TOML date or as text, and returns when it ends in
// UTC. A time of the day is refused rather than rounded.
func (n *node) lastDay(what string) (int64, error) {
	if n == nil {
		return 0, nil
	}
	text := n.text
	if quoted, ok := n.value.(string); ok {
		text = quoted
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 1970 {
		return 0, refuse(n.pos, "", "%s must be a day such as 2026-12-31", what)
	}
	return day.AddDate(0, 0, 1).Unix(), nil
}
