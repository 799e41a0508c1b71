package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An osvRecord is a record of the OSV schema, version 1, as far as it is used.
// Fields that are not known are skipped: later versions only add some.
type osvRecord struct {
	ID         string         `json:"id" yaml:"id"`
	Modified   string         `json:"modified" yaml:"modified"`
	Published  string         `json:"published" yaml:"published"`
	Withdrawn  string         `json:"withdrawn" yaml:"withdrawn"`
	Aliases    []string       `json:"aliases" yaml:"aliases"`
	Summary    string         `json:"summary" yaml:"summary"`
	Details    string         `json:"details" yaml:"details"`
	Severity   []osvScore     `json:"severity" yaml:"severity"`
	Affected   []osvAffected  `json:"affected" yaml:"affected"`
	References []osvReference `json:"references" yaml:"references"`
	Specific   osvSpecific    `json:"database_specific" yaml:"database_specific"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem" yaml:"ecosystem"`
		Name      string `json:"name" yaml:"name"`
	} `json:"package" yaml:"package"`
	Severity  []osvScore  `json:"severity" yaml:"severity"`
	Ranges    []osvRange  `json:"ranges" yaml:"ranges"`
	Versions  []string    `json:"versions" yaml:"versions"`
	Database  osvSpecific `json:"database_specific" yaml:"database_specific"`
	Ecosystem osvSpecific `json:"ecosystem_specific" yaml:"ecosystem_specific"`
}

type osvScore struct {
	Type  string `json:"type" yaml:"type"`
	Score string `json:"score" yaml:"score"`
}

type osvRange struct {
	Type   string     `json:"type" yaml:"type"`
	Events []osvEvent `json:"events" yaml:"events"`
}

type osvEvent struct {
	Introduced   string `json:"introduced" yaml:"introduced"`
	Fixed        string `json:"fixed" yaml:"fixed"`
	LastAffected string `json:"last_affected" yaml:"last_affected"`
	Limit        string `json:"limit" yaml:"limit"`
}

type osvReference struct {
	Type string `json:"type" yaml:"type"`
	URL  string `json:"url" yaml:"url"`
}

// An osvSpecific is what a database says beyond the schema, in which any shape
// is allowed: what is not as expected is not there.
type osvSpecific struct{ Severity string }

func (s *osvSpecific) UnmarshalJSON(text []byte) error {
	var fields struct {
		Severity json.RawMessage `json:"severity"`
	}
	if json.Unmarshal(text, &fields) == nil && json.Unmarshal(fields.Severity, &s.Severity) != nil {
		s.Severity = ""
	}
	return nil
}

func (s *osvSpecific) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if key, value := node.Content[i], node.Content[i+1]; key.Value == "severity" && value.Kind == yaml.ScalarNode {
			s.Severity = value.Value
		}
	}
	return nil
}

// osvDecoder returns what decodes a file of that name, nil if it is no record.
func osvDecoder(name string) func(text []byte) (record *osvRecord, line int, err error) {
	switch strings.ToLower(path.Ext(name)) {
	case ".json":
		return decodeOSVJSON
	case ".yaml", ".yml":
		return decodeOSVYAML
	}
	return nil
}

// decodeOSVJSON decodes a record, or says in which line it is malformed.
func decodeOSVJSON(text []byte) (*osvRecord, int, error) {
	var record osvRecord
	err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &record)
	if err == nil {
		return &record, 0, nil
	}
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	var offset int64
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &shape):
		offset = shape.Offset
		err = fmt.Errorf("%s is a %s", cmp.Or(shape.Field, "the record"), shape.Value)
	}
	return nil, 1 + bytes.Count(text[:min(offset, int64(len(text)))], []byte("\n")), err
}

// decodeOSVYAML decodes a record, or says in which line it is malformed.
func decodeOSVYAML(text []byte) (record *osvRecord, line int, err error) {
	// The parser has had panics; a record that finds another must not cost all.
	defer func() {
		if p := recover(); p != nil {
			record, line, err = nil, 1, fmt.Errorf("the YAML parser panicked: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err = decoder.Decode(&document); err == nil {
		if line, err = checkYAML(&document); err != nil {
			return nil, line, err
		}
		record = new(osvRecord)
		err = document.Decode(record)
	}
	if err == nil {
		if err = decoder.Decode(new(yaml.Node)); errors.Is(err, io.EOF) {
			return record, 0, nil
		} else if err == nil {
			err = errors.New("more than one document")
		}
	}
	line, err = yamlLine(err)
	return nil, line, err
}

// maxYAMLKeys bounds the keys of one mapping; the schema knows twenty.
const maxYAMLKeys = 256

// checkYAML refuses mappings that are too large or have a key twice. The
// decoder would do the latter, but it compares each key with each and keeps an
// error for every pair: a record of 100 KiB would take all memory.
func checkYAML(node *yaml.Node) (line int, err error) {
	if node.Kind == yaml.MappingNode {
		if len(node.Content) > 2*maxYAMLKeys {
			return node.Line, fmt.Errorf("more than %d keys", maxYAMLKeys)
		}
		seen := make(map[string]bool, len(node.Content)/2)
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind != yaml.ScalarNode {
				return key.Line, errors.New("a key is not a word")
			}
			if seen[key.Value] {
				return key.Line, fmt.Errorf("the key %q is there twice", clip(key.Value))
			}
			seen[key.Value] = true
		}
	}
	for _, child := range node.Content {
		if line, err := checkYAML(child); err != nil {
			return line, err
		}
	}
	return 0, nil
}

var yamlFault = regexp.MustCompile(`(?:yaml: )?line (\d+): (.*)`)

// yamlLine takes the line out of an error of the YAML decoder, which has it in
// its text only.
func yamlLine(err error) (int, error) {
	text := err.Error()
	var shape *yaml.TypeError
	if errors.As(err, &shape) && len(shape.Errors) > 0 {
		text = shape.Errors[0]
	}
	if m := yamlFault.FindStringSubmatch(text); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			return line, errors.New(clip(m[2]))
		}
	}
	return 1, errors.New(clip(strings.TrimPrefix(text, "yaml: ")))
}

// isOSVID reports whether s can be an id: short, and printable without spaces.
func isOSVID(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
