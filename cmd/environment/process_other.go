//go:build !unix

package environment

import "os/exec"

// alone does nothing where there are no process groups: only the interpreter
// itself is ended when time is up.
func alone(*exec.Cmd) {}
