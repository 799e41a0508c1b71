package ingest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/thamos/thamos/kb/py"
)

// oneWheel is an index with a file alpha-1.0-py3-none-any.whl of any bytes and
// without .metadata.
func oneWheel(t *testing.T, wheel []byte) (*loopback, RemoteFile) {
	const name = "alpha-1.0-py3-none-any.whl"
	lb := newLoopback(t, fstest.MapFS{"files/" + name: {Data: wheel}})
	return lb, RemoteFile{
		File:    py.File{Filename: name, URL: lb.URL + "/files/" + name, Size: int64(len(wheel))},
		Package: py.Package{Name: "alpha", Version: version(t, "1.0")},
	}
}

// wheelText is METADATA of alpha 1.0 with a description of n incompressible bytes.
func wheelText(n int) string {
	return "Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\nRequires-Dist: beta\n\n" + noise(n)
}

// noise is text that does not compress well.
func noise(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(hexSHA256(fmt.Append(nil, i)))
	}
	return b.String()[:n]
}

// TestWheelRanges reads METADATA out of wheels of every shape; it must never
// read much more than directory and METADATA.
func TestWheelRanges(t *testing.T) {
	many := map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(100)}
	for i := range 5000 {
		many[fmt.Sprintf("alpha/%060d.py", i)] = ""
	}
	tests := []struct {
		name     string
		wheel    []byte
		unsized  bool // the listing does not say how long it is
		most     int  // requests for the wheel
		fraction float64
	}{
		{"short", wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0)}), false, 1, 1},
		{"short, size not known", wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0)}), true, 1, 1},
		{"long", wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0), "alpha/z": noise(4 << 20)}), false, 1, 0.02},
		{"long, size not known", wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0), "alpha/z": noise(4 << 20)}), true, 1, 0.02},
		{"METADATA first", wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0), "alpha/A": noise(4 << 20)}), false, 2, 0.04},
		{"long METADATA", wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(400 << 10), "alpha/z": noise(4 << 20)}), false, 4, 0.15},
		{"5,000 members", wheelBytes(many), false, 3, 1},
		{"another spelling and a stranger", wheelBytes(map[string]string{
			"Alpha-1.0.dist-info/METADATA": wheelText(0), "beta-2.dist-info/METADATA": "x", "alpha-1.0.dist-info/x/METADATA": "y",
		}), false, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lb, f := oneWheel(t, test.wheel)
			if test.unsized {
				f.Size = 0
			}
			sent := 0
			lb.set(func(w http.ResponseWriter, r *http.Request) bool {
				var from, to int
				if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err == nil && from >= 0 {
					sent += to - from + 1
				}
				return false
			})
			m, err := client(t, lb.index(""), "").Metadata(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name != "alpha" && m.Name != "Alpha" || len(m.RequiresDist) != 1 {
				t.Errorf("read %+v", m)
			}
			if n := len(lb.asked()) - 1; n > test.most {
				t.Errorf("%d requests, want at most %d: %q", n, test.most, lb.asked())
			}
			if part := float64(sent) / float64(len(test.wheel)); part > test.fraction {
				t.Errorf("read %.3f of the wheel, want at most %.3f", part, test.fraction)
			}
		})
	}
}

