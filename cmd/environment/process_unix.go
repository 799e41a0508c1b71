//go:build unix

package environment

import (
	"os/exec"
	"syscall"
)

// alone gives cmd a process group of its own, so that what it started ends
// with it when time is up.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
