package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A loopback is an index on the loopback interface. It serves a file system in
// the layout of pypi.zip, and what is in files/ with ranges. Before it answers
// it asks misbehave, which may have answered itself.
type loopback struct {
	*httptest.Server
	files fs.FS

	mu        sync.Mutex
	misbehave func(w http.ResponseWriter, r *http.Request) (answered bool)
	log       []string // path, and range if any, of each request
	logins    []string // Authorization of each request
}

func newLoopback(t *testing.T, files fs.FS) *loopback {
	t.Helper()
	lb := &loopback{files: files}
	lb.Server = httptest.NewServer(lb)
	t.Cleanup(lb.Close)
	return lb
}

func (lb *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lb.mu.Lock()
	lb.log = append(lb.log, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
	lb.logins = append(lb.logins, r.Header.Get("Authorization"))
	misbehave := lb.misbehave
	lb.mu.Unlock()
	if misbehave != nil && misbehave(w, r) {
		return
	}
	file := strings.TrimPrefix(r.URL.Path, "/")
	switch dir, base := path.Split(file); {
	case strings.HasPrefix(file, "simple/"):
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		file = path.Join(file, "index.json")
	case dir == "files/" && strings.HasSuffix(base, ".whl.metadata"):
		wheel, err := py.ParseWheelName(strings.TrimSuffix(base, ".metadata"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		file = "metadata/" + string(wheel.Name) + "/" + wheel.Version.String()
	}
	text, err := fs.ReadFile(lb.files, file)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

func (lb *loopback) set(misbehave func(w http.ResponseWriter, r *http.Request) bool) {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.misbehave, lb.log, lb.logins = misbehave, nil, nil
}

func (lb *loopback) asked() []string {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return slices.Clone(lb.log)
}

// passwords are the logins that came with requests.
func (lb *loopback) passwords() []string {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(lb.logins), func(login string) bool { return login == "" })
}

// index is the URL of the index, with what stands before the host, if anything.
func (lb *loopback) index(userinfo string) string {
	return strings.Replace(lb.URL, "://", "://"+userinfo, 1) + "/simple"
}

// A universe is a small index: files of the layout of pypi.zip, wheels included.
type universe struct {
	fstest.MapFS
	pages map[string]map[string]any
}

func newUniverse() *universe {
	return &universe{fstest.MapFS{}, map[string]map[string]any{}}
}

// release adds a release with one wheel; requires are its requirement lines.
// Lines that start with "Provides-Extra:" stand for themselves.
func (u *universe) release(name, version string, requires ...string) *universe {
	var meta strings.Builder
	fmt.Fprintf(&meta, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	for _, line := range requires {
		if !strings.HasPrefix(line, "Provides-Extra:") {
			line = "Requires-Dist: " + line
		}
		meta.WriteString(line + "\n")
	}
	filename := fmt.Sprintf("%s-%s-py3-none-any.whl", name, version)
	wheel := wheelBytes(map[string]string{
		name + "/__init__.py": strings.Repeat("x = 1\n", 100),
		fmt.Sprintf("%s-%s.dist-info/METADATA", name, version): meta.String(),
	})
	u.MapFS["files/"+filename] = &fstest.MapFile{Data: wheel}
	u.MapFS["metadata/"+name+"/"+version] = &fstest.MapFile{Data: []byte(meta.String())}
	return u.file(name, map[string]any{"filename": filename, "size": len(wheel), "hashes": map[string]string{"sha256": hexSHA256(wheel)}})
}

// file adds an entry to a project's page; its url is made from its name.
func (u *universe) file(name string, entry map[string]any) *universe {
	page := u.pages[name]
	if page == nil {
		page = map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": name, "files": []map[string]any(nil)}
		u.pages[name] = page
	}
	entry["url"] = "../../files/" + entry["filename"].(string)
	page["files"] = append(page["files"].([]map[string]any), entry)
	text, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	u.MapFS["simple/"+name+"/index.json"] = &fstest.MapFile{Data: text}
	return u
}

// heavy makes the wheel of the release that was added last longer than what is
// read of a wheel at first.
func (u *universe) heavy(name, version string) *universe {
	file := "files/" + name + "-" + version + "-py3-none-any.whl"
	wheel := wheelBytes(map[string]string{
		name + "/__init__.py": noise(2 * firstSpan),
		fmt.Sprintf("%s-%s.dist-info/METADATA", name, version): string(u.MapFS["metadata/"+name+"/"+version].Data),
	})
	u.MapFS[file] = &fstest.MapFile{Data: wheel}
	return u.change(name, func(e map[string]any) {
		e["size"], e["hashes"] = len(wheel), map[string]string{"sha256": hexSHA256(wheel)}
	})
}

// last returns the entry that was added last, to be changed, and rewrites the page.
func (u *universe) change(name string, change func(entry map[string]any)) *universe {
	files := u.pages[name]["files"].([]map[string]any)
	change(files[len(files)-1])
	text, err := json.Marshal(u.pages[name])
	if err != nil {
		panic(err)
	}
	u.MapFS["simple/"+name+"/index.json"] = &fstest.MapFile{Data: text}
	return u
}

// wheelBytes makes a zip of members, METADATA last as in a real wheel.
func wheelBytes(members map[string]string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	names := []string{}
	for name := range members {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(b), path.Base(a)) })
	for _, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(members[name]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// A patience of tests: a clock that sleeping moves on.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return ctx.Err()
}

// client makes a client of an index with a fake clock and a cache in dir.
func client(t *testing.T, index, dir string, change ...func(*ClientOptions)) *Client {
	t.Helper()
	clock := newClock()
	o := ClientOptions{Index: index, Now: clock.Now, Sleep: clock.Sleep, Rand: rand.New(rand.NewPCG(1, 1)), Timeout: 5 * time.Second}
	if dir != "" {
		cache, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		o.Cache = cache
	}
	for _, f := range change {
		f(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	c.probe = time.Minute // however busy the machine
	return c
}

// readLive reads projects and what they need.
func readLive(t *testing.T, o LiveOptions, projects ...string) ([]kb.Listing, LiveReport) {
	t.Helper()
	for _, p := range projects {
		req, err := py.ParseRequirement(p)
		if err != nil {
			t.Fatal(err)
		}
		o.Projects = append(o.Projects, req)
	}
	var all []kb.Listing
	report, err := Live(t.Context(), o, func(l kb.Listing) error {
		all = append(all, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, report
}

// wholeCache fails if a file of a cache is not whole or holds one of secrets.
func wholeCache(t *testing.T, dir string, secrets ...string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) || strings.Contains(name, s) {
				return fmt.Errorf("%s holds %q", name, s)
			}
		}
		header, body, _ := bytes.Cut(text, []byte{'\n'})
		var e entry
		if err := json.Unmarshal(header, &e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if e.SHA256 != hexSHA256(body) {
			return errors.New(name + ": torn")
		}
		return nil
	})
	if err != nil {
		t.Errorf("the cache is not whole: %v", err)
	}
	return files
}

// sameListings compares what was read; versions and such have no exported fields.
func sameListings(t *testing.T, got, want []kb.Listing) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b py.Version) bool { return a.Key() == b.Key() })); diff != "" {
		t.Errorf("listings differ (-want +got):\n%s", diff)
	}
}

func version(t *testing.T, s string) py.Version {
	t.Helper()
	v, err := py.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
