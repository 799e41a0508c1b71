package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ciSteps are the shell scripts of README's steps for a service, in order, with
// their variables.
func ciSteps(t *testing.T, service string) (scripts []string, variables map[string]string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), service+":\n\n```yaml\n")
	text, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatalf("README has no step for %s", service)
	}
	var doc struct {
		Jobs map[string]struct {
			Steps []struct {
				Run string `yaml:"run"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
		Lock struct {
			Variables map[string]string `yaml:"variables"`
			Script    []string          `yaml:"script"`
		} `yaml:"lock"`
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for _, step := range doc.Jobs["lock"].Steps {
		if step.Run != "" {
			scripts = append(scripts, step.Run)
		}
	}
	return append(scripts, doc.Lock.Script...), doc.Lock.Variables
}

// TestReadmeCI runs README's steps for both services, with this binary, on a
// project whose lock is what is advised, and on the same with a hash changed.
func TestReadmeCI(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash")
	}
	for _, service := range []string{"GitHub Actions", "GitLab"} {
		t.Run(service, func(t *testing.T) {
			scripts, variables := ciSteps(t, service)
			if len(scripts) == 0 {
				t.Fatal("no scripts")
			}
			dir := t.TempDir()
			env := append(os.Environ(), "HOME="+filepath.Join(dir, "home"), "PIP_CONFIG_FILE="+os.DevNull, "PIP_INDEX_URL=", "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary"), "CI_PROJECT_DIR="+dir)
			for k, v := range variables {
				env = append(env, k+"="+os.Expand(v, func(string) string { return dir }))
			}
			run := func(script string) (string, bool) {
				c := exec.Command("bash", "-e", "-c", script)
				c.Dir, c.Env = dir, env
				out, err := c.CombinedOutput()
				return string(out), err == nil
			}
			if err := os.WriteFile(filepath.Join(dir, "requirements.in"), []byte("click\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			if out, ok := run("thamos advise --python-version 3.12 --platform manylinux_2_36_x86_64"); !ok {
				t.Fatal(out)
			}
			for _, s := range scripts {
				if out, ok := run(s); !ok || strings.Contains(out, "::") || strings.Contains(out, "@@") {
					t.Errorf("%s\nfails on a project that is right:\n%s", s, out)
				}
			}
			lock := filepath.Join(dir, "requirements.txt")
			text, err := os.ReadFile(lock)
			if err != nil {
				t.Fatal(err)
			}
			at := strings.Index(string(text), "sha256:") + len("sha256:")
			at = strings.Index(string(text)[at:], "--hash=sha256:") + at + len("--hash=sha256:")
			text[at] = map[bool]byte{true: '1', false: '0'}[text[at] == '0']
			if err := os.WriteFile(lock, text, 0o666); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			for _, s := range scripts {
				out, ok := run(s)
				if ok {
					t.Errorf("%s\npasses on a lock with a changed hash:\n%s", s, out)
				}
				said.WriteString(out)
			}
			wants := []string{"@@ ", "hash-unknown"}
			if service == "GitHub Actions" {
				wants = append(wants, "::error file=requirements.txt,line=")
				if summary, err := os.ReadFile(filepath.Join(dir, "summary")); err != nil || !strings.Contains(string(summary), "| error | hash-unknown |") {
					t.Errorf("summary: %s, %v", summary, err)
				}
			} else {
				var quality []struct {
					Check string `json:"check_name"`
				}
				data, err := os.ReadFile(filepath.Join(dir, "thamos.json"))
				if err == nil {
					err = json.Unmarshal(data, &quality)
				}
				if err != nil || len(quality) != 1 || quality[0].Check != "hash-unknown" {
					t.Errorf("code quality: %s, %v", data, err)
				}
				if _, err := os.Stat(filepath.Join(dir, ".thamos", "cache", "thamos")); err != nil {
					t.Error(err)
				}
			}
			for _, want := range wants {
				if !strings.Contains(said.String(), want) {
					t.Errorf("nothing says %q:\n%s", want, &said)
				}
			}
			if sarif, err := os.ReadFile(filepath.Join(dir, "thamos.sarif")); err != nil || !strings.Contains(string(sarif), `"ruleId": "hash-unknown"`) {
				t.Errorf("SARIF: %v\n%s", err, sarif)
			}
		})
	}
}
