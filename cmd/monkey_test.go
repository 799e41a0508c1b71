package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// monkeyCommand is a run of dependency-monkey.
func monkeyCommand(args ...string) []string {
	return slices.Concat([]string{"dependency-monkey"}, args, targetFlags)
}

// readStacks returns the text of each stack of a directory by its name.
func readStacks(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	stacks := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		stacks[e.Name()] = string(text)
	}
	return stacks
}

// TestMonkeyResumes makes stacks in one go and in several: they are the same, and
// what is there is left alone.
func TestMonkeyResumes(t *testing.T) {
	t.Parallel()
	env, _, stderr := testEnv(t, map[string]string{"requirements.in": "flask\n"})
	run := func(args ...string) {
		t.Helper()
		if exit := Main(context.Background(), env, monkeyCommand(args...)); exit != exitOK {
			t.Fatalf("%v: exit %d\n%s", args, exit, stderr)
		}
	}
	run("--count", "40", "--output", "whole")
	run("--count", "7", "--output", "parts/here")
	dir := filepath.Join(env.Dir, "parts", "here")
	kept := ""
	for name := range readStacks(t, dir) {
		kept = max(kept, name)
	}
	if err := os.WriteFile(filepath.Join(dir, kept), []byte("kept"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.json"), []byte("no stack"), 0o666); err != nil {
		t.Fatal(err)
	}
	run("--count", "25", "--output", "parts/here", "--resume")
	run("--count", "40", "--output", "parts/here", "--resume")

	whole, parts := readStacks(t, filepath.Join(env.Dir, "whole")), readStacks(t, dir)
	if len(whole) != 40 || len(parts) != 41 {
		t.Fatalf("%d and %d files, want 40 and 41", len(whole), len(parts))
	}
	for name, text := range whole {
		if want := parts[name]; want != text && (name != kept || want != "kept") {
			t.Errorf("%s was made otherwise in parts", name)
		}
		var d stackDocument
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if d.ID+".json" != name || d.Schema != stackSchema || len(d.Packages) < 5 || d.Knowledge.Digest == "" || len(d.Score) == 0 {
			t.Errorf("%s has %+v", name, d)
		}
	}
}

// TestMonkeyStacksAreStacks advises for what each stack pins, from the same
// knowledge: it is the stack.
func TestMonkeyStacksAreStacks(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"random", "all"} {
		env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": "flask[async]\ncoverage[toml]\n"})
		if exit := Main(context.Background(), env, monkeyCommand("--count", "12", "--decision", decision)); exit != exitOK {
			t.Fatalf("exit %d\n%s", exit, stderr)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(stdout.String()) {
			var d stackDocument
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatal(err)
			}
			pins := ""
			for _, p := range d.Packages {
				pins += p.Name + "==" + p.Version + "\n"
			}
			if seen[pins] {
				t.Errorf("%s comes twice", d.ID)
			}
			seen[pins] = true
			again, out, stderr := testEnv(t, map[string]string{"requirements.in": "flask[async]\ncoverage[toml]\n", "c.txt": pins})
			args := append([]string{"advise", "--json", "--dry-run", "-c", "c.txt"}, targetFlags...)
			if exit := Main(context.Background(), again, args); exit != exitOK {
				t.Fatalf("exit %d for\n%s%s", exit, pins, stderr)
			}
			var a adviseDocument
			if err := json.Unmarshal(out.Bytes(), &a); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range a.Packages {
				got += p.Name + "==" + p.Version + "\n"
			}
			if got != pins || !slices.Equal(a.Score, d.Score) {
				t.Errorf("a stack is\n%s%v, advised from the same is\n%s%v", pins, d.Score, got, a.Score)
			}
		}
		if len(seen) != 12 {
			t.Errorf("%s: %d stacks", decision, len(seen))
		}
	}
}

// cancelling cancels a context when it has been written to some times.
type cancelling struct {
	bytes.Buffer
	left   int
	cancel func()
}

func (c *cancelling) Write(p []byte) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return c.Buffer.Write(p)
}

func TestMonkeyInterrupted(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"random", "all"} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		env, _, stderr := testEnv(t, map[string]string{"requirements.in": "flask\n"})
		out := &cancelling{left: 20, cancel: cancel}
		env.Stdout = out
		exit := Main(ctx, env, monkeyCommand("--count", "1000000", "--decision", decision))
		lines := strings.Count(out.String(), "\n")
		if exit != exitRefused || lines != 20 || !strings.HasSuffix(out.String(), "}\n") {
			t.Errorf("%s: exit %d after %d lines", decision, exit, lines)
		}
		if !strings.Contains(stderr.String(), "interrupted before there were 1000000 stacks") {
			t.Errorf("%s: it says %s", decision, stderr)
		}
	}
}

// BenchmarkMonkey makes stacks of a real project, as lines.
func BenchmarkMonkey(b *testing.B) {
	pipfile, err := os.ReadFile(filepath.Join("..", "testdata", "projects", "flask-tensorflow", "Pipfile"))
	if err != nil {
		b.Fatal(err)
	}
	for _, decision := range []string{"random", "all"} {
		b.Run(decision, func(b *testing.B) {
			for b.Loop() {
				env, stdout, stderr := testEnv(b, map[string]string{"Pipfile": string(pipfile)})
				if exit := Main(context.Background(), env, monkeyCommand("--count", "5000", "--decision", decision)); exit != exitOK {
					b.Fatal(stderr)
				}
				b.SetBytes(int64(stdout.Len()))
			}
			b.ReportMetric(5000*float64(b.N)/b.Elapsed().Seconds(), "stacks/s")
		})
	}
}
