package sync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// errLocked reports that another process has the lock.
var errLocked = errors.New("locked by another process")

// lockPause is how long a process waits before it looks again.
const lockPause = 50 * time.Millisecond

// lock locks a file, which is made where it is missing, and waits for another
// process that has it; waiting, unless it is nil, is told so once. The system
// gives it up for whoever dies.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err := lockFile(f)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		timer := time.NewTimer(lockPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			f.Close()
			return nil, context.Cause(ctx)
		}
	}
}
