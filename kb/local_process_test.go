//go:build unix

package kb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// Another process is this test binary, told by these variables what to do.
const (
	otherDoes = "THAMOS_TEST_LOCAL_DOES"
	otherFile = "THAMOS_TEST_LOCAL_FILE"
	otherSeed = "THAMOS_TEST_LOCAL_SEED"
)

// other starts another process.
func other(t *testing.T, does, file string, seed int) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	c.Env = append(os.Environ(), otherDoes+"="+does, otherFile+"="+file, otherSeed+"="+strconv.Itoa(seed))
	return c
}

// TestOtherProcess is what another process does. Alone it is nothing.
func TestOtherProcess(t *testing.T) {
	does, file := os.Getenv(otherDoes), os.Getenv(otherFile)
	if does == "" {
		t.Skip("only as another process")
	}
	seed, err := strconv.Atoi(os.Getenv(otherSeed))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	switch does {
	case "learn": // all that contradicts each other, in an order of its own
		docs := answersOf(t)
		r.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		for len(docs) > 0 {
			// Opened anew, so that the last one that closes does so under way too.
			l := openLocalTest(t, file)
			n := min(len(docs), 1+r.IntN(4))
			if err := errors.Join(l.Learn(t.Context(), docs[:n]), l.Close()); err != nil {
				t.Fatal(err)
			}
			docs = docs[n:]
		}
	case "read":
		for range 60 {
			l := openLocalTest(t, file)
			if err := errors.Join(askLocal(t.Context(), l), l.Close()); err != nil {
				t.Fatal(err)
			}
		}
	case "learn for ever": // batch by batch, saying which is done
		l := openLocalTest(t, file)
		for n := seed; ; n++ {
			if err := l.Learn(t.Context(), batch(t, n)); err != nil {
				t.Fatal(err)
			}
			fmt.Println("learnt", n)
		}
	case "rebuild for ever":
		l := openLocalTest(t, file)
		fmt.Println("ready")
		for {
			if _, err := l.Rebuild(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	case "read only":
		readOnly(t, file)
	}
}

// batch is what is learnt at once at time n: of three projects a listing that
// has more files each time, and metadata.
func batch(t testing.TB, n int) []Document {
	var docs []Document
	for _, name := range []py.Name{"a", "b", "c"} {
		l := Listing{Name: name, Metadata: []py.Metadata{{Name: string(name), Version: version(t, "1"), RequiresDist: []string{fmt.Sprintf("x==%d", n)}}}}
		for i := range 200 + n%50 {
			l.Files = append(l.Files, py.File{Filename: fmt.Sprintf("%s-%d.zip", name, i+1), Size: int64(n), SHA256: fmt.Sprintf("%064x", n*1000+i)})
		}
		docs = append(docs, documents(public, int64(n), l)...)
	}
	return docs
}

// Several processes learn and read the same file at once: readers always see
// whole knowledge, and in the end it is as if one had learnt all.
func TestLocalProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "local.db")
	var all []*exec.Cmd
	var outputs []*strings.Builder
	for i, does := range []string{"learn", "read", "learn", "read", "learn"} {
		c, out := other(t, does, file, i), new(strings.Builder)
		c.Stdout, c.Stderr = out, out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all, outputs = append(all, c), append(outputs, out)
	}
	for i, c := range all {
		if err := c.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, outputs[i])
		}
	}
	want := state(t, newLocal(t, answersOf(t)...))
	if got := state(t, openLocalTest(t, file)); got != want {
		t.Errorf("together they know\n%s\nwant\n%s", got, want)
	}
	left, err := filepath.Glob(file + "*")
	if err != nil || len(left) > 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A process that is killed, whenever it be, leaves whole knowledge: every batch
