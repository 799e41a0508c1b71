package boots

import (
	"context"
	"strings"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var rhel = pipeline.Unit{
	Name: "rhel",
	Doc:  "take UBI for the RHEL it is made of, and a minor version of RHEL for its major version",
	Detail: `Prescriptions name "rhel" and "8". The universal base image has the packages of RHEL, and its minor versions keep their ABI; only
what is asked for by name and version would not be found otherwise.`,
	When: func(p *pipeline.Plan) bool {
		os := strings.ToLower(p.Host.OS)
		return os == "ubi" || os == "rhel" && (p.Host.OS != os || strings.Contains(p.Host.OSVersion, "."))
	},
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		h := &plan.Host
		was := strings.TrimSpace(h.OS + " " + h.OSVersion)
		h.OS = "rhel"
		h.OSVersion, _, _ = strings.Cut(h.OSVersion, ".")
		return note(resolver.Info, was, "the operating system %s is taken for %s", was, strings.TrimSpace(h.OS+" "+h.OSVersion)), nil
	},
}
