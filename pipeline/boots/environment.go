package boots

import (
	"context"
	"fmt"
	"strings"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var environment = pipeline.Unit{
	Name:   "environment",
	Doc:    "tell for which recommendation type, Python, machine and image the advice is",
	Detail: "What is not known is left out. Prescriptions are chosen by these facts: one that names another machine or image is not heard.",
	After:  []string{"fully-specified"},
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		h, e := plan.Host, plan.Problem.Environment
		facts := []string{
			"recommendation type " + plan.Table.Name,
			fmt.Sprintf("%s %s", e.Implementation, e.Python),
			"platform " + e.Platform.String(),
		}
		add := func(what, value string) {
			if value != "" {
				facts = append(facts, what+" "+value)
			}
		}
		add("operating system", strings.TrimSpace(h.OS+" "+h.OSVersion))
		if h.CPUFamily > 0 {
			facts = append(facts, fmt.Sprintf("CPU family %d model %d", h.CPUFamily, h.CPUModel))
		}
		add("GPU", strings.Join(h.GPUs, " and "))
		add("CUDA", h.CUDA)
		add("cuDNN", h.CuDNN)
		add("OpenBLAS", h.OpenBLAS)
		add("OpenMPI", h.OpenMPI)
		add("MKL", h.MKL)
		add("base image", h.BaseImage)
		return note(resolver.Info, "", "advice for %s", strings.Join(facts, ", ")), nil
	},
}
