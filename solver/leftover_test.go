package solver

import (
	"context"
	"os"
	"testing"
	"time"
)

// TestLeftovers: a container that is running when its client is gone is found by
// its owner and removed; those of others stay.
func TestLeftovers(t *testing.T) {
	s := live(t)
	t.Parallel()
	o := testOptions(t.TempDir())
	o.Owner = "gone-" + testToken()[:8]
	gone := &Sandbox{Engine: s.Engine, Image: s.Image, options: o, python: s.python, dists: s.dists}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/seccomp.json", seccomp, 0o644); err != nil {
			ended <- err
			return
		}
		// What sleeps does not look whether its client is there.
		_, err := s.Engine.await(ctx, container{
			name: "thamos-" + testToken(), image: s.Image.ID, seccomp: dir + "/seccomp.json", limits: Limits{Wall: 30 * time.Second}.full(),
			labels: []string{labelSolver + "=" + Version, labelOwner + "=" + gone.options.Owner},
			argv:   []string{"python3", "-c", "import time; time.sleep(1000)"},
		}, "x", dir)
		ended <- err
	}()
	removed := 0
	for deadline := time.Now().Add(20 * time.Second); removed == 0 && time.Now().Before(deadline); {
		n, err := s.Engine.Leftovers(t.Context(), func(owner string) bool { return owner == gone.options.Owner })
		if err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	if removed != 1 {
		t.Errorf("%d containers were removed", removed)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it lives on")
	}
}
