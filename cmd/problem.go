package cmd

import "github.com/spf13/pflag"

// problemOptions are the flags that say what is chosen: of which of the
// project's requirements, for which environment, from which releases and from
// what is known where.
type problemOptions struct {
	dev         bool
	extras      []string
	allExtras   bool
	groups      []string
	constraints []string

	python, pythonVersion, platform string

	pre          bool
	prerelease   string
	excludeNewer string
	noBuild      []string
	noBinary     []string

	kb string
}

func (o *problemOptions) add(f *pflag.FlagSet) {
	f.BoolVar(&o.dev, "dev", false, "also what is needed for development (Pipfile's dev-packages, the group dev)")
	f.StringSliceVar(&o.extras, "extra", nil, "also this extra of the project (repeatable)")
	f.BoolVar(&o.allExtras, "all-extras", false, "also all extras of the project")
	f.StringSliceVar(&o.groups, "group", nil, "also this dependency group (repeatable)")
	f.StringArrayVarP(&o.constraints, "constraint", "c", nil, "bound versions by this constraints file (repeatable)")
	f.BoolVar(&o.pre, "pre", false, "treat pre-releases like other versions")
	f.StringVar(&o.prerelease, "prerelease", "", "when pre-releases may be chosen: if-necessary (default), allow, explicit or disallow")
	f.StringVar(&o.excludeNewer, "exclude-newer", "", "see only files uploaded until this day (2026-01-31), time (RFC 3339) or age (7 days)")
	f.StringSliceVar(&o.noBuild, "only-binary", nil, "never build these projects from source (:all: for all)")
	f.StringSliceVar(&o.noBinary, "no-binary", nil, "always build these projects from source (:all: for all)")
	o.addEnvironment(f)
}

// addEnvironment adds what does not depend on a project.
func (o *problemOptions) addEnvironment(f *pflag.FlagSet) {
	f.StringVar(&o.python, "python", "", "the interpreter, environment or version to choose for")
	f.StringVar(&o.pythonVersion, "python-version", "", "the Python version to choose for, such as 3.12")
	f.StringVar(&o.platform, "platform", "", "the platform to choose for, such as manylinux_2_28_x86_64, macosx_14_0_arm64, win_amd64")
	f.StringVar(&o.kb, "kb", "", kbUsage)
}

// kbUsage is what --kb is, wherever there is one.
const kbUsage = "knowledge base to use: a snapshot, or a directory that holds " + snapshotName + " (default: the synced one, else the embedded one)"
