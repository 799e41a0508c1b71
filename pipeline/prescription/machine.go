package prescription

import (
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
)

// holds reports whether the machine is one that is asked for.
func (t *runtime) holds(plan *pipeline.Plan) bool {
	h, e := &plan.Host, plan.Problem.Environment
	if len(t.OS) > 0 && !slices.ContainsFunc(t.OS, func(o osMatch) bool {
		return (o.Name == "" || o.Name == h.OS) && (o.Version == "" || o.Version == h.OSVersion)
	}) {
		return false
	}
	if len(t.Hardware) > 0 && !t.machine(plan) {
		return false
	}
	python := ""
	if t.Python != nil {
		python = e.MarkerValues()["python_version"]
	}
	for _, v := range []struct {
		want *version
		have string
	}{
		{t.Python, python}, {t.CUDA, h.CUDA}, {t.CuDNN, h.CuDNN},
		{t.OpenBLAS, h.OpenBLAS}, {t.OpenMPI, h.OpenMPI}, {t.MKL, h.MKL},
	} {
		if v.want != nil && !v.want.holds(v.have, plan.Settings.Strict) {
			return false
		}
	}
	if t.Platforms != nil && !t.Platforms.has(e.Platform.OS+"-"+e.Platform.Machine) {
		return false
	}
	if t.Images != nil && !t.image(h.BaseImage) {
		return false
	}
	return t.contents(plan)
}

// holds reports whether a version that is installed (empty: none) fits. It is
// compared with as many numbers as the specifier has, since 11.2.152 is 11.2.
// Thoth took null for "any"; it is documented as "none".
func (v *version) holds(have string, strict bool) bool {
	switch {
	case v.Null && strict:
		return true
	case v.Null:
		return have == ""
	case have == "":
		return false
	}
	specs, err := py.ParseSpecifiers(v.Specs)
	if err != nil {
		return false
	}
	precision := 1
	for _, s := range specs.All() {
		precision = max(precision, strings.Count(s.Text, ".")+1)
	}
	parts := strings.Split(have, ".")
	parsed, err := py.ParseVersion(strings.Join(parts[:min(precision, len(parts))], "."))
	return err == nil && specs.Contains(parsed)
}

// machine judges hardware: one of the entries must fit. Thoth wanted all of them
// to, which entries that were written as alternatives cannot.
func (t *runtime) machine(plan *pipeline.Plan) bool {
	fits := func(x hardware) bool { return x.fits(&plan.Host, plan.Settings.Strict) }
	if plan.Settings.Strict {
		return !slices.ContainsFunc(t.Hardware, func(x hardware) bool { return !fits(x) })
	}
	return slices.ContainsFunc(t.Hardware, fits)
}

func (x hardware) fits(h *py.Host, strict bool) bool {
	if x.Families != nil && !x.Families.has(numberText(h.CPUFamily)) || x.Models != nil && !x.Models.has(numberText(h.CPUModel)) {
		return false
	}
	if x.GPUs != nil {
		gpus := h.GPUs
		if len(gpus) == 0 {
			gpus = []string{""}
		}
		if !slices.ContainsFunc(gpus, x.GPUs.has) {
			return false
		}
	}
	if x.Flags == nil {
		return true
	}
	have, known := flags(h, strict)
	if !known {
		return false
	}
	for _, f := range x.Flags.Values {
		if f != nil && slices.Contains(have, *f) == x.Flags.Not {
			return false
		}
	}
	return true
}

// numberText is a number as sets have it; what is not known is null.
func numberText(n int) string {
	if n < 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// thothCPUs is Thoth's table of what processors can do, by family and model. The
// models of Intel's are cut to their last four bits, so it knows nearly none.
var thothCPUs = map[string][][2]int{
	"avx2":   {{6, 5}, {6, 6}, {6, 10}, {6, 12}, {6, 13}, {6, 14}, {6, 15}, {23, 49}, {25, 1}},
	"avx512": {{6, 5}, {6, 6}, {6, 7}, {6, 12}, {6, 13}, {6, 14}},
}

// flags are which of avx2 and avx512 the processor has, if that is known.
func flags(h *py.Host, strict bool) (have []string, known bool) {
	if strict {
		for _, flag := range []string{"avx2", "avx512"} {
			if slices.Contains(thothCPUs[flag], [2]int{h.CPUFamily, h.CPUModel}) {
				have = append(have, flag)
			}
		}
		return have, h.CPUFamily >= 0 && h.CPUModel >= 0
	}
	for _, f := range h.CPUFlags {
		switch {
		case f == "avx2":
			have = append(have, f)
		case strings.HasPrefix(f, "avx512"):
			have = append(have, "avx512")
		}
	}
	return have, h.CPUFlags != nil
}
