package prescription

import (
	"slices"
	"strings"
)

// Reasons that several rules share.
const (
	oneIndex  = "it leaves only the releases of one index, so that knowledge of another has none"
	backport  = "it leaves out a project that the user may have asked for and the code may import by name"
	goneIndex = "the index that it speaks of is gone"
)

// harmful are units of Thoth's own prescriptions that do harm if they are
// followed as they are written, or can do nothing, and why. Only a strict plan
// follows them. They are sorted by name.
//
// Units that are merely dead are not here: Lint finds them by what is wrong with
// them. Nor is TensorFlow240AVX2Sieve, which was wrong
// about nearly every processor for the table of flags that it was read with.
var harmful = []harm{
	{"thoth.AICoEReleasesStep", goneIndex},
	{"thoth.Click8x1x0Black22x1x0Step", "it refuses the pair that works instead of the one that does not"},
	{"thoth.DeepSparseAVXSieve", "it drops deepsparse where the processor has what it needs"},
	{"thoth.Enum34BackportSieve", backport},
	{"thoth.FlaskOpenIDSetuptools2to3Sieve", "its condition on setuptools is turned round"},
	{"thoth.Functools32BackportSieve", backport},
	{"thoth.ImportlibMetadataBackportSieve", backport},
	{"thoth.ImportlibResourcesBackportSieve", backport},
	{"thoth.Jinja2300Flask100Sieve", "it drops every jinja2 where the image has a flask above 1.0, but flask requires jinja2"},
	{"thoth.Jinja2300Flask100Step", "it refuses jinja2 3 with flask above 1.0, but flask 2 and later require jinja2 3"},
	{"thoth.MockBackportSieve", backport},
	{"thoth.TensorFlowManyLinux2010AVX2Step", goneIndex},
	{"thoth.TensorFlowRHEL75AVX2Step", goneIndex},
	{"thoth.TensorFlowRHEL76AVX2Step", goneIndex},
	{"thoth.TensorFlowRHEL77AVX2Step", goneIndex},
	{"thoth.TorchAudioCPUIndex", oneIndex},
	{"thoth.TorchAudioGPUIndex", oneIndex},
	{"thoth.TorchModelArchiverCPUIndex", oneIndex},
	{"thoth.TorchModelArchiverGPUIndex", oneIndex},
	{"thoth.TorchTbProfilerCPUIndex", oneIndex},
	{"thoth.TorchTbProfilerGPUIndex", oneIndex},
	{"thoth.TorchcsprngCPUIndex", oneIndex},
	{"thoth.TorchcsprngGPUIndex", oneIndex},
	{"thoth.TorchserveCPUIndex", oneIndex},
	{"thoth.TorchserveGPUIndex", oneIndex},
	{"thoth.TorchtextCPUIndex", oneIndex},
	{"thoth.TorchtextGPUIndex", oneIndex},
	{"thoth.TorchvisionCPUIndex", oneIndex},
	{"thoth.TorchvisionGPUIndex", oneIndex},
}

type harm struct{ unit, why string }

// harmOf says why a unit is not followed; empty if it is.
func harmOf(name string) string {
	if bare, ok := strings.CutPrefix(name, noNamespace+"."); ok {
		name = "thoth." + bare // a part of the tree, without what says whose it is
	}
	if !strings.HasPrefix(name, "thoth.") {
		return "" // most are the user's own
	}
	i, ok := slices.BinarySearchFunc(harmful, name, func(h harm, name string) int { return strings.Compare(h.unit, name) })
	if !ok {
		return ""
	}
	return harmful[i].why
}
