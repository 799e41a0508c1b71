package solvertest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// WriteIndex writes an index of distributions: dir/simple/NAME.json are its
// listings (PEP 691) and dir/files what they name, wheels with their metadata
// beside them.
func WriteIndex(dir string, dists ...Dist) error {
	type file struct {
		Filename string            `json:"filename"`
		URL      string            `json:"url"`
		Hashes   map[string]string `json:"hashes"`
		Size     int               `json:"size"`
		Python   string            `json:"requires-python,omitempty"`
		Uploaded string            `json:"upload-time"`
		Metadata bool              `json:"core-metadata,omitempty"`
	}
	listings := map[string][]file{}
	for _, sub := range []string{"simple", "files"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for _, d := range dists {
		name, text := d.Wheel()
		if d.Source {
			name, text = d.Sdist()
		} else if err := os.WriteFile(filepath.Join(dir, "files", name+".metadata"), []byte(d.Metadata()), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "files", name), text, 0o644); err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		project := strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(d.Name))
		uploaded := d.Uploaded
		if uploaded == "" {
			uploaded = "2020-01-01T00:00:00Z"
		}
		listings[project] = append(listings[project], file{
			name, "../../files/" + name, map[string]string{"sha256": hex.EncodeToString(sum[:])}, len(text), d.Python, uploaded, !d.Source,
		})
	}
	for project, files := range listings {
		text, err := json.Marshal(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": project, "files": files})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "simple", project+".json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ReadDists reads distributions that are written as folders: NAME-VERSION is a
// wheel and NAME-VERSION.sdist a source distribution of the files in it. A file
// requires.txt has its requirements, a line each, and python.txt its
// Requires-Python, metadata.txt its Metadata-Version.
func ReadDists(dir string) ([]Dist, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Dist
	for _, e := range entries {
		stem, source := strings.CutSuffix(e.Name(), ".sdist")
		at := strings.LastIndex(stem, "-")
		if !e.IsDir() || at < 0 {
			return nil, fmt.Errorf("%s is not NAME-VERSION", e.Name())
		}
		d := Dist{Name: stem[:at], Version: stem[at+1:], Files: map[string]string{}, Source: source}
		files := os.DirFS(filepath.Join(dir, e.Name()))
		err := fs.WalkDir(files, ".", func(p string, x fs.DirEntry, err error) error {
			if err != nil || x.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, p)
			d.Files[path.Clean(p)] = string(text)
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for line := range strings.Lines(d.Files["requires.txt"]) {
			d.Requires = append(d.Requires, strings.TrimSpace(line))
		}
		d.Python, d.Core = strings.TrimSpace(d.Files["python.txt"]), strings.TrimSpace(d.Files["metadata.txt"])
		delete(d.Files, "metadata.txt")
		delete(d.Files, "requires.txt")
		delete(d.Files, "python.txt")
		out = append(out, d)
	}
	return out, nil
}
