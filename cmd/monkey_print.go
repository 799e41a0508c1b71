package cmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

// stackSchema names the document of one stack. What is added keeps the number;
// what changes or goes raises it.
const stackSchema = "thamos/stack/1"

// A stackDocument is one stack for whoever builds and measures it. It says
// nothing of when, where and as which of many it was made: equal stacks have
// equal documents.
type stackDocument struct {
	Schema string `json:"schema"`

	// ID tells stacks apart: 32 hexadecimal digits of the SHA-256 of the
	// environment and the packages, with their versions, extras and places.
	ID string `json:"id"`

	Manifest       string             `json:"manifest"`
	Environment    stackEnvironment   `json:"environment"`
	Knowledge      knowledgeJSON      `json:"knowledge"`
	Recommendation string             `json:"recommendation_type"`
	Score          []float64          `json:"score"` // by tier, the first outranks all others
	Packages       []stackPackageJSON `json:"packages"`
}

type stackEnvironment struct {
	Implementation string `json:"implementation"`
	Python         string `json:"python"`
	FreeThreaded   bool   `json:"free_threaded,omitempty"`
	Platform       string `json:"platform"`
}

type stackPackageJSON struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Extras  []string `json:"extras,omitempty"`
	Index   string   `json:"index,omitempty"`  // URL; none if it is not known, or Source says it
	Source  string   `json:"source,omitempty"` // path or URL, of what the manifest takes from there
	Direct  bool     `json:"direct,omitempty"` // the manifest names it
	Build   bool     `json:"build,omitempty"`  // from source
}

// document is the document of a stack.
func (m *monkeyRun) document(stack []resolver.Choice, score resolver.Score) stackDocument {
	e := m.problem.Environment
	d := stackDocument{
		Schema: stackSchema, Manifest: m.project.file,
		Environment:    stackEnvironment{e.Implementation, e.Python.String(), e.FreeThreaded, e.Platform.String()},
		Knowledge:      knowledgeJSON{m.info.Schema, m.info.Digest, day(m.info.Built), m.knowledge.local != nil, nil},
		Recommendation: m.recommendation(),
	}
	for _, sum := range score {
		d.Score = append(d.Score, float64(sum)/millionths)
	}
	for _, c := range stack {
		p := stackPackageJSON{Name: string(c.Name), Version: c.Version.String(), Direct: c.Direct, Build: c.Build}
		for _, x := range c.Extras {
			p.Extras = append(p.Extras, string(x))
		}
		if from := m.directs.from[c.Name]; from != nil {
			p.Source = lockfile.RedactURL(from.String())
		} else {
			p.Index = m.index(c.Name)
		}
		d.Packages = append(d.Packages, p)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%+v\n", d.Environment)
	for _, p := range d.Packages {
		fmt.Fprintf(h, "%q %q %q %q %q\n", p.Name, p.Version, p.Extras, p.Index, p.Source)
	}
	d.ID = hex.EncodeToString(h.Sum(nil)[:16])
	return d
}

// index returns the URL of the index that a project's packages come from.
func (m *monkeyRun) index(name py.Name) string {
	url, ok := m.indexes[name]
	if ok {
		return url
	}
	source := m.knowledge.source(name, m.lock)
	if i := slices.IndexFunc(m.lock.Sources, func(s lockfile.Source) bool { return s.Name == source }); i >= 0 {
		url = lockfile.RedactURL(m.lock.Sources[i].URL)
	}
	m.indexes[name] = url
	return url
}

// A stackSink is where stacks go, each once.
type stackSink struct {
	lines io.Writer // nil: files of dir
	dir   string
	shown string
	have  map[string]bool // ids
	like  string          // what the stacks that were there are of; empty if there were none
	fresh int             // of them new
}

// stackName is the name of a stack's file.
var stackName = regexp.MustCompile(`^([0-9a-f]{32})\.json$`)

// openStacks makes the directory, if it is not there, and looks what it has.
func openStacks(env *Env, o monkeyOptions) (*stackSink, error) {
	s := &stackSink{have: map[string]bool{}}
	if o.output == "-" {
		if o.resume {
			return nil, usagef("--resume counts the stacks of a directory; name it with --output")
		}
		s.lines = env.Stdout
		return s, nil
	}
	s.dir = absolute(env, o.output)
	s.shown = shorten(env, s.dir)
	entries, err := os.ReadDir(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(s.dir, 0o777); err != nil {
			return nil, fmt.Errorf("the directory for stacks cannot be made: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("the directory for stacks cannot be read: %w", err)
	}
	for _, e := range entries {
		if id := stackName.FindStringSubmatch(e.Name()); id != nil {
			s.have[id[1]] = true
		}
	}
	if len(s.have) > 0 && !o.resume {
		return nil, usagef("%s has %s; go on with them with --resume, or name another directory", s.shown, count(len(s.have), "stack"))
	}
	if len(s.have) > 0 {
		first := slices.Min(slices.Collect(maps.Keys(s.have))) + ".json"
		text, err := os.ReadFile(filepath.Join(s.dir, first))
		if err != nil {
			return nil, fmt.Errorf("the directory for stacks cannot be read: %w", err)
		}
		var d stackDocument
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, usagef("--resume: %s is no stack: %v", filepath.Join(s.shown, first), err)
		}
		s.like = d.of()
	}
	return s, nil
}

// of tells what a stack is of: the environment, and what the project requires.
func (d *stackDocument) of() string {
	var direct []string
	for _, p := range d.Packages {
		if p.Direct {
			direct = append(direct, p.Name)
		}
	}
	return fmt.Sprintf("%s for %s %s on %s", strings.Join(direct, ", "), d.Environment.Implementation, d.Environment.Python, d.Environment.Platform)
}

// count returns how many stacks there are.
func (s *stackSink) count() int { return len(s.have) }

// write writes a stack, unless it is there. A file is there as a whole or not at
// all.
func (s *stackSink) write(d stackDocument) error {
	if s.have[d.ID] {
		return nil
	}
	if of := d.of(); s.like != "" && s.like != of {
		return usagef("--resume: the stacks in %s are of %s, and these would be of %s; name another directory", s.shown, s.like, of)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if s.lines == nil {
		e.SetIndent("", "  ")
	}
	err := e.Encode(d)
	switch {
	case err != nil:
	case s.lines != nil:
		_, err = s.lines.Write(text.Bytes())
	default:
		err = lockfile.WriteFile(filepath.Join(s.dir, d.ID+".json"), text.Bytes())
	}
	if err != nil {
		return fmt.Errorf("a stack cannot be written: %w", err)
	}
	s.have[d.ID] = true
	s.fresh++
	return nil
}
