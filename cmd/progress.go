package cmd

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressDelay is how long something must take before the user is told that it
// goes on: most runs are over before.
const progressDelay = 300 * time.Millisecond

// progress shows on a terminal that something of unknown length goes on. The
// function it returns ends it and leaves no trace; calling it again does
// nothing.
func progress(env *Env, what string) (done func()) {
	if !env.Terminal {
		return func() {}
	}
	bar := newBar(env, -1, what)
	stop := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for {
			select {
			case <-stop:
				return
			case <-env.After(progressDelay):
				_ = bar.Add(1) // a terminal that cannot show it is no reason to stop
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-finished
		_ = bar.Clear()
	})
}

// newBar makes a bar on standard error.
func newBar(env *Env, total int, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(env.Stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetVisibility(env.Terminal),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
	)
}
