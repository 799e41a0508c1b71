package prescription

import (
	"encoding/json"
)

// A unit is one declared unit, as a rule's body has it. Its JSON is what a
// knowledge base keeps: new fields may join, old ones do not change.
type unit struct {
	// Pin is the version of the project that a wrap is about, if it is about one
	// only. It comes first, so that it can be read without decoding the rest.
	Pin string `json:"pin,omitempty"`

	Name string `json:"name"` // with its namespace
	Type string `json:"type"`
	From string `json:"from"` // file:line

	Include []include `json:"include,omitempty"` // all must hold
	Match   []match   `json:"match,omitempty"`   // one must; none: always
	Run     run       `json:"run"`
}

// An include says when a unit is of use (should_include).
type include struct {
	Off            bool                `json:"off,omitempty"`    // times: 0
	Advise         bool                `json:"advise,omitempty"` // adviser_pipeline
	Monkey         bool                `json:"monkey,omitempty"` // dependency_monkey_pipeline
	Recommendation *set                `json:"recommendation,omitempty"`
	Decision       *set                `json:"decision,omitempty"`
	Authenticated  *bool               `json:"authenticated,omitempty"`
	Labels         map[string]string   `json:"labels,omitempty"`
	Usage          map[string][]string `json:"usage,omitempty"` // library_usage
	Runtime        *runtime            `json:"runtime,omitempty"`

	needs []string // names of units that must be included; Load puts their conditions beside
}

// A set is values one of which must be, or (Not) none of which may be. A nil
// value is "there is none".
type set struct {
	Not    bool      `json:"not,omitempty"`
	Values []*string `json:"values"`
}

// A runtime is conditions on the machine (runtime_environments).
type runtime struct {
	OS        []osMatch  `json:"os,omitempty"`
	Hardware  []hardware `json:"hardware,omitempty"`
	Python    *version   `json:"python,omitempty"`
	CUDA      *version   `json:"cuda,omitempty"`
	CuDNN     *version   `json:"cudnn,omitempty"`
	OpenBLAS  *version   `json:"openblas,omitempty"`
	OpenMPI   *version   `json:"openmpi,omitempty"`
	MKL       *version   `json:"mkl,omitempty"`
	Platforms *set       `json:"platforms,omitempty"`
	Images    *set       `json:"images,omitempty"`
	ABI       *set       `json:"abi,omitempty"`
	RPMs      *rpms      `json:"rpms,omitempty"`
	Packages  *installed `json:"packages,omitempty"`
}

type osMatch struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

type hardware struct {
	Families *set `json:"families,omitempty"`
	Models   *set `json:"models,omitempty"`
	Flags    *set `json:"flags,omitempty"`
	GPUs     *set `json:"gpus,omitempty"`
}

// A version is a specifier, or null, which means that there is none of it.
type version struct {
	Null  bool   `json:"null,omitempty"`
	Specs string `json:"specs,omitempty"`
}

type rpms struct {
	Not  bool  `json:"not,omitempty"`
	List []rpm `json:"list"`
}

type rpm struct {
	Name       string `json:"name"`
	Version    string `json:"version,omitempty"`
	Release    string `json:"release,omitempty"`
	Epoch      string `json:"epoch,omitempty"`
	Arch       string `json:"arch,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	Source     *bool  `json:"source,omitempty"`
}

type installed struct {
	Not  bool            `json:"not,omitempty"`
	List []installedItem `json:"list"`
}

type installedItem struct {
	Name     string `json:"name"`
	Specs    string `json:"specs,omitempty"`
	Location string `json:"location,omitempty"` // a regular expression of the whole path
}

// A match says of which releases a unit speaks.
type match struct {
	Project    string    `json:"project,omitempty"`  // package_name
	Release    *release  `json:"release,omitempty"`  // package_version
	Resolved   []release `json:"resolved,omitempty"` // state.resolved_dependencies
	From       []release `json:"from,omitempty"`     // state.package_version_from
	AllowOther bool      `json:"allow_other,omitempty"`
	Group      []release `json:"group,omitempty"`
}

// A release matches releases of a project, or of all.
type release struct {
	Name     string `json:"name,omitempty"`
	Specs    string `json:"specs,omitempty"`
	Index    string `json:"index,omitempty"`
	NotIndex string `json:"not_index,omitempty"`
	Develop  *bool  `json:"develop,omitempty"`
}

// A run is what a unit says.
type run struct {
	Log       *info  `json:"log,omitempty"`
	StackInfo []info `json:"stack_info,omitempty"`
	Why       []info `json:"why,omitempty"` // justification

	Score    *float64 `json:"score,omitempty"`
	Refuse   string   `json:"refuse,omitempty"` // not_acceptable
	Multiple bool     `json:"multiple,omitempty"`

	Yield  *yield          `json:"yield,omitempty"`
	Add    *release        `json:"add,omitempty"` // package_version of step.AddPackage, Specs being "==X"
	Change json.RawMessage `json:"change,omitempty"`
	Notes  *releaseNotes   `json:"notes,omitempty"`
}

type info struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Link    string `json:"link,omitempty"`

	Package  string `json:"package,omitempty"`
	Advisory string `json:"advisory,omitempty"`
}

type yield struct {
	SameVersion bool   `json:"same,omitempty"`
	Name        string `json:"name"`
	Version     string `json:"version,omitempty"` // locked_version without ==
	Index       string `json:"index,omitempty"`
}

type releaseNotes struct {
	Organization string `json:"organization"`
	Repository   string `json:"repository"`
	Prefix       string `json:"prefix,omitempty"`
}

// The types of units, each with the kind that it is declared under.
const (
	typeBoot      = "boot"
	typePseudonym = "pseudonym"
	typeSieve     = "sieve"
	typeSieveSkip = "sieve.SkipPackage"
	typeStep      = "step"
	typeStepSkip  = "step.SkipPackage"
	typeStepAdd   = "step.AddPackage"
	typeGroup     = "step.Group"
	typeStride    = "stride"
	typeWrap      = "wrap"
	typeNotes     = "wrap.GHReleaseNotes"
)

// typesOf are the types that each kind has.
var typesOf = map[string][]string{
	"boots":      {typeBoot},
	"pseudonyms": {typePseudonym},
	"sieves":     {typeSieve, typeSieveSkip},
	"steps":      {typeStep, typeStepSkip, typeStepAdd, typeGroup},
	"strides":    {typeStride},
	"wraps":      {typeWrap, typeNotes},
}
