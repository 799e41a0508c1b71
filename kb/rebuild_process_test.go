//go:build unix

package kb

import (
	"bufio"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A process that is killed while it rebuilds leaves local knowledge as it was.
func TestRebuildKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "local.db")
	l := openLocalTest(t, file)
	learnAll(t, l, 1)
	for n := range 20 { // so that there is something to do
		if err := l.Learn(t.Context(), batch(t, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	want := state(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for kill := range 12 {
		c := other(t, "rebuild for ever", file, 0)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && lines.Text() != "ready" {
		}
		time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		if err := c.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // it was killed
		l := openLocalTest(t, file)
		if got := state(t, l); got != want {
			t.Fatalf("killed %d times it says\n%s\nwant\n%s", kill+1, got, want)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
