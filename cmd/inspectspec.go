package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/solver"
)

// maxSpec bounds a specification, in bytes.
const maxSpec = 4 << 20

// A specJSON is an inspection specification as Thoth's Amun takes it. What has
// another meaning here, or none, is noted or refused.
type specJSON struct {
	Base           string   `json:"base"`
	Identifier     string   `json:"identifier"`
	PackageManager string   `json:"package_manager"`
	BatchSize      int      `json:"batch_size"`
	Packages       []string `json:"packages"`
	PythonPackages []string `json:"python_packages"`
	Python         struct {
		Requirements       json.RawMessage `json:"requirements"`
		RequirementsLocked json.RawMessage `json:"requirements_locked"`
		RuntimeEnvironment json.RawMessage `json:"runtime_environment"`
		Constraints        json.RawMessage `json:"constraints"`
	} `json:"python"`
	Build       specPart          `json:"build"`
	Run         specPart          `json:"run"`
	Files       []solver.File     `json:"files"`
	Environment []specEnvironment `json:"environment"`
	Script      string            `json:"script"`

	Update       any `json:"update"`
	UpgradePip   any `json:"upgrade_pip"`
	SendMessages any `json:"send_messages"`
	ForceSync    any `json:"force_sync"`
}

type specPart struct {
	Requests struct {
		CPU      string         `json:"cpu"`
		Memory   string         `json:"memory"`
		Hardware map[string]any `json:"hardware"`
	} `json:"requests"`
}

type specEnvironment struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// readInspection reads a specification.
func readInspection(path string) (*inspection, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, usageError{err}
	}
	if stat.Size() > maxSpec {
		return nil, usagef("%s has more than %d bytes", filepath.Base(path), maxSpec)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	x, err := parseInspection(text)
	if err != nil {
		return nil, usagef("%s: %w", filepath.Base(path), err)
	}
	return x, nil
}

// parseInspection reads a specification in JSON or YAML.
func parseInspection(text []byte) (*inspection, error) {
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var s specJSON
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, err
	}
	x := &inspection{image: s.Base, repeat: s.BatchSize, files: s.Files, env: map[string]string{}, text: asJSON}
	if len(s.Packages) > 0 {
		return nil, fmt.Errorf("packages: %s cannot be installed here: name a base image that has them", strings.Join(s.Packages, " "))
	}
	for _, u := range []struct {
		name string
		set  any
	}{{"update", s.Update}, {"upgrade_pip", s.UpgradePip}} {
		if u.set == true {
			return nil, fmt.Errorf("%s: nothing is updated here: an image is taken as it is", u.name)
		}
	}
	for _, f := range s.Files {
		if !filepath.IsLocal(f.Path) {
			return nil, fmt.Errorf("files: %q is not relative to where the command runs", f.Path)
		}
	}
	for _, e := range s.Environment {
		if e.Name == "" || strings.ContainsAny(e.Name, "=\x00") {
			return nil, fmt.Errorf("environment: %q is no name of a variable", e.Name)
		}
		x.env[e.Name] = e.Value
	}
	if err := s.requirements(x); err != nil {
		return nil, err
	}
	if err := s.script(x); err != nil {
		return nil, err
	}
	if len(s.Run.Requests.Hardware) > 0 || len(s.Build.Requests.Hardware) > 0 {
		x.notes = append(x.notes, "the hardware that the specification asks for is not looked for: this machine is taken, and recorded")
	}
	if x.limits.CPUs, err = cpus(s.Run.Requests.CPU); err != nil {
		return nil, fmt.Errorf("run.requests.cpu: %w", err)
	}
	if x.limits.Memory, err = quantity(s.Run.Requests.Memory); err != nil {
		return nil, fmt.Errorf("run.requests.memory: %w", err)
	}
	return x, nil
}

// requirements takes the stack: the locked one, else the required one.
func (s *specJSON) requirements(x *inspection) error {
	add := func(line string) error {
		r, err := py.ParseRequirement(line)
		if err == nil {
			err = ofIndex(r)
		}
		if err != nil {
			return err
		}
		x.requirements = append(x.requirements, r)
		return nil
	}
	for _, line := range s.PythonPackages {
		if err := add(line); err != nil {
			return fmt.Errorf("python_packages: %w", err)
		}
	}
	if there(s.Python.RequirementsLocked) {
		lock, err := lockfile.ReadPipfileLock("requirements_locked", s.Python.RequirementsLocked)
		if err != nil {
			return err
		}
		for _, section := range lock.Sections {
			for _, p := range section.Packages {
				if p.Direct != "" {
					return fmt.Errorf("python.requirements_locked: %s is not from an index", p.Name)
				}
				if err := add(string(p.Name) + "==" + p.Version.String()); err != nil {
					return fmt.Errorf("python.requirements_locked: %w", err)
				}
			}
		}
		return nil
	}
	if !there(s.Python.Requirements) {
		return nil
	}
	var pipfile struct {
		Packages map[string]any `json:"packages"`
	}
	if err := json.Unmarshal(s.Python.Requirements, &pipfile); err != nil {
		return fmt.Errorf("python.requirements: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(pipfile.Packages)) {
		version := pipfile.Packages[name]
		if table, ok := version.(map[string]any); ok {
			version = table["version"]
		}
		text, ok := version.(string)
		if !ok {
			return fmt.Errorf("python.requirements: what is wanted of %q is not said by a version", name)
		}
		if text == "*" {
			text = ""
		}
		if err := add(name + text); err != nil {
			return fmt.Errorf("python.requirements: %w", err)
		}
	}
	return nil
}

func there(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// scriptName is what the script of a specification is called where it runs.
const scriptName = "script"

// script takes the text that is run: by the interpreter that its first line
// names, else by Python.
func (s *specJSON) script(x *inspection) error {
	switch {
	case s.Script == "":
		return nil
	case strings.HasPrefix(s.Script, "https://") || strings.HasPrefix(s.Script, "http://"):
		return fmt.Errorf("script: a URL is not fetched; put its text in its place")
	}
	x.files = append(x.files, solver.File{Path: scriptName, Content: s.Script})
	x.command = []string{"python", scriptName}
	first, _, _ := strings.Cut(s.Script, "\n")
	if line, ok := strings.CutPrefix(first, "#!"); ok {
		words := strings.Fields(line)
		if len(words) > 0 && filepath.Base(words[0]) == "env" {
			words = words[1:]
		}
		if len(words) > 0 && !strings.HasPrefix(filepath.Base(words[0]), "python") {
			x.command = append([]string{filepath.Base(words[0])}, append(words[1:], scriptName)...)
		}
	}
	return nil
}

// cpus reads a number of processors as Kubernetes has it: 2, 0.5 or 500m.
func cpus(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, milli := strings.CutSuffix(text, "m")
	n, err := strconv.ParseFloat(number, 64)
	if milli {
		n /= 1000
	}
	if err != nil || !(n > 0) || n > 4096 {
		return 0, fmt.Errorf("%q is no number of processors", text)
	}
	return n, nil
}

// quantity reads a number of bytes as Kubernetes has it: 256Mi, 1G or 1048576.
func quantity(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	unit := int64(1)
	number := text
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"k", 1000}, {"M", 1000_000}, {"G", 1000_000_000}} {
		if cut, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = cut, u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if bytes := n * float64(unit); err == nil && bytes >= 1<<20 && bytes < 1<<46 {
		return int64(bytes), nil
	}
	return 0, fmt.Errorf("%q is no amount of memory", text)
}
