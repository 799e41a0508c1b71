package boots

import (
	"context"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var lockHash = pipeline.Unit{
	Name:   "lock-hash",
	Doc:    "warn where the project's lock is not that of its manifest",
	Detail: "A lock has the hash of the manifest that it was made from. Where that is another, the lock says nothing of what the user wants now.",
	When:   func(p *pipeline.Plan) bool { return p.LockStale != "" },
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		return note(resolver.Warning, "", "the lock that is there does not count: %s", plan.LockStale), nil
	},
}
