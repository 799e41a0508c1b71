package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// Bounds of a solver document. One has a package and what came with it.
const (
	maxSolverDocument = 64 << 20 // bytes
	maxSolverItems    = 100_000
)

// A Solved is what a document of Thoth's solver says: what came of installing, in
// one environment, and what the metadata of the installed says.
type Solved struct {
	Observations []py.Observation
	Documents    []kb.Document // metadata, with its index and when it was read
	Faults       []Fault       // items that cannot be used
}

// ReadSolver reads one document of Thoth's solver: {"metadata": …, "result": …}.
// Its digest is what every observation names as its document, so reading it again,
// under whatever name, gives the same observations; the order of its items does
// not matter.
//
// A package in the tree was installed. One among the errors was not: why is told
// by what pip printed (see failureClass), and where it was the network, time or
// memory the outcome is "unknown", which says nothing about the package. What
// could not be resolved or parsed is no observation of a release. Requirement
// lines are taken as the metadata has them; the solver's own evaluation of
// markers and its list of resolved versions are not.
//
// What is malformed costs itself and is a fault; a text that is no such document
// is an error.
func ReadSolver(r io.Reader) (Solved, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSolverDocument+1))
	if err != nil {
		return Solved{}, fmt.Errorf("read solver document: %w", err)
	}
	if len(text) > maxSolverDocument {
		return Solved{}, fmt.Errorf("read solver document: %w than %d bytes", errTooLarge, maxSolverDocument)
	}
	var doc solverDocument
	if err := json.Unmarshal(text, &doc); err != nil {
		return Solved{}, fmt.Errorf("read solver document: %w", err)
	}
	switch {
	case doc.Result == nil || doc.Metadata.Analyzer == "":
		return Solved{}, errors.New("read solver document: it has no metadata.analyzer or no result")
	case len(doc.Result.Tree)+len(doc.Result.Errors) > maxSolverItems:
		return Solved{}, fmt.Errorf("read solver document: more than %d items", maxSolverItems)
	}
	s := solverReader{doc: &doc, base: py.Observation{Kind: "install", Document: hexSHA256(text), Platform: platformWord(doc.Result.Platform)}}
	if s.base.At, err = doc.Metadata.at(); err != nil {
		return Solved{}, fmt.Errorf("read solver document: %w", err)
	}
	s.base.Python = doc.Metadata.python(doc.Result.Environment.PythonVersion)
	for i := range doc.Result.Tree {
		s.tree(&doc.Result.Tree[i])
	}
	for i := range doc.Result.Errors {
		s.failure(&doc.Result.Errors[i])
	}
	return s.Solved, nil
}

// The wire form, as far as it is used.
type (
	solverDocument struct {
		Metadata solverMetadata `json:"metadata"`
		Result   *struct {
			Tree        []solverItem  `json:"tree"`
			Errors      []solverError `json:"errors"`
			Environment struct {
				PythonVersion string `json:"python_version"`
			} `json:"environment"`
			Platform string `json:"platform"`
		} `json:"result"`
	}
	solverMetadata struct {
		Analyzer  string `json:"analyzer"`
		Datetime  string `json:"datetime"`
		Timestamp int64  `json:"timestamp"`
		Python    struct{ Major, Minor int }
	}
	solverItem struct {
		Name     string `json:"package_name"`
		Version  string `json:"package_version"`
		Index    string `json:"index_url"`
		Metadata *struct {
			Metadata struct {
				Name           string   `json:"Name"`
				Version        string   `json:"Version"`
				RequiresPython string   `json:"Requires-Python"`
				RequiresDist   []string `json:"Requires-Dist"`
				ProvidesExtra  []string `json:"Provides-Extra"`
			} `json:"metadata"`
		} `json:"importlib_metadata"`
	}
	solverError struct {
		Name    string          `json:"package_name"`
		Version string          `json:"package_version"`
		Type    string          `json:"type"`
		Details json.RawMessage `json:"details"`
	}
)

func (m *solverMetadata) at() (int64, error) {
	if m.Timestamp > 0 {
		return m.Timestamp, nil
	}
	t, err := time.Parse("2006-01-02T15:04:05.999999", m.Datetime)
	if err != nil || t.Unix() <= 0 {
		return 0, fmt.Errorf("metadata.datetime: %q is no time", clip(m.Datetime))
	}
	return t.Unix(), nil
}

// python is the version of the interpreter, as 3.12.
func (m *solverMetadata) python(version string) string {
	if m.Python.Major > 0 {
		return fmt.Sprintf("%d.%d", m.Python.Major, m.Python.Minor)
	}
	if isWordOrEmpty(version) {
		return version
	}
	return ""
}

// platformWord is a sysconfig platform in the words of wheel tags.
func platformWord(s string) string {
	if !isWordOrEmpty(s) {
		return ""
	}
	return strings.NewReplacer("-", "_", ".", "_").Replace(s)
}

type solverReader struct {
	Solved
	doc  *solverDocument
	base py.Observation
}

func (s *solverReader) fault(name, version string, err error) {
	if len(s.Faults) < maxFaults {
		s.Faults = append(s.Faults, Fault{clip(name) + "==" + clip(version), err.Error()})
	}
}

