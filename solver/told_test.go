package solver

import (
	"strings"
	"testing"
)

func TestTold(t *testing.T) {
	build := "running egg_info\nError: pg_config executable not found.\n\npg_config is required to build it from source.\n" +
		"If you prefer to avoid building it from source, install another.\n  ╰─> [23 lines of output]\n      [end of output]\n" +
		"note: This error originates from a subprocess, and is likely not a problem with pip.\nERROR: Failed to build it\nhint: See above for details."
	one := 1
	for _, c := range []struct {
		name string
		r    Result
		want string
	}{
		{"the line that its class is known by", Result{Kind: "build", Class: ClassNative, Excerpt: build}, "Error: pg_config executable not found."},
		{"the last that says something", Result{Kind: "build", Class: ClassBackend, Excerpt: "ValueError: x\nnote: This error originates"}, "ValueError: x"},
		{"not one of another class", Result{Kind: "build", Class: ClassBackend, Excerpt: "PermissionError: x\nValueError: y"}, "ValueError: y"},
		{"nothing was printed", Result{Kind: "install", Class: ClassTimeout, Ended: stepJSON{End: "timeout", Seconds: 1.6}.ended()}, "it took longer than 2 s"},
		{"a command", Result{Kind: KindCommand, Class: ClassCommand, Ended: stepJSON{End: "exit", Exit: &one}.ended(), Excerpt: "no such thing"}, "exit status 1: no such thing"},
		{"a silent command", Result{Kind: KindCommand, Class: ClassCommand, Ended: stepJSON{End: "exit", Exit: &one}.ended()}, "exit status 1"},
		{"a signal", Result{Kind: "test", Class: ClassCrash, Ended: stepJSON{End: "exit", Signal: 11}.ended()}, "ended by signal 11"},
		{"colours and what cannot be seen", Result{Kind: "build", Class: ClassBackend, Excerpt: "\x1b[31;1mred\x1b[0m\u202e \x07bell\tx"}, "red bell x"},
		{"idle lines only", Result{Kind: "build", Class: ClassBackend, Ended: "exit status 1", Excerpt: "note: This error"}, "exit status 1"},
		{"a long line", Result{Kind: "build", Class: ClassBackend, Excerpt: strings.Repeat("ä", 1000)}, strings.Repeat("ä", 200) + "…"},
		{"fine", Result{Kind: "import", Outcome: "ok"}, ""},
	} {
		if got := c.r.Told(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzTold(f *testing.F) {
	f.Add("build", "x\x1b[31m\n│ note: y")
	f.Fuzz(func(t *testing.T, kind, text string) {
		got := Result{Kind: kind, Class: ClassNative, Excerpt: text}.Told()
		if strings.ContainsAny(got, "\n\r\x1b") || len([]rune(got)) > maxTold+1 {
			t.Errorf("%q", got)
		}
	})
}
