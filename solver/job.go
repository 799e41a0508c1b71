package solver

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// The steps of a run.
const (
	StepBuild   = "build"   // a wheel of a source distribution
	StepInstall = "install" // of all wheels into a new environment
	StepCheck   = "check"   // pip check
	StepImport  = "import"  // of the modules at the top of a target
	StepScan    = "scan"    // of a target's Python files, which runs none of them
	StepSmoke   = "smoke"   // a command of the caller's
)

// A Job is what one run does: it builds what is to be built, and unless that is
// all installs everything and tries the targets.
type Job struct {
	Dists []Dist

	// Tools are wheels, by path, that builds need.
	Tools []string

	// BuildOnly ends the run with the metadata of what was built.
	BuildOnly bool

	// NoScan leaves the counts out.
	NoScan bool

	// Smoke is a command, run Repeat times (0 means once) where Files are. Its
	// first word is looked for in the environment that was installed. Test says
	// that it is a test of the packages: that it fails is a fact of them. Else it
	// says nothing, since the command itself may be wrong.
	Smoke  []string
	Test   bool
	Repeat int
	Files  []File
	Env    map[string]string

	Limits Limits
}

// A Dist is a distribution of a job.
type Dist struct {
	Package py.Package
	Path    string // of the wheel or source distribution
	Build   bool   // it is a source distribution
	Target  bool   // it is to be tried, not only to be there
	Native  bool   // it has compiled code

	// With are the other packages without which a failure to import may not come
	// about, as where a whole stack is tried at once. Empty: it is the target's own.
	With []py.Package
}

// A File is written where the smoke command runs.
type File struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

// jobJSON is what the runner reads.
type jobJSON struct {
	Dists     []distJSON         `json:"dists"`
	Tools     []string           `json:"tools"`
	Steps     []string           `json:"steps"`
	Smoke     []string           `json:"smoke"`
	Repeat    int                `json:"repeat"`
	Files     []File             `json:"files"`
	Env       map[string]string  `json:"env"`
	Limits    map[string]float64 `json:"limits"`
	PipPython bool               `json:"pip_python"`
	Bandit    bool               `json:"bandit"`
}

type distJSON struct {
	File   string `json:"file"`
	Name   string `json:"name"`
	Build  bool   `json:"build"`
	Target bool   `json:"target"`
}

// maxStepOutput ends a step that prints more, in bytes.
const maxStepOutput = 16 << 20

// document is what the runner is told. Of the time that the run has, a build
// may take most; what is tried is given up sooner.
func (j Job) document(s *Sandbox) jobJSON {
	wall := j.Limits.Wall.Seconds()
	d := jobJSON{
		Smoke: j.Smoke, Files: j.Files, Env: j.Env, Dists: []distJSON{}, Tools: []string{}, Steps: []string{},
		Limits: map[string]float64{
			StepBuild: wall * 0.8, StepInstall: wall * 0.8, StepCheck: min(60, wall*0.2), StepImport: min(60, wall*0.2),
			StepScan: min(60, wall*0.2), StepSmoke: wall * 0.5, "output": maxStepOutput,
		},
		PipPython: s.hasDist("pip", "22.3"), Bandit: s.hasDist("bandit", "0"),
	}
	for _, x := range j.Dists {
		d.Dists = append(d.Dists, distJSON{filepath.Base(x.Path), string(x.Package.Name), x.Build, x.Target})
	}
	for _, t := range j.Tools {
		d.Tools = append(d.Tools, filepath.Base(t))
	}
	if j.BuildOnly {
		return d
	}
	d.Steps = []string{StepInstall, StepCheck, StepImport}
	if !j.NoScan {
		d.Steps = append(d.Steps, StepScan)
	}
	if len(j.Smoke) > 0 {
		d.Repeat = max(1, j.Repeat)
	}
	return d
}

// native reports whether the run must be able to load code from its files.
func (j Job) native() bool {
	for _, d := range j.Dists {
		if d.Native || d.Build {
			return true
		}
	}
	return len(j.Smoke) > 0
}

// stage lays out in dir what the container is shown as /in.
func (j Job) stage(s *Sandbox, dir string) error {
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		return err
	}
	paths := append([]string{}, j.Tools...)
	for _, d := range j.Dists {
		paths = append(paths, d.Path)
	}
	placed := map[string]string{}
	for _, p := range paths {
		base := filepath.Base(p)
		if other, ok := placed[base]; ok && other != p {
			return fmt.Errorf("two files are called %s", base)
		} else if ok {
			continue
		}
		placed[base] = p
		if err := place(p, filepath.Join(dir, "files", base)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(j.document(s))
	if err != nil {
		return err
	}
	return writeAll(dir, map[string][]byte{"job.json": text, "runner.py": runner, "scan.py": scan})
}

// place puts a file where a container can read it: a second name of it where
// that is possible, else a copy.
func place(from, to string) error {
	stat, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !stat.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", from)
	}
	if stat.Mode().Perm()&0o444 == 0o444 && os.Link(from, to) == nil {
		return nil
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeShown(to, text)
}

// writeAll writes files that a container may read.
func writeAll(dir string, files map[string][]byte) error {
	for name, text := range files {
		if err := writeShown(filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	return nil
}

// writeShown writes a file that everybody may read, whatever the umask is.
func writeShown(path string, text []byte) error {
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}

// deadline is the time of a run with what starting and ending it takes.
func (l Limits) deadline() time.Duration { return l.Wall + grace }
