package livetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/base"
)

// Require is the variable that says that there must be an engine. Without it
// tests that need one skip, with the reason, and nobody notices.
const Require = "THAMOS_REQUIRE_ENGINE"

// Image is what the image of tests is called; it is made once and stays.
const Image = "localhost/thamos-test:" + base.Version

// Open opens a sandbox of o, whose image is made if it is not there. shell is
// the path of a POSIX shell.
func Open(ctx context.Context, o solver.Options, shell string) (*solver.Sandbox, error) {
	o.Image = Image
	s, err := solver.Open(ctx, o)
	var noImage *solver.NoImageError
	if !errors.As(err, &noImage) {
		return s, err
	}
	e, err := solver.Find(ctx, o)
	if err != nil {
		return nil, err
	}
	tar, err := base.Make(ctx, base.Options{Shell: shell, Env: o.Env, Temp: o.Temp})
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(filepath.Dir(tar))
	if _, err := e.Import(ctx, tar, o.Image, base.Version); err != nil {
		return nil, err
	}
	return solver.Open(ctx, o)
}
