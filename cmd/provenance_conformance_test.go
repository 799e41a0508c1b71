package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/lockfile/provenance"
)

// redacted is what uv's own tests write in the place of the last number of some
// versions. It is no version, and a lock that has it cannot be installed: a
// finding of it is right.
const redacted = ".[X]"

// lockIndex serves, on the loopback interface, the listings of an index that has
// what locks name, and nothing else.
func lockIndex(t testing.TB, locks ...*lockfile.Locked) *httptest.Server {
	t.Helper()
	files := map[py.Name]map[string]map[string]any{}
	for _, l := range locks {
		for _, r := range l.Releases {
			for _, f := range r.Files {
				if r.Index == "" || len(f.Hashes) == 0 {
					continue
				}
				if files[r.Name] == nil {
					files[r.Name] = map[string]map[string]any{}
				}
				files[r.Name][f.Filename] = map[string]any{
					"filename": f.Filename, "url": f.URL, "hashes": map[string]string{"sha256": strings.TrimPrefix(f.Hashes[0], "sha256:")},
					"upload-time": time.Unix(f.Uploaded, 0).UTC().Format(time.RFC3339),
				}
			}
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := py.Name(strings.Trim(strings.TrimPrefix(r.URL.Path, "/simple"), "/"))
		of, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		list := []any{}
		for _, f := range of {
			list = append(list, f)
		}
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": name, "files": list})
	}))
	t.Cleanup(server.Close)
	return server
}

// onLoopback are projects whose indexes are replaced by one on the loopback
// interface, which has what their locks name.
func onLoopback(t testing.TB, published map[string]lockedProject) (projects map[string]lockedProject, index string) {
	t.Helper()
	var locks []*lockfile.Locked
	for _, p := range published {
		l, err := lockfile.ReadLocked(fstest.MapFS{"uv.lock": {Data: []byte(p.lock)}}, "uv.lock")
		if err != nil {
			t.Fatal(err)
		}
		locks = append(locks, l)
	}
	index = lockIndex(t, locks...).URL + "/simple"
	var pairs []string
	for _, l := range locks {
		for _, s := range l.Sources {
			pairs = append(pairs, `"`+s.URL+`"`, `"`+index+`"`)
		}
	}
	replace := strings.NewReplacer(pairs...).Replace
	projects = map[string]lockedProject{}
	for name, p := range published {
		projects[name] = lockedProject{replace(p.manifest), replace(p.lock)}
	}
	return projects, index
}

// TestConformanceProvenanceEcosystem checks real locks: against the embedded
// knowledge base as far as it knows them, and against an index that has all that
// they name. Nothing is wrong with them.
func TestConformanceProvenanceEcosystem(t *testing.T) {
	projects := ecosystem(t)
	online, index := onLoopback(t, projects)
	popular := kbtest.Shared(t, "popular.tsv")
	releases, known := 0, 0
	for _, name := range slices.Sorted(maps.Keys(projects)) {
		env, stdout, stderr := testEnv(t, map[string]string{
			"uv.lock": projects[name].lock, "pyproject.toml": projects[name].manifest,
			"online/uv.lock": online[name].lock, "online/pyproject.toml": online[name].manifest,
		})
		for _, args := range [][]string{
			{"uv.lock"}, {"uv.lock", "--popular", popular}, {"online/uv.lock", "--online", "--popular", popular},
		} {
			getenv := env.Getenv
			if len(args) > 3 {
				env.Getenv = func(key string) string {
					if key == "PIP_INDEX_URL" {
						return index
					}
					return getenv(key)
				}
			}
			stdout.Reset()
			stderr.Reset()
			if exit := Main(context.Background(), env, append([]string{"provenance-check", "--json", "--fail-on", "off"}, args...)); exit != exitOK {
				t.Fatalf("%s: exit status %d\n%s", name, exit, stderr)
			}
			var d provenanceDocument
			if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
				t.Fatal(err)
			}
			for _, f := range d.Checked[0].Findings {
				if f.Check != provenance.NotPinned || !strings.HasSuffix(f.Version, redacted) {
					t.Errorf("%s %v: %+v", name, args, f)
				}
			}
			for _, u := range d.Checked[0].Unchecked {
				if len(args) > 3 && u.What != "attestation" {
					t.Errorf("%s online: not checked: %+v", name, u)
				}
			}
			if len(args) == 1 {
				releases, known = releases+d.Checked[0].Counts.Releases, known+d.Checked[0].Counts.Known
			}
			env.Getenv = getenv
		}
	}
	t.Logf("%d releases, the embedded knowledge base knows %d", releases, known)
}

