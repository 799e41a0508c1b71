package py

import (
	"encoding/json"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/kbtest"
)

type parsed struct {
	OK  bool
	Str string
}

func TestConformanceVectorsRequirement(t *testing.T) {
	for _, vec := range readVectors(t, "requirement") {
		var in string
		var want, got parsed
		vec.decode(t, &in, &want)
		r, err := ParseRequirement(in)
		if err == nil {
			got = parsed{true, r.String()}
		}
		if got != want {
			t.Errorf("line %d: ParseRequirement(%q) = %+v, %v, want %+v", vec.line, in, got, err, want)
		}
	}
}

func TestConformanceVectorsMarker(t *testing.T) {
	for _, vec := range readVectors(t, "marker") {
		var in string
		var want, got parsed
		vec.decode(t, &in, &want)
		m, err := ParseMarker(in)
		if err == nil {
			got = parsed{true, m.String()}
		}
		if got != want {
			t.Errorf("line %d: ParseMarker(%q) = %+v, %v, want %+v", vec.line, in, got, err, want)
		}
	}
}

// The recorded environments say what no Environment can (os_name "foo"), so
// these tests reach for what Evaluate makes of one.
func TestConformanceVectorsEvaluate(t *testing.T) {
	env := linux312(t)
	for _, vec := range readVectors(t, "evaluate") {
		var text, context string
		var overrides map[string]json.RawMessage
		var want, got struct{ OK, Val bool }
		vec.decode(t, &[]any{&text, &overrides, &context}, &want)

		m, err := ParseMarker(text)
		if err != nil {
			t.Errorf("line %d: %v", vec.line, err)
			continue
		}
		v := env.values()
		lock := context == "lock_file"
		for name, value := range overrides {
			switch name {
			case "extras":
				v.extras, lock = decodeNames(t, value), true
				continue
			case "dependency_groups":
				v.groups, lock = decodeNames(t, value), true
				continue
			case "python_version":
				v.minorLen = 0
			case "python_full_version":
				v.fullKey = ""
			}
			for i, known := range variableNames {
				if known == name && string(value) != "null" {
					if err := json.Unmarshal(value, &v.text[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if full := &v.text[pythonFullVersion]; *full == "3.11.1+" {
			*full += "local" // as cmd/environment has it; ParseVersion refuses the "+"
		}
		if m.m.sets && !lock {
			_, err = m.Evaluate(env, "")
		} else {
			got.Val, err = m.evaluate(&v)
		}
		got.OK = err == nil
		if got != want {
			t.Errorf("line %d: %s with %s, %s: %+v, %v, want %+v", vec.line, text, overrides, context, got, err, want)
		}
	}
}

func decodeNames(t *testing.T, value json.RawMessage) (names []Name) {
	t.Helper()
	if err := json.Unmarshal(value, &names); err != nil {
		t.Fatal(err)
	}
	return names
}

// malformedRequirements are the Requires-Dist of real releases that the
// packaging library refuses as well, by the file they are in. "dev" was a
// version before PEP 440.
var malformedRequirements = map[string]string{
	"metadata/celery/4.3.1": "pytz (>dev)",
	"metadata/celery/4.4.7": "pytz (>dev)",
	"metadata/celery/5.0.5": "pytz (>dev)",
	"metadata/celery/5.1.2": "pytz (>dev)",
}

// TestConformanceMetadata reads every METADATA of a real index.
func TestConformanceMetadata(t *testing.T) {
	archive := kbtest.Zip(t, "pypi.zip")
	files, requirements := 0, 0
	for _, entry := range archive.File {
		if ok, _ := path.Match("metadata/*/*", entry.Name); !ok || entry.FileInfo().IsDir() {
			continue
		}
		files++
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		m, err := ParseMetadata(text)
		if err != nil {
			t.Errorf("%s: %v", entry.Name, err)
			continue
		}
		project, version := path.Split(strings.TrimPrefix(entry.Name, "metadata/"))
		if project != string(NormalizeName(m.Name))+"/" || m.Version.Compare(mustVersion(t, version)) != 0 {
			t.Errorf("%s says that it is %s %s", entry.Name, m.Name, m.Version)
		}
		for _, line := range m.RequiresDist {
			requirements++
			req, err := ParseRequirement(line)
			if err != nil {
				if malformedRequirements[entry.Name] != line {
					t.Errorf("%s: %v", entry.Name, err)
				}
				continue
			}
			again, err := ParseRequirement(req.String())
			if err != nil || again.String() != req.String() {
				t.Errorf("%s: %s prints as %s: %v", entry.Name, line, req, err)
			}
			if _, err := req.Marker.Evaluate(linux312(t), ""); err != nil {
				t.Errorf("%s: %v", entry.Name, err)
			}
		}
	}
	if files == 0 || requirements == 0 {
		t.Errorf("%d files, %d requirements", files, requirements)
	}
	t.Logf("%d files, %d requirements", files, requirements)
}

func linux312(t testing.TB) *Environment {
	t.Helper()
	return &Environment{
		Implementation: "cpython", Python: mustVersion(t, "3.12.4"),
		Platform: Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 36},
	}
}
