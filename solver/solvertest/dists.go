package solvertest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Dist is a distribution to be made. Files are its texts by path: of a wheel
// what is installed, of a source distribution what lies beside PKG-INFO.
type Dist struct {
	Name, Version string
	Requires      []string // Requires-Dist
	Python        string   // Requires-Python
	Files         map[string]string
	Tags          string // of a wheel; empty is py3-none-any
	Source        bool   // it is a source distribution
	Uploaded      string // RFC 3339, for an index
	Core          string // Metadata-Version; empty is 2.1
}

// Metadata is the text of METADATA and PKG-INFO.
func (d Dist) Metadata() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: %s\nName: %s\nVersion: %s\n", cmp.Or(d.Core, "2.1"), d.Name, d.Version)
	if d.Python != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", d.Python)
	}
	for _, r := range d.Requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	return b.String()
}

func (d Dist) stem() string { return strings.ReplaceAll(d.Name, "-", "_") + "-" + d.Version }

// Wheel makes a wheel: its file name and its bytes.
func (d Dist) Wheel() (string, []byte) {
	tags := d.Tags
	if tags == "" {
		tags = "py3-none-any"
	}
	info := d.stem() + ".dist-info/"
	files := maps.Clone(d.Files)
	if files == nil {
		files = map[string]string{}
	}
	files[info+"METADATA"] = d.Metadata()
	files[info+"WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: " + tags + "\n"
	var record strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256([]byte(files[name]))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(files[name]))
	}
	record.WriteString(info + "RECORD,,\n")
	files[info+"RECORD"] = record.String()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return d.stem() + "-" + tags + ".whl", out.Bytes()
}

// Sdist makes a source distribution. Without a setup.py of its own it has one
// that names the packages at its top.
func (d Dist) Sdist() (string, []byte) {
	files := maps.Clone(d.Files)
	if files == nil {
		files = map[string]string{}
	}
	files["PKG-INFO"] = d.Metadata()
	if files["setup.py"] == "" {
		files["setup.py"] = d.SetupPy("")
	}
	var headers []tar.Header
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		headers = append(headers, tar.Header{Name: d.stem() + "/" + name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		texts = append(texts, files[name])
	}
	return d.stem() + ".tar.gz", Tar(headers, texts)
}

// SetupPy is a setup.py that first runs code.
func (d Dist) SetupPy(code string) string {
	var packages, modules []string
	for _, name := range slices.Sorted(maps.Keys(d.Files)) {
		if p, ok := strings.CutSuffix(name, "/__init__.py"); ok {
			packages = append(packages, fmt.Sprintf("%q", strings.ReplaceAll(p, "/", ".")))
		} else if m, ok := strings.CutSuffix(name, ".py"); ok && !strings.Contains(m, "/") && m != "setup" {
			modules = append(modules, fmt.Sprintf("%q", m))
		}
	}
	requires := make([]string, len(d.Requires))
	for i, r := range d.Requires {
		requires[i] = fmt.Sprintf("%q", r)
	}
	return fmt.Sprintf("%s\nfrom setuptools import setup\nsetup(name=%q, version=%q, packages=[%s], py_modules=[%s], install_requires=[%s])\n",
		code, d.Name, d.Version, strings.Join(packages, ", "), strings.Join(modules, ", "), strings.Join(requires, ", "))
}

// Tar makes a .tar.gz of headers, with a text for each.
func Tar(headers []tar.Header, texts []string) []byte {
	var out bytes.Buffer
	g := gzip.NewWriter(&out)
	t := tar.NewWriter(g)
	for i := range headers {
		err := t.WriteHeader(&headers[i])
		if err == nil && headers[i].Typeflag == tar.TypeReg {
			_, err = t.Write([]byte(texts[i]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := t.Close(); err != nil {
		panic(err)
	}
	if err := g.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