// TestWheelFaults: what is wrong with the wheel or the server is said, and nothing is kept.
func TestWheelFaults(t *testing.T) {
	good := wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(2000)})
	long := wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0), "alpha/A": noise(1 << 20)})
	span := func(format string, a ...any) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") == "" {
				return false
			}
			w.Header().Set("Content-Range", fmt.Sprintf(format, a...))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(good)
			return true
		}
	}
	size := len(good)
	tests := []struct {
		name      string
		wheel     []byte
		misbehave func(w http.ResponseWriter, r *http.Request) bool
		change    func(f *RemoteFile)
		want      string // after the wheel's URL
	}{
		{name: "no zip", wheel: []byte(noise(100)), want: "not a zip file: zip: not a valid zip file"},
		{name: "empty", want: "not a zip file: zip: not a valid zip file"},
		{name: "cut", wheel: good[:len(good)-30], want: "not a zip file: zip: not a valid zip file"},
		{name: "no METADATA", wheel: wheelBytes(map[string]string{"alpha/x": "x"}), want: "no METADATA for alpha in it"},
		{name: "of another project", wheel: wheelBytes(map[string]string{"beta-1.0.dist-info/METADATA": "x"}), want: "no METADATA for alpha in it"},
		{name: "two", wheel: wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": "x", "Alpha-1.dist-info/METADATA": "y"}), want: "two METADATA for alpha in it"},
		{name: "not metadata", wheel: wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": "\x00"}), want: "not the metadata of alpha==1.0: "},
		{name: "of another version", wheel: wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: alpha\nVersion: 2\n"}), want: `not the metadata of alpha==1.0: it is the metadata of version "2"`},
		{name: "wrong checksum", wheel: bytes.ReplaceAll(good, crcOf(good), []byte{1, 2, 3, 4}), want: "read its METADATA: zip: checksum error"},
		{name: "no checksum", wheel: withoutChecksum(wheelText(10)), want: "its METADATA does not have the checksum of the zip directory"},
		{name: "damaged", wheel: damage(good, 100), want: "read its METADATA: "},
		{name: "a bomb", wheel: wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": strings.Repeat("x", maxMetadata+1)}), want: "its METADATA is larger than 8388608 bytes"},
		{name: "announced another sha256", wheel: good, change: func(f *RemoteFile) { f.Announced, f.SHA256 = true, strings.Repeat("0", 64) },
			want: "its sha256 is " + hexSHA256([]byte(wheelText(2000))) + ", the index announced " + strings.Repeat("0", 64)},
		{name: "another size than listed", wheel: good, change: func(f *RemoteFile) { f.Size = int64(size - 7) }, want: fmt.Sprintf("has %d bytes, expected %d", size, size-7)},
		{name: "a sdist", wheel: good, change: func(f *RemoteFile) { f.Filename = "alpha-1.0.tar.gz" }, want: "not a wheel, and only of wheels is the metadata read from the file"},
		{name: "whole file for a range, too large", wheel: long, misbehave: rangeless, change: func(f *RemoteFile) { f.Size = 1 << 30 },
			want: "does not serve ranges of files, and the whole wheel is larger than 33554432 bytes"},
		{name: "whole file for a range, damaged", wheel: damage(long, 100), misbehave: rangeless, change: func(f *RemoteFile) { f.File.SHA256 = hexSHA256(long) },
			want: "its sha256 is " + hexSHA256(damage(long, 100)) + ", the index announced " + hexSHA256(long)},
		{name: "range without its place", wheel: good, misbehave: span("bytes */%d", size), want: fmt.Sprintf(`answers a range with Content-Range "bytes */%d"`, size)},
		{name: "another range", wheel: good, misbehave: span("bytes 1-%d/%d", size, size), want: fmt.Sprintf(`answers another range ("bytes 1-%d/%d") than it was asked for`, size, size)},
		{name: "more than a range", wheel: good, misbehave: span("bytes 0-%d/%d", size-2, size-1), want: fmt.Sprintf("has %d bytes, expected %d", size-1, size)},
		{name: "an impossible size", wheel: good, change: func(f *RemoteFile) { f.Size = 0 }, misbehave: span("bytes 0-%d/99999999999999999999", size), want: "answers a range with Content-Range"},
		{name: "a negative size", wheel: good, change: func(f *RemoteFile) { f.Size = 0 }, misbehave: span("bytes 0-%d/-1", size-1), want: "answers another range"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lb, f := oneWheel(t, test.wheel)
			lb.set(test.misbehave)
			if test.change != nil {
				test.change(&f)
			}
			dir := t.TempDir()
			_, err := client(t, lb.index(""), dir).Metadata(t.Context(), f)
			if want := f.URL + ": " + test.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error is\n %v, want\n %s…", err, want)
			}
			if n := wholeCache(t, dir); n != 0 {
				t.Errorf("%d files in the cache", n)
			}
		})
	}
}

// crcOf returns the checksum of the last member as the zip directory has it.
func crcOf(wheel []byte) []byte {
	at := bytes.LastIndex(wheel, []byte("PK\x01\x02"))
	return wheel[at+16 : at+20]
}

// withoutChecksum is a wheel whose METADATA has the checksum 0.
func withoutChecksum(text string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{
		Name: "alpha-1.0.dist-info/METADATA", CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text)),
	})
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