// A mutation changes one thing of a lock.
type mutation struct {
	what    string
	pattern *regexp.Regexp // the text to be changed is its first group
	letters string         // of which one is replaced by another
}

var mutations = []mutation{
	{"hash", regexp.MustCompile(`hash = "sha256:([0-9a-f]{64})"`), "0123456789abcdef"},
	{"version", regexp.MustCompile(`(?m)^version = "([0-9][^"]*)"\nsource = \{ registry`), "0123456789"},
	{"index", regexp.MustCompile(`(?m)^source = \{ registry = "https?://([^"]*)" \}$`), "abcdefghijklmnopqrstuvwxyz0123456789"},
	{"name", regexp.MustCompile(`(?m)^name = "([^"]*)"\nversion = "[0-9][^"]*"\nsource = \{ registry`), "abcdefghijklmnopqrstuvwxyz0123456789"},
}

// mutate changes one letter of one such thing.
func (m mutation) mutate(text string, r *rand.Rand) string {
	all := m.pattern.FindAllStringSubmatchIndex(text, -1)
	at := all[r.IntN(len(all))]
	for {
		i := at[2] + r.IntN(at[3]-at[2])
		to := m.letters[r.IntN(len(m.letters))]
		if strings.IndexByte(m.letters, text[i]) >= 0 && text[i] != to {
			return text[:i] + string(to) + text[i+1:]
		}
	}
}

// TestConformanceProvenanceMutations changes 200 random things of real locks, one
// at a time: a digit of a hash or version, a letter of an index or name. Each is
// found.
func TestConformanceProvenanceMutations(t *testing.T) {
	projects := ecosystem(t)
	names := slices.Sorted(maps.Keys(projects))
	slices.SortStableFunc(names, func(a, b string) int { return len(projects[a].lock) - len(projects[b].lock) })
	names = names[:min(5, len(names))] // the smallest, which take the least time
	maps.DeleteFunc(projects, func(name string, _ lockedProject) bool { return !slices.Contains(names, name) })
	projects, index := onLoopback(t, projects)
	ctx := context.Background()
	r := rand.New(rand.NewPCG(200, 1))
	found, checks := map[string]int{}, map[string]int{}
	for n, name := range names {
		env, _, stderr := testEnv(t, map[string]string{"uv.lock": projects[name].lock, "pyproject.toml": projects[name].manifest})
		getenv := env.Getenv
		env.Getenv = func(key string) string {
			if key == "PIP_INDEX_URL" {
				return index
			}
			return getenv(key)
		}
		if exit := Main(ctx, env, []string{"provenance-check", "--online"}); exit != exitOK { // learns what the index has
			t.Fatalf("%s: exit status %d\n%s", name, exit, stderr)
		}
		path := filepath.Join(env.Dir, "uv.lock")
		k, err := openKnowledge(ctx, env, "", &lockfile.Manifest{}, onlineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 / len(names) {
			m := mutations[(n+i)%len(mutations)]
			changed := m.mutate(projects[name].lock, r)
			if err := os.WriteFile(path, []byte(changed), 0o666); err != nil {
				t.Fatal(err)
			}
			s, err := newSubject(env, path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := s.check(ctx, env, k, provenanceOptions{attestations: "none"})
			if err != nil {
				t.Fatal(err)
			}
			if c.report.Worst() < provenance.Error {
				t.Errorf("%s: a changed %s is not found: %s", name, m.what, firstDifference(projects[name].lock, changed))
				continue
			}
			found[m.what]++
			checks[c.report.Findings[0].Check]++
		}
		k.close()
	}
	t.Logf("found %v by %v", found, checks)
}

func firstDifference(a, b string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%q, was %q", b[max(0, i-60):min(len(b), i+20)], a[max(0, i-60):min(len(a), i+20)])
		}
	}
	return ""
}
