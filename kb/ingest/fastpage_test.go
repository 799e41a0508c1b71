package ingest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
)

// sameDocuments fails if the fast decoder, where it does not give up, and
// encoding/json read a text differently.
func sameDocuments(t *testing.T, text []byte) (fast bool) {
	t.Helper()
	got, ok := fastDocument(text)
	if !ok {
		return false
	}
	var want document
	if err := json.Unmarshal(text, &want); err != nil {
		t.Errorf("%.300q\nwas decoded, and encoding/json says: %v", text, err)
		return true
	}
	if len(want.Files) == 0 {
		want.Files, got.Files = nil, nil // an empty list and none are the same here
	}
	if len(want.Versions) == 0 {
		want.Versions, got.Versions = nil, nil
	}
	if len(want.Meta.Tracks) == 0 {
		want.Meta.Tracks, got.Meta.Tracks = nil, nil
	}
	if !reflect.DeepEqual(want, got) {
		diff := cmp.Diff(want, got, cmp.AllowUnexported(document{}, meta{}, status{}, file{}, yanked{}, announcement{}, hashes{}))
		t.Errorf("%.300q\nis not decoded as by encoding/json (-want +got):\n%s", text, diff)
	}
	return true
}

func TestFastDocument(t *testing.T) {
	page := func(entry string) string {
		return `{"meta":{"api-version":"1.1"},"name":"alpha","files":[{"filename":"a.whl",` + entry + `}]}`
	}
	tests := []struct {
		text string
		fast bool
	}{
		{`{}`, true},
		{` { } `, true},
		{page(`"url":"https://x.example/a.whl","hashes":{"sha256":"ab","md5":"cd"},"requires-python":">=3","size":10,"upload-time":"2026-01-01T00:00:00Z","yanked":false`), true},
		{page(`"yanked":"a \"reason\" \\ \/ \b\f\n\r\t \u003e\u00e9 ü"`), true},
		{page(`"yanked":true,"requires-python":null,"size":null,"upload-time":null`), true},
		{page(`"yanked":null,"core-metadata":{"sha256":"ab"},"dist-info-metadata":false`), true},
		{page(`"core-metadata":true,"dist-info-metadata":null`), true},
		{page(`"core-metadata":{"sha256":"` + htmlSum + `"},"provenance":null,"other":[1,{"a":["b",true,false,null,{}]},[]]`), true},
		{`{"meta":{"api-version":"1.4","tracks":["a","b"],"_last-serial":"1","x":1},"project-status":{"status":"archived","reason":"r"},"versions":["1","2"],"alternate-locations":[]}`, true},
		// For encoding/json to judge.
		{page(`"yanked":"\ud83d\ude00"`), false},
		{page(`"yanked":1`), false},
		{page(`"size":1.5`), false},
		{page(`"size":-1`), false},
		{page(`"size":01`), false},
		{page(`"size":99999999999999999999`), false},
		{page(`"size":"1"`), false},
		{page(`"hashes":null`), false},
		{page(`"hashes":{"sha256":1}`), false},
		{page(`"filename":"twice"`), false},
		{page(`"Filename":"case"`), false},
		{page(`"other":1e5`), false},
		{page("\"yanked\":\"\xff\""), false},
		{page("\"yanked\":\"a\nb\""), false},
		{page(`"yanked":"\x"`), false},
		{page(`"yanked":"\u12"`), false},
		{`{"files":null}`, false},
		{`{"versions":[1]}`, false},
		{`[]`, false},
		{``, false},
		{`{`, false},
		{`{"a":1,}`, false},
		{`{"a" 1}`, false},
		{`{"a":1} x`, false},
		{`{"a":"`, false},
		{`{"a":"\`, false},
		{`{"a":` + deep(30) + `}`, false},
	}
	for _, test := range tests {
		if fast := sameDocuments(t, []byte(test.text)); fast != test.fast {
			t.Errorf("%s: fast is %v, want %v", test.text, fast, test.fast)
		}
	}
}

func deep(n int) string {
	if n == 0 {
		return "1"
	}
	return "[" + deep(n-1) + "]"
}

func FuzzFastDocument(f *testing.F) {
	f.Add([]byte(`{"meta":{"api-version":"1.1","tracks":["a"]},"name":"alpha","files":[{"filename":"a.whl","hashes":{"sha256":"ab"},"size":1,"yanked":"x\u00e9","core-metadata":{"sha256":"x"}}],"versions":["1"]}`))
	f.Add([]byte(`{"project-status":{"status":"x","reason":"y"},"other":[1,{"a":null}]}`))
	f.Fuzz(func(t *testing.T, text []byte) { sameDocuments(t, text) })
}

// TestConformanceFastDocument: every page of the real index is decoded fast and
// as encoding/json does.
func TestConformanceFastDocument(t *testing.T) {
	files := kbtest.Zip(t, "pypi.zip")
	projects, err := fs.ReadDir(files, "simple")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range projects {
		text, err := fs.ReadFile(files, path.Join("simple", p.Name(), "index.json"))
		if err != nil {
			continue // the list of projects
		}
		if !sameDocuments(t, text) {
			t.Errorf("%s is not decoded fast", p.Name())
		}
	}
}

func BenchmarkDecodePage(b *testing.B) {
	text := `{"meta":{"api-version":"1.1"},"name":"alpha","files":[`
	for i := range 5000 {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"filename":"alpha-1.%d-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl","hashes":{"sha256":"%s"},"requires-python":">=3.9","size":123456,"upload-time":"2026-01-01T00:00:00.123456Z","url":"https://files.example/packages/ab/cd/%s/alpha-1.%d-cp312-cp312-manylinux_2_17_x86_64.whl","yanked":false,"core-metadata":{"sha256":"%s"}}`,
			i, htmlSum, htmlSum, i, htmlSum)
	}
	text += `]}`
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := DecodePage("alpha", []byte(text), "https://index.example/simple/alpha/"); err != nil {
			b.Fatal(err)
		}
	}
}