func damage(wheel []byte, at int) []byte {
	wheel = bytes.Clone(wheel)
	for i := range 50 {
		wheel[at+i] ^= 0x55
	}
	return wheel
}

// rangeless serves the whole where a range was asked for.
func rangeless(w http.ResponseWriter, r *http.Request) bool {
	r.Header.Del("Range")
	return false
}

// TestRangelessHost: of a host that serves no ranges wheels are read wholly, up
// to a size, and the next one is not asked for in parts.
func TestRangelessHost(t *testing.T) {
	wheel := wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(0), "alpha/A": noise(1 << 18)})
	lb, f := oneWheel(t, wheel)
	ranges := 0
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			ranges++
		}
		return rangeless(w, r)
	})
	c := client(t, lb.index(""), "")
	for range 3 {
		if m, err := c.Metadata(t.Context(), f); err != nil || m.Name != "alpha" {
			t.Errorf("read %q, %v", m.Name, err)
		}
	}
	if ranges != 1 {
		t.Errorf("asked for %d ranges, want 1", ranges)
	}
	for _, most := range []int64{-1, 1 << 16} {
		for _, size := range []int64{int64(len(wheel)), 0} { // 0: found out on the way
			f.Size = size
			c := client(t, lb.index(""), "", func(o *ClientOptions) { o.MaxWheel = most })
			_, err := c.Metadata(t.Context(), f)
			want := fmt.Sprintf("%s: does not serve ranges of files, and the whole wheel is larger than %d bytes", f.URL, max(most, 0))
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error is\n %v, want\n %s…", err, want)
			}
		}
	}
}

// A spanServer answers every range of one file from memory.
type spanServer []byte

func (s spanServer) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: 404, Header: http.Header{}, Body: http.NoBody, Request: r}
	var from, to int
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil || from < 0 || to >= len(s) || from > to {
		return answer, nil
	}
	answer.StatusCode = 206
	answer.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(s)))
	answer.Body = io.NopCloser(bytes.NewReader(s[from : to+1]))
	return answer, nil
}

// FuzzWheel: no file makes reading it panic, hang or read without bound.
func FuzzWheel(f *testing.F) {
	f.Add(wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(10), "x": "y"}))
	f.Add(wheelBytes(map[string]string{"alpha-1.0.dist-info/METADATA": wheelText(50000)}))
	f.Fuzz(func(t *testing.T, wheel []byte) {
		c := client(t, "https://index.example/simple", "", func(o *ClientOptions) { o.Transport = spanServer(wheel) })
		file := RemoteFile{
			File:    py.File{Filename: "alpha-1.0-py3-none-any.whl", URL: "https://files.example/alpha-1.0-py3-none-any.whl", Size: int64(len(wheel))},
			Package: py.Package{Name: "alpha", Version: version(t, "1.0")},
		}
		m, err := c.Metadata(t.Context(), file)
		if err == nil && py.NormalizeName(m.Name) != "alpha" {
			t.Errorf("read %+v", m)
		}
		if n := c.Requests(); n > maxRequests+1 {
			t.Errorf("%d requests for a file of %d bytes", n, len(wheel))
		}
	})
}
