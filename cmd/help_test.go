package cmd

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand calls f for the tree of commands.
func eachCommand(t *testing.T, f func(c *cobra.Command)) {
	t.Helper()
	env, _, _ := testEnv(t, nil)
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		f(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(env))
}

// TestFlagTexts: what stands between backquotes in the text of a flag becomes the
// name of its value, which no text here means.
func TestFlagTexts(t *testing.T) {
	eachCommand(t, func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Usage, "`") {
				name, _ := pflag.UnquoteUsage(f)
				t.Errorf("%s --%s %s: backquotes in its text name the value", c.CommandPath(), f.Name, name)
			}
		})
	})
}

// TestWhichKB: without --kb the commands below kb take the synced knowledge base
// before the embedded one, and their help says so.
func TestWhichKB(t *testing.T) {
	eachCommand(t, func(c *cobra.Command) {
		f := c.LocalFlags().Lookup("kb")
		if f == nil || c.Parent().Name() != "kb" {
			return
		}
		if !strings.Contains(f.Usage, "the synced one, else the embedded one)") {
			t.Errorf("%s --kb: %s", c.CommandPath(), f.Usage)
		}
	})
}
