package ingest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
)

func TestReadPopular(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []kb.Popular
		err        string
	}{
		{"plain", "# most downloaded\nboto3\n\nTyping_Extensions\n", []kb.Popular{{Project: "boto3", Rank: 1}, {Project: "typing-extensions", Rank: 2}}, ""},
		{"ranks", "3\tboto3\t99\r\n1\tsix\n", []kb.Popular{{Project: "boto3", Rank: 3}, {Project: "six", Rank: 1}}, ""},
		{"twice", "1\tA.b\n2\ta_b\n", []kb.Popular{{Project: "a-b", Rank: 1}}, ""},
		{"twice, the better last", "5\tA.b\n2\ta_b\n", []kb.Popular{{Project: "a-b", Rank: 2}}, ""},
		{"no rank", "one\tboto3\n", nil, `line 1: "one" is no rank`},
		{"rank 0", "six\n0\tboto3\n", nil, `line 2: "0" is no rank`},
		{"no name", "boto3\n-\n", nil, "line 2"},
		{"nothing", "#\n\n", nil, "there are none"},
		{"a long line", "six\n" + strings.Repeat("a", maxPopularLine+1), nil, "line 2: more than"},
		{"a long name", strings.Repeat("a", 300), nil, "more than 255 bytes"},
	} {
		got, err := ReadPopular(strings.NewReader(test.text))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.name, err, test.err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got:\n%s", test.name, err, diff)
		}
	}
}

func FuzzReadPopular(f *testing.F) {
	f.Add("1\tboto3\n2\tsix\n")
	f.Add("# x\nboto3\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadPopular(strings.NewReader(text))
		if err == nil && len(list) == 0 {
			t.Error("nothing, and no error")
		}
		for _, p := range list {
			if p.Rank < 1 || p.Project == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}

func TestDecodeProvenance(t *testing.T) {
	got, err := DecodeProvenance([]byte(`{"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub", "repository": "a/b", "workflow": "c.yml"}, "attestations": [{}, {}]}]}`))
	want := []Publisher{{Kind: "GitHub", Repository: "a/b", Workflow: "c.yml", Attestations: 2}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	for text, want := range map[string]string{
		`{`:              "unexpected end",
		`{}`:             "version",
		`{"version": 2}`: "version",
		`{"version": 1}`: "0 bundles",
		`{"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub"}, "attestations": []}]}`:   "without",
		`{"version": 1, "attestation_bundles": [{"publisher": {"kind": ""}, "attestations": [1]}]}`:        "without",
		`{"version": 1, "attestation_bundles": [{"publisher": {"kind": "a\u0007"}, "attestations": [1]}]}`: "control",
		`{"version": 1, "attestation_bundles": [` + strings.Repeat(`{},`, maxBundles) + `{}]}`:             "101 bundles",
		strings.Repeat(" ", maxProvenance+1): "larger",
	} {
		if got, err := DecodeProvenance([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, %v, want %q", text, got, err, want)
		}
	}
}

// TestConformanceProvenance reads every provenance object of the third-party
// data: as many bundles and attestations as the document has.
func TestConformanceProvenance(t *testing.T) {
	for _, file := range kbtest.Glob(t, "attestations/*.provenance") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Bundles []struct {
				Publisher    struct{ Kind, Repository string }
				Attestations []any
			} `json:"attestation_bundles"`
		}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		got, err := DecodeProvenance(text)
		if err != nil || len(got) != len(d.Bundles) || len(got) == 0 {
			t.Fatalf("%s: %+v, %v", file, got, err)
		}
		for i, b := range d.Bundles {
			if got[i].Kind != b.Publisher.Kind || got[i].Repository != b.Publisher.Repository || got[i].Attestations != len(b.Attestations) {
				t.Errorf("%s: bundle %d is %+v", file, i, got[i])
			}
		}
	}
}

func FuzzDecodeProvenance(f *testing.F) {
	f.Add([]byte(`{"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub", "repository": "a/b", "workflow": "c.yml"}, "attestations": [{}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := DecodeProvenance(text)
		if (err == nil) != (len(list) > 0) {
			t.Errorf("%v, %v", list, err)
		}
	})
}
