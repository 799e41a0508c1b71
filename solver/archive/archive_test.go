package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/thamos/thamos/solver/solvertest"
)

func file(name string, size int) tar.Header {
	return tar.Header{Name: name, Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg}
}

func tarOf(headers ...tar.Header) []byte {
	texts := make([]string, len(headers))
	for i, h := range headers {
		texts[i] = string(make([]byte, h.Size))
	}
	return solvertest.Tar(headers, texts)
}

func zipOf(t testing.TB, change func(*zip.FileHeader), names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range names {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		if change != nil {
			change(h)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte("x"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRead(t *testing.T) {
	d := solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"pyproject.toml": "[build-system]\n", "a/__init__.py": "", "a/b.so": "x"}}
	name, text := d.Sdist()
	l, err := ReadFrom(bytes.NewReader(text), int64(len(text)), name, Limits{})
	if err != nil || l.Texts["a-1/pyproject.toml"] != "[build-system]\n" || l.Texts["a-1/PKG-INFO"] == "" || !l.Native || l.Entries != 5 {
		t.Errorf("%+v, %v", l, err)
	}
	name, text = d.Wheel()
	l, err = ReadFrom(bytes.NewReader(text), int64(len(text)), name, Limits{})
	if err != nil || l.Texts["a-1.dist-info/METADATA"] != d.Metadata() || l.Entries != 6 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestReadRefuses(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	for i := range 3 {
		w, err := z.Create(fmt.Sprint(i))
		if err == nil {
			_, err = w.Write(make([]byte, 30<<20))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	lying := zipOf(t, nil, "a")
	lying[bytes.Index(lying, []byte("PK\x01\x02"))+16]++ // the checksum in the directory
	for _, c := range []struct {
		name, file string
		text       []byte
		limits     Limits
		hostile    bool
	}{
		{"slip", "a.tar.gz", tarOf(file("a/../../x", 1)), Limits{}, true},
		{"absolute", "a.tar.gz", tarOf(file("/etc/passwd", 1)), Limits{}, true},
		{"drive", "a.tar.gz", tarOf(file("C:/x", 1)), Limits{}, true},
		{"backslash", "a.whl", zipOf(t, nil, `..\..\x`), Limits{}, true},
		{"zip slip", "a.whl", zipOf(t, nil, "../x"), Limits{}, true},
		{"link outside", "a.tar.gz", tarOf(tar.Header{Name: "a/l", Linkname: "../../x", Typeflag: tar.TypeSymlink}), Limits{}, true},
		{"absolute link", "a.tar.gz", tarOf(tar.Header{Name: "a/l", Linkname: "/etc", Typeflag: tar.TypeSymlink}), Limits{}, true},
		{"hard link outside", "a.tar.gz", tarOf(tar.Header{Name: "a/l", Linkname: "../x", Typeflag: tar.TypeLink}), Limits{}, true},
		{"through a link", "a.tar.gz", tarOf(tar.Header{Name: "a/l", Linkname: ".", Typeflag: tar.TypeSymlink}, file("a/l/x", 1)), Limits{}, true},
		{"over a link", "a.tar.gz", tarOf(tar.Header{Name: "a/l", Linkname: "x", Typeflag: tar.TypeSymlink}, file("a/l", 1)), Limits{}, true},
		{"device", "a.tar.gz", tarOf(tar.Header{Name: "a/sda", Typeflag: tar.TypeBlock}), Limits{}, true},
		{"fifo", "a.tar.gz", tarOf(tar.Header{Name: "a/f", Typeflag: tar.TypeFifo}), Limits{}, true},
		{"link in a zip", "a.whl", zipOf(t, func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }, "a"), Limits{}, true},
		{"bomb", "a.whl", bomb.Bytes(), Limits{}, true},
		{"tar bomb", "a.tar.gz", tarOf(file("a/0", 40<<20), file("a/1", 40<<20)), Limits{}, true},
		{"entries", "a.whl", zipOf(t, nil, many...), Limits{Entries: 100}, true},
		{"checksum", "a.whl", lying, Limits{}, false},
		{"garbage", "a.whl", []byte("PK"), Limits{}, false},
		{"garbage tar", "a.tar.gz", []byte("\x1f\x8b\x08"), Limits{}, false},
		{"egg", "a.egg", zipOf(t, nil, "a"), Limits{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ReadFrom(bytes.NewReader(c.text), int64(len(c.text)), c.file, c.limits)
			var bad *HostileError
			var broken *BrokenError
			if errors.As(err, &bad) != c.hostile || errors.As(err, &broken) == c.hostile {
				t.Errorf("%+v, %v", l, err)
			}
		})
	}
}

func FuzzReadFrom(f *testing.F) {
	name, text := solvertest.Dist{Name: "a", Version: "1"}.Wheel()
	f.Add(name, text)
	name, text = solvertest.Dist{Name: "a", Version: "1"}.Sdist()
	f.Add(name, text)
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		l, err := ReadFrom(bytes.NewReader(text), int64(len(text)), name, Limits{Entries: 100, Bytes: 1 << 20})
		if err == nil && (l.Entries > 100 || l.Bytes > 1<<20) {
			t.Errorf("%+v", l)
		}
	})
}
