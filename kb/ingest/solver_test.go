package ingest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

const solverText = `{
 "metadata": {"analyzer": "thoth-solver", "datetime": "2021-06-01T10:00:00.123456", "timestamp": 1622541600, "python": {"major": 3, "minor": 8, "micro": 6}},
 "result": {
  "tree": [
   {"package_name": "Flask", "package_version": "1.1.2", "index_url": "https://me:secret@public.example/simple/", "sha256": [],
    "importlib_metadata": {"metadata": {"Name": "Flask", "Version": "1.1.2", "Requires-Python": ">=2.7", "Requires-Dist": ["Werkzeug (>=0.15)", "python-dotenv ; extra == 'dotenv'\nEvil: x"], "Provides-Extra": ["dotenv"]}},
    "dependencies": [{"package_name": "Werkzeug", "specifier": "*"}]},
   {"package_name": "../x", "package_version": "1", "index_url": "https://public.example/simple"},
   {"package_name": "b", "package_version": "1", "index_url": "https://public.example/simple",
    "importlib_metadata": {"metadata": {"Name": "c", "Version": "1"}}}],
  "errors": [
   {"package_name": "a", "package_version": "1.0", "type": "command_error", "details": {"stderr": "  error: command 'gcc' failed with exit status 1", "return_code": 1}},
   {"package_name": "n", "package_version": "1.0", "type": "command_error", "details": {"message": "Command timed out after 600 s", "stderr": ""}}],
  "unresolved": [{"package_name": "u", "version_spec": "==9"}], "unparsed": [],
  "environment": {"python_version": "3.8"}, "platform": "linux-x86_64"}}`

func TestReadSolver(t *testing.T) {
	s, err := ReadSolver(strings.NewReader(solverText))
	if err != nil {
		t.Fatal(err)
	}
	digest := hexSHA256([]byte(solverText))
	var got []string
	for _, o := range s.Observations {
		if o.Document != digest || o.At != 1622541600 || o.Python != "3.8" || o.Platform != "linux_x86_64" || o.Kind != "install" {
			t.Errorf("%+v", o)
		}
		got = append(got, fmt.Sprintf("%s %s %s", o.Packages[0], o.Outcome, o.Class))
	}
	want := []string{"flask==1.1.2 ok ", "b==1 ok ", "a==1.0 failed missing_build_tool", "n==1.0 unknown timeout"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(s.Faults) != 2 || len(s.Documents) != 1 {
		t.Fatalf("%+v, %+v", s.Faults, s.Documents)
	}
	d := s.Documents[0]
	m, err := py.ParseMetadata(d.Metadata)
	if err != nil || d.Index != "https://public.example/simple" || m.RequiresPython != ">=2.7" || len(m.RequiresDist) != 2 || !strings.HasSuffix(m.RequiresDist[1], "Evil: x") {
		t.Errorf("%+v: %+v, %v", d, m, err)
	}
	local, err := kb.OpenLocal(t.Context(), filepath.Join(t.TempDir(), "local.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	digests := map[string]bool{}
	for i := range 3 { // in any order, as often as it comes
		observations := slices.Clone(s.Observations)
		if i == 1 {
			slices.Reverse(observations)
		}
		added, err := local.Observe(t.Context(), observations, nil)
		if err == nil {
			err = local.Learn(t.Context(), s.Documents)
		}
		if want := []int{4, 0, 0}[i]; err != nil || added != want {
			t.Errorf("time %d: %d added, %v, want %d", i, added, err, want)
		}
		info, err := local.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		digests[info.Digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("%d digests", len(digests))
	}
}

func TestReadSolverRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":   "unexpected end",
		"[]": "cannot unmarshal",
		"{}": "no metadata.analyzer",
		`{"metadata": {"analyzer": "x"}, "result": {}}`: "no time",
	} {
		if _, err := ReadSolver(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestFailureClass(t *testing.T) {
	killed := -9
	for _, test := range []struct {
		text string
		code *int
		want string
	}{
		{"ModuleNotFoundError: No module named 'numpy'\nERROR: Command errored out: python setup.py egg_info", nil, "missing_build_module"},
		{"ERROR: No matching distribution found for tensorflow==1.15", nil, "no_compatible_artifact"},
		{"  File \"setup.py\", line 3\n    print 'x'\nSyntaxError: Missing parentheses", nil, "python_version_syntax"},
		{"unable to execute 'gcc': No such file or directory", nil, "missing_build_tool"},
		{"THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", nil, "hash_mismatch"},
		{"ConnectionResetError: Connection reset by peer\nERROR: No matching distribution found for x", nil, "network"},
		{"MemoryError", nil, "oom"},
		{"", &killed, "oom"},
		{"PermissionError: [Errno 13]", nil, "permission"},
		{"ERROR: Failed building wheel for x", nil, "build_backend_error"},
		{"it did not work", nil, "unknown"},
	} {
		if got := failureClass(test.text, test.code); got != test.want {
			t.Errorf("%.40q: %s, want %s", test.text, got, test.want)
		}
	}
}

func FuzzReadSolver(f *testing.F) {
	f.Add(solverText)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadSolver(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, d := range s.Documents {
			if _, err := d.Digest(); err != nil {
				t.Errorf("a document that cannot be kept: %v", err)
			}
		}
		for _, o := range s.Observations {
			if len(o.Packages) != 1 {
				t.Errorf("%+v", o)
			}
		}
	})
}
