package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

// Exit statuses, as README documents them.
const (
	exitOK       = 0
	exitRefused  = 1 // findings, or what was asked cannot be done here
	exitUsage    = 2 // the command line or a file of the user's is wrong
	exitNoStack  = 3 // provably no stack exists
	exitUnknown  = 4 // knowledge is missing, damaged or too old
	exitInternal = 5 // a fault of thamos
)

// A usageError is the user's mistake on the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// An unknownError wraps what makes knowledge missing.
type unknownError struct{ error }

func (e unknownError) Unwrap() error { return e.error }

// An internalError is a fault of thamos itself.
type internalError struct{ error }

func (e internalError) Unwrap() error { return e.error }

// errReported says that a command has already printed why it failed, as the
// result that was asked for; exit is its status.
type errReported struct{ exit int }

func (errReported) Error() string { return "reported" }

// Main runs the command line args in env and returns the exit status.
func Main(ctx context.Context, env *Env, args []string) (exit int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(env.Stderr, "thamos: internal error: %v\nThis is a fault of thamos. Please report it with the command, the project and what follows.\n\n%s", r, debug.Stack())
			exit = exitInternal
		}
	}()
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var reported errReported
	if errors.As(err, &reported) {
		return reported.exit
	}
	text := strings.TrimSuffix(err.Error(), "\n")
	if ctx.Err() != nil { // the user knows it by another name; a signal has its own
		for _, err := range []error{context.Canceled, context.Cause(ctx)} {
			text = strings.ReplaceAll(text, err.Error(), "interrupted")
		}
	}
	fmt.Fprintf(env.Stderr, "thamos: %s\n", text)
	return status(err)
}

// status returns the exit status of an error.
func status(err error) int {
	var (
		usage    usageError
		file     *lockfile.Error
		python   *environment.ConflictError
		noStack  *resolver.NoStackError
		unknown  *resolver.UnknownError
		missing  unknownError
		gaveUp   *resolver.GaveUpError
		internal internalError
	)
	switch {
	case errors.As(err, &internal):
		return exitInternal
	case errors.As(err, &usage), errors.As(err, &file), errors.As(err, &python):
		return exitUsage
	case errors.As(err, &noStack):
		return exitNoStack
	case errors.As(err, &unknown), errors.As(err, &missing), errors.As(err, &gaveUp),
		errors.Is(err, kb.ErrNotSnapshot), errors.Is(err, kb.ErrSchema), errors.Is(err, kb.ErrDamaged):
		return exitUnknown
	}
	return exitRefused
}

// newRoot makes the tree of commands. Every command is made by one function of
// its own file; the list is here.
func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "thamos",
		Short: "Advise Python projects: the best stack that is known, offline, with reasons",
		Long: `thamos chooses the stack of Python packages for a project and a runtime
environment from what is known, offline, writes the lock and says why.

Exit status: 0 done; 1 findings, or what was asked cannot be done here; 2 the
command line or a file is wrong; 3 provably no stack exists; 4 knowledge is
missing, damaged or too old; 5 a fault of thamos.`,
		Version:       env.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newAdvise(env),
		newMonkey(env),
		newKB(env),
		newLearn(env),
		newInspect(env),
		newUnits(env),
		newPrescriptions(env),
		newPredictors(env),
		newVerifyCertificate(env),
		newProvenance(env),
		newVersion(env),
	)
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	wrapArgs(root)
	return root
}

// wrapArgs makes complaints of cobra about a command's arguments usage errors.
func wrapArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