// that it said it had learnt, and no part of one.
func TestLocalKilled(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	file := filepath.Join(t.TempDir(), "local.db")
	from, learnt := 1, 0
	for kill := range 30 {
		if kill%6 == 5 { // some die while they make the file
			file = filepath.Join(t.TempDir(), "local.db")
			from = 1
		}
		c := other(t, "learn for ever", file, from)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(r.IntN(120))*time.Millisecond, func() { c.Process.Signal(syscall.SIGKILL) })
		said := 0
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if n, ok := strings.CutPrefix(lines.Text(), "learnt "); ok {
				if said, err = strconv.Atoi(n); err != nil {
					t.Fatal(err)
				}
			} else {
				t.Errorf("it says %s", lines.Text())
			}
		}
		io.Copy(io.Discard, out)
		if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("it ended with %v", err)
		}

		l, err := OpenLocal(t.Context(), file)
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		reads := map[int64]int{}
		err = l.Documents(t.Context(), func(d Document) error { reads[d.Read]++; return nil })
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		for n, docs := range reads {
			if int(n) < max(said, from-1) || docs != 6 || len(reads) != 1 {
				t.Fatalf("kill %d: it said %d, there are %v, want one batch of 6", kill, said, reads)
			}
			learnt += int(n) + 1 - from
			from = int(n) + 1
		}
		if len(reads) == 0 && said > 0 {
			t.Fatalf("kill %d: it said %d, there is nothing", kill, said)
		}
		k := NewLayered(nil, l, Route{Indexes: []string{public}}, false)
		ps, err := k.Projects(t.Context(), []py.Name{"a"})
		if err != nil || len(reads) > 0 && (ps[0] == nil || len(ps[0].Releases) != 200+(from-1)%50) {
			t.Fatalf("kill %d: %v, %v", kill, describe(ps[0]), err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if learnt < 1 { // how many there are depends on the machine; none would test nothing
		t.Errorf("only %d batches were learnt between the kills", learnt)
	}
}

// A file that cannot be written is read, and says so; where there is none and
// none can be made, the message says what to do.
func TestLocalReadOnly(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		readOnly(t, dir)
		return
	}
	// root may write everywhere: let somebody else try.
	binary := filepath.Join(dir, "kb.test")
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o755), os.Chown(home, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	c := other(t, "read only", home, 0)
	c.Path, c.Dir = binary, home
	c.Env = append(c.Env, "TMPDIR="+home)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// readOnly tries it in a directory of this user, who is not root.
func readOnly(t *testing.T, home string) {
	ctx := context.Background()
	docs := documents(public, 100, world(t)...)
	for _, test := range []struct {
		name      string
		file, dir os.FileMode
		log       bool // somebody has the file open and has just learnt
	}{
		{"file", 0o400, 0o700, false},
		{"directory", 0o600, 0o500, false},
		{"both", 0o400, 0o500, false},
		{"both, with a log", 0o400, 0o500, true},
	} {
		dir := filepath.Join(home, test.name)
		file := filepath.Join(dir, "local.db")
		writer, err := OpenLocal(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Learn(ctx, docs); err != nil {
			t.Fatal(err)
		}
		if !test.log {
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			defer writer.Close()
		}
		if err := errors.Join(os.Chmod(file, test.file), os.Chmod(dir, test.dir)); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o700) // so that it can be removed
		l, err := OpenLocal(ctx, file)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		info, err := l.Info(ctx)
		if err != nil || !info.ReadOnly || len(info.Indexes) != 1 || info.Indexes[0].Listings != 3 {
			t.Errorf("%s: %+v, %v", test.name, info, err)
		}
		if err := askLocal(ctx, l); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		_, forget := l.Forget(ctx, []py.Name{"demo"})
		for _, err := range []error{l.Learn(ctx, docs), forget} {
			if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "choose a file that can be written") {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	bare := filepath.Join(home, "bare")
	if err := os.Mkdir(bare, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(bare, "local.db"), filepath.Join(bare, "deep", "local.db")} {
		_, err := OpenLocal(ctx, file)
		if err == nil || !strings.Contains(err.Error(), "choose a place that can be written") || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
