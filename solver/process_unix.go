//go:build unix

package solver

import (
	"os/exec"
	"syscall"
)

// apart keeps the terminal's signals from an engine: who ends a container is
// this package, by its name.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
