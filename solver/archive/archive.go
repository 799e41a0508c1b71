package archive

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"strings"
)

// Limits bound what an archive may hold. The zero Limits is right for nearly
// every release: the largest wheels of the public index have 20,000 files and
// 5 GB, and need larger ones.
type Limits struct {
	Entries int   // 0 means 40,000
	Bytes   int64 // unpacked; 0 means 2 GiB
	Ratio   int64 // how much larger unpacked than packed, beyond 64 MiB; 0 means 200
}

func (l Limits) full() Limits {
	if l.Entries == 0 {
		l.Entries = 40_000
	}
	if l.Bytes == 0 {
		l.Bytes = 2 << 30
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	return l
}

// small is how much may come out of an archive however small it is.
const small = 64 << 20

// maxText bounds a text that is returned, and maxName a name, in bytes.
const (
	maxText = 1 << 20
	maxName = 4096
)

// A Listing is what an archive holds.
type Listing struct {
	Entries int
	Bytes   int64 // unpacked
	Native  bool  // it holds compiled code for this kind of machine
	Texts   map[string]string
}

// A HostileError says why an archive is refused: it is made to do harm.
type HostileError struct{ Reason string }

func (e *HostileError) Error() string { return e.Reason }

// A BrokenError says that an archive is not what its name says.
type BrokenError struct{ Err error }

func (e *BrokenError) Error() string { return "not a sound archive: " + e.Err.Error() }
func (e *BrokenError) Unwrap() error { return e.Err }

func hostile(format string, args ...any) error { return &HostileError{fmt.Sprintf(format, args...)} }

// Read judges the wheel or source distribution in a file, by its name. The error
// is a *HostileError or *BrokenError for what the archive does wrong; any other
// is one of reading the file.
func Read(file string, l Limits) (*Listing, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return ReadFrom(f, stat.Size(), path.Base(file), l)
}

// ReadFrom is Read of an open file of a size and name.
func ReadFrom(r io.ReaderAt, size int64, name string, l Limits) (*Listing, error) {
	j := &judge{limits: l.full(), packed: size, listing: Listing{Texts: map[string]string{}}, names: map[string]bool{}}
	var err error
	switch {
	case strings.HasSuffix(name, ".whl"), strings.HasSuffix(name, ".zip"):
		err = j.zip(r, size)
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		err = j.tar(io.NewSectionReader(r, 0, size))
	default:
		return nil, &BrokenError{fmt.Errorf("%.80q is neither a wheel nor a source distribution", name)}
	}
	if err != nil {
		return nil, err
	}
	return &j.listing, nil
}

// A judge goes through one archive.
type judge struct {
	limits  Limits
	packed  int64
	listing Listing
	names   map[string]bool // of links, which nothing may go through
}

// entry judges the name of an entry and counts it.
func (j *judge) entry(name string) error {
	if j.listing.Entries++; j.listing.Entries > j.limits.Entries {
		return hostile("it has more than %d entries", j.limits.Entries)
	}
	if len(name) > maxName || strings.ContainsAny(name, "\x00\\") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return hostile("%.80q is no name of a file", name)
	}
	if path.IsAbs(name) || len(name) > 1 && name[1] == ':' {
		return hostile("%.80q is an absolute name", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return hostile("%.80q leaves its place", name)
		}
	}
	for dir := path.Clean(name); dir != "."; dir = path.Dir(dir) {
		if j.names[dir] {
			return hostile("%.80q goes through a link", name)
		}
	}
	return nil
}

// link judges a link: it must stay inside.
func (j *judge) link(name, to string) error {
	if path.IsAbs(to) || strings.HasPrefix(path.Join(path.Dir(path.Clean(name)), to), "..") {
		return hostile("%.80q is a link to %.80q, which is outside", name, to)
	}
	j.names[path.Clean(name)] = true
	return nil
}