// tree takes a package that was installed.
func (s *solverReader) tree(item *solverItem) {
	p, err := parsePinned(item.Name + "==" + item.Version)
	if err != nil {
		s.fault(item.Name, item.Version, err)
		return
	}
	o := s.base
	o.Packages, o.Outcome = []py.Package{p}, "ok"
	s.Observations = append(s.Observations, o)
	if item.Metadata == nil || item.Index == "" {
		return
	}
	m := &item.Metadata.Metadata
	var text strings.Builder
	line := func(key, value string) {
		value = strings.Join(strings.Fields(value), " ") // a line of its own
		if value != "" {
			fmt.Fprintf(&text, "%s: %s\n", key, value)
		}
	}
	line("Metadata-Version", "2.1")
	line("Name", m.Name)
	line("Version", m.Version)
	line("Requires-Python", m.RequiresPython)
	for _, requirement := range m.RequiresDist {
		line("Requires-Dist", requirement)
	}
	for _, extra := range m.ProvidesExtra {
		line("Provides-Extra", extra)
	}
	doc := kb.Document{
		Kind: kb.KindMetadata, Index: Origin(item.Index), Project: p.Name, Version: p.Version, Read: s.base.At, Metadata: []byte(text.String()),
	}
	if _, err := doc.Digest(); err != nil {
		s.fault(item.Name, item.Version, err)
		return
	}
	s.Documents = append(s.Documents, doc)
}

// failure takes a package that was not installed.
func (s *solverReader) failure(item *solverError) {
	p, err := parsePinned(item.Name + "==" + item.Version)
	if err != nil {
		s.fault(item.Name, item.Version, err)
		return
	}
	var details struct {
		Message string   `json:"message"`
		Stdout  string   `json:"stdout"`
		Stderr  string   `json:"stderr"`
		Timeout *float64 `json:"timeout"`
		Code    *int     `json:"return_code"`
	}
	if len(item.Details) > 0 {
		if err := json.Unmarshal(item.Details, &details); err != nil {
			s.fault(item.Name, item.Version, fmt.Errorf("details: %w", err))
		}
	}
	printed := strings.TrimSpace(details.Message + "\n" + details.Stderr)
	o := s.base
	o.Packages, o.Outcome = []py.Package{p}, "failed"
	if o.Class = failureClass(printed, details.Code); slices.Contains(retryable, o.Class) {
		o.Outcome = "unknown"
	}
	o.Excerpt = lastBytes(printed, 2000)
	s.Observations = append(s.Observations, o)
}

// lastBytes is the end of a text, which is where programs say why they failed.
func lastBytes(s string, most int) string {
	if len(s) > most {
		s = s[len(s)-most:]
	}
	return strings.ToValidUTF8(s, "")
}

// retryable are the classes that say nothing about a package.
var retryable = []string{"network", "timeout", "oom"}

// failureClasses tell from what pip printed why it failed, the first that fits.
// The order matters: a failed build ends with a generic line. The list is that of
// the clusters which were found in 19,219 failures of Thoth's solvers. They are
// compiled by who asks: most runs of the program do not.
var failureClasses = sync.OnceValue(func() []failureText {
	return []failureText{
		{"network", regexp.MustCompile(`(?i)connection (?:refused|reset|aborted|timed out)|max retries exceeded|temporary failure in name resolution|HTTP ?error|ReadTimeoutError|SSLError`)},
		{"timeout", regexp.MustCompile(`(?i)command timed out|timeout of \d+|timed out after`)},
		{"oom", regexp.MustCompile(`(?i)MemoryError|cannot allocate memory|out of memory|signal 9|Killed\b`)},
		{"hash_mismatch", regexp.MustCompile(`(?i)THESE PACKAGES DO NOT MATCH THE HASHES|hash mismatch`)},
		{"no_compatible_artifact", regexp.MustCompile(`(?i)no matching distribution found|could not find a version that satisfies|is not a supported wheel|requires a different python|not supported on this platform`)},
		{"native_dependency", regexp.MustCompile(`(?i)CUDA|fatal error: \S+\.h: No such file|cannot find -l|pkg-config`)},
		{"missing_build_tool", regexp.MustCompile(`(?i)unable to execute '?\S*(?:gcc|g\+\+|cc|clang)|command '?\S*(?:gcc|g\+\+|cc|clang)\S*'? failed|no such file or directory: '?\S*(?:gcc|cmake|make|cargo|rustc)|cmake.* (?:required|not found)|rust toolchain`)},
		{"python_version_syntax", regexp.MustCompile(`SyntaxError|TabError|IndentationError`)},
		{"missing_build_module", regexp.MustCompile(`ModuleNotFoundError|ImportError: No module named`)},
		{"import_error", regexp.MustCompile(`ImportError`)},
		{"permission", regexp.MustCompile(`(?i)permission denied|PermissionError`)},
		{"invalid_wheel", regexp.MustCompile(`(?i)multiple \.dist-info|invalid wheel|invalid entry point`)},
		{"build_backend_error", regexp.MustCompile(`(?i)failed building wheel|failed to build|python setup\.py|metadata-generation-failed|subprocess-exited-with-error|Traceback \(most recent call last\)`)},
	}
})

// A failureText recognises a class by what was printed.
type failureText struct {
	class string
	text  *regexp.Regexp
}

// failureClass says why an installation failed, in the words of observations.
func failureClass(printed string, code *int) string {
	if code != nil && *code == -9 || code != nil && *code == 137 {
		return "oom"
	}
	for _, c := range failureClasses() {
		if c.text.MatchString(printed) {
			return c.class
		}
	}
	return "unknown"
}
