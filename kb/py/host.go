package py

// A Host is what is known of the machine and the image on which a stack will
// run, beside Environment. Empty values are not known.
type Host struct {
	// OS and OSVersion are as /etc/os-release has them: "debian" and "12".
	OS, OSVersion string

	// CPUFamily and CPUModel are the numbers of /proc/cpuinfo; -1 means not known.
	CPUFamily, CPUModel int
	// CPUFlags are the lower-case names of what the processor can do (avx2),
	// sorted; nil means not known.
	CPUFlags []string

	GPUs []string // names of graphics processors; nil means none is visible

	// Versions of what is installed beside Python, as their makers write them.
	CUDA, CuDNN, OpenBLAS, OpenMPI, MKL string

	// BaseImage is the container image, with or without a tag.
	BaseImage string

	// Packages, RPMs and Symbols are what an analysis of the image found; nil
	// means that there is none.
	Packages []HostPackage
	RPMs     []HostRPM
	Symbols  []string // of its shared libraries, such as GLIBC_2.17
}

// A HostPackage is a Python package that is installed in an image.
type HostPackage struct {
	Package
	Location string // directory
}

// A HostRPM is an RPM package that is installed in an image.
type HostRPM struct {
	Name, Version, Release, Epoch, Arch, Identifier string
	Source                                          bool
}