// content reads what an entry holds, all of it, and keeps what is asked for.
func (j *judge) content(name string, r io.Reader) (sum uint32, n int64, err error) {
	left := min(j.limits.Bytes, max(small, j.limits.Ratio*j.packed)) - j.listing.Bytes
	h := crc32.NewIEEE()
	var text strings.Builder
	to := io.Writer(h)
	keep := wanted(name)
	if keep {
		to = io.MultiWriter(h, &text)
		left = min(left, maxText)
	}
	n, err = io.Copy(to, io.LimitReader(r, left+1))
	j.listing.Bytes += n
	switch {
	case n > left && keep && left == maxText:
		return 0, n, hostile("%.80q has more than %d bytes", name, maxText)
	case n > left:
		return 0, n, hostile("more than %d bytes come out of %d", j.listing.Bytes-1, j.packed)
	case err != nil:
		return 0, n, &BrokenError{err}
	}
	if keep {
		j.listing.Texts[name] = text.String()
	}
	j.listing.Native = j.listing.Native || strings.HasSuffix(name, ".so") || strings.Contains(path.Base(name), ".so.")
	return h.Sum32(), n, nil
}

// wanted reports whether a text is returned: at the top of a source distribution
// or of a wheel's .dist-info.
func wanted(name string) bool {
	dir, base := path.Split(path.Clean(name))
	if strings.Count(dir, "/") != 1 {
		return false
	}
	switch base {
	case "pyproject.toml", "PKG-INFO", "setup.cfg":
		return !strings.HasSuffix(dir, ".egg-info/")
	case "METADATA", "WHEEL", "top_level.txt":
		return strings.HasSuffix(dir, ".dist-info/")
	}
	return false
}

func (j *judge) zip(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // judged below
		return &BrokenError{err}
	}
	for _, f := range z.File {
		if err := j.entry(f.Name); err != nil {
			return err
		}
		mode := f.Mode()
		if mode.IsDir() {
			continue
		}
		if !mode.IsRegular() {
			return hostile("%.80q is neither a file nor a directory (%v)", f.Name, mode.Type())
		}
		in, err := f.Open()
		if err != nil {
			return &BrokenError{err}
		}
		sum, n, err := j.content(f.Name, in)
		in.Close()
		switch {
		case err != nil:
			return err
		case uint64(n) != f.UncompressedSize64 || sum != f.CRC32: // the reader takes a checksum of 0 for none
			return &BrokenError{fmt.Errorf("%.80q is not what its directory says", f.Name)}
		}
	}
	return nil
}

func (j *judge) tar(r io.Reader) error {
	g, err := gzip.NewReader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return &BrokenError{err}
	}
	// Headers of a tar file are bytes too, and there may be headers only.
	whole := min(j.limits.Bytes, max(small, j.limits.Ratio*j.packed)) + int64(j.limits.Entries)*2048
	bounded := &io.LimitedReader{R: g, N: whole}
	t := tar.NewReader(bounded)
	for {
		h, err := t.Next()
		switch {
		case bounded.N <= 0:
			return hostile("more than %d bytes come out of %d", whole, j.packed)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return &BrokenError{err}
		}
		if err := j.tarEntry(h, t); err != nil {
			return err
		}
	}
}

func (j *judge) tarEntry(h *tar.Header, t *tar.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // a comment, such as git's
	}
	if err := j.entry(h.Name); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg:
		_, _, err := j.content(h.Name, t)
		return err
	case tar.TypeDir:
		return nil
	case tar.TypeSymlink:
		return j.link(h.Name, h.Linkname)
	case tar.TypeLink: // its target is named from the top
		if path.IsAbs(h.Linkname) || strings.HasPrefix(path.Clean(h.Linkname), "..") {
			return hostile("%.80q is a link to %.80q, which is outside", h.Name, h.Linkname)
		}
		return nil
	}
	return hostile("%.80q is neither a file nor a directory (type %q)", h.Name, h.Typeflag)
}
