package lockfile

import (
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Host returns the host of an environment: what it says, and beside that what was
// seen of this machine, as far as the two can be the same. What is installed in
// another system, or what another processor can do, says nothing of this one.
func (e *ThothEnvironment) Host(seen py.Host) py.Host {
	h := seen
	if !sameSystem(e, &seen) {
		h = py.Host{CPUFamily: seen.CPUFamily, CPUModel: seen.CPUModel, CPUFlags: seen.CPUFlags, GPUs: seen.GPUs}
	}
	if e.OS != "" {
		h.OS, h.OSVersion = e.OS, over(h.OSVersion, e.OSVersion)
	}
	if e.CPUFamily >= 0 && e.CPUFamily != h.CPUFamily || e.CPUModel >= 0 && e.CPUModel != h.CPUModel {
		h.CPUFamily, h.CPUModel, h.CPUFlags = e.CPUFamily, e.CPUModel, nil
	}
	if e.GPU != "" {
		h.GPUs = []string{e.GPU}
	}
	h.CUDA = over(h.CUDA, e.CUDA)
	h.CuDNN = over(h.CuDNN, e.CuDNN)
	h.OpenBLAS = over(h.OpenBLAS, e.OpenBLAS)
	h.OpenMPI = over(h.OpenMPI, e.OpenMPI)
	h.MKL = over(h.MKL, e.MKL)
	h.BaseImage = over(h.BaseImage, e.BaseImage)
	return h
}

// over returns what is said, else what was seen.
func over(seen, said string) string {
	if said != "" {
		return said
	}
	return seen
}

// sameSystem reports whether an environment can be the system that was seen.
// Thoth calls ubi rhel, and leaves out the minor version of rhel.
func sameSystem(e *ThothEnvironment, seen *py.Host) bool {
	if e.OS == "" {
		return true
	}
	said, was := e.OS, seen.OS
	if said == "ubi" {
		said = "rhel"
	}
	if was == "ubi" {
		was = "rhel"
	}
	return said == was && (e.OSVersion == "" || e.OSVersion == seen.OSVersion ||
		strings.HasPrefix(seen.OSVersion, e.OSVersion+"."))
}
