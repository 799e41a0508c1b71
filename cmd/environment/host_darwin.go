package environment

import "syscall"

// kernel returns what uname calls release and version, empty if not known.
func kernel() (release, version string) {
	release, _ = syscall.Sysctl("kern.osrelease")
	version, _ = syscall.Sysctl("kern.version")
	return release, version
}
