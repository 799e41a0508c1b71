//go:build !unix

package solver

import "os/exec"

func apart(*exec.Cmd) {}
