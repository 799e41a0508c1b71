package py

// A Package is one release of a project: what a lock pins.
type Package struct {
	Name    Name
	Version Version
}

// String returns "name==version".
func (p Package) String() string { return string(p.Name) + "==" + p.Version.String() }

// A Project is what is known of one project.
type Project struct {
	Name Name

	// Status is the project's status (PEP 792), empty for active; StatusReason
	// may be empty all the same.
	Status, StatusReason string

	// Releases holds every release that is known to exist, newest version
	// first. The order is that of Version.Compare and has no equal elements.
	Releases []Release
}

// A Release is what is known of one version of a project.
//
// The pointers Requires and Artifacts are shared between releases that say the
// same, so work done for one can be kept for all of them by pointer.
type Release struct {
	Version Version

	// Uploaded and LastUploaded are when its first and its newest file were
	// uploaded, in Unix seconds; 0 means not known. LastUploaded is not known as
	// soon as one file that can be installed has no date.
	Uploaded, LastUploaded int64

	// Yanked reports that every file of the release is yanked (PEP 592);
	// YankedReason may be empty all the same.
	Yanked       bool
	YankedReason string

	// RequiresPython is the specifier text of Requires-Python, empty for any.
	// It may be malformed: it is what was published.
	RequiresPython string

	// Requires is what the release needs; nil means that its metadata was not
	// read, which is not the same as needing nothing.
	Requires *Requires

	// Unreadable reports that the metadata was asked for and cannot be had, now
	// or ever: Requires is nil, and nothing may be assumed of it.
	Unreadable bool

	// Artifacts says which kinds of file the release has; nil means that its
	// files are not known.
	Artifacts *Artifacts
}

// Requires is a list of requirement lines as published, with their extras.
type Requires struct {
	// Lines are Requires-Dist values in the order of the metadata. A line may
	// be malformed: it is what was published.
	Lines []string

	// Extras are the normalised Provides-Extra names.
	Extras []Name
}

// Artifacts says which kinds of file, not yanked, a release has.
type Artifacts struct {
	// Sdist reports a source distribution.
	Sdist bool

	// Wheels holds the tag part of each wheel's file name, as written there,
	// such as "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64".
	Wheels []string
}

// A File is one artifact of a release as an index serves it.
type File struct {
	Filename string
	Size     int64  // bytes; 0 means not known
	SHA256   string // 64 lower-case hex digits; empty means not known
	Uploaded int64  // Unix seconds; 0 means not known

	// URL is where the file is served, absolute; empty means that the knowledge
	// base does not know.
	URL string

	RequiresPython string
	Yanked         bool
	YankedReason   string

	// Provenance is where the index serves the attestations of the file (PEP
	// 740), absolute; empty if it offers none.
	Provenance string
}
