package py

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/thamos/thamos/kb/kbtest"
)

// A vector is one recorded answer of the reference implementation: what it was
// asked and what it said. The shape of both depends on the kind.
type vector struct {
	In  json.RawMessage `json:"in"`
	Out json.RawMessage `json:"out"`

	line int // in its file, from 1
}

// decode reads the question and the answer into in and out.
func (v vector) decode(t *testing.T, in, out any) {
	t.Helper()
	if err := json.Unmarshal(v.In, in); err != nil {
		t.Fatalf("line %d: in %s: %v", v.line, v.In, err)
	}
	if err := json.Unmarshal(v.Out, out); err != nil {
		t.Fatalf("line %d: out %s: %v", v.line, v.Out, err)
	}
}

// readVectors returns the recorded answers of one kind, in the order of the
// file. It skips the test where the data are absent.
func readVectors(t *testing.T, kind string) []vector {
	t.Helper()
	file := kbtest.Shared(t, "vectors", kind+".jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1) // a line may be as long as the file
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		v := vector{line: n}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s:%d: %v", file, n, err)
		}
		vs = append(vs, v)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(vs) == 0 {
		t.Fatalf("%s holds no vectors", file)
	}
	return vs
}
