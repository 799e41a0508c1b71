package ingest

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// maxLinkFiles bounds a directory of wheels.
const maxLinkFiles = 100_000

// A linkDir is a directory of wheels and sdists (pip's --find-links), read as
// an index whose files have file URLs. Folders in it are not looked at.
type linkDir struct {
	dir    string
	origin string

	read  sync.Once
	files map[py.Name][]fs.FileInfo
	err   error
}

func newLinkDir(dir string) (*linkDir, error) {
	if path, ok := strings.CutPrefix(dir, "file://"); ok {
		p, err := url.PathUnescape(path)
		if err != nil {
			return nil, fmt.Errorf("find-links %s: not a file URL", dir)
		}
		dir = filepath.FromSlash(p)
	}
	if strings.Contains(dir, "://") {
		return nil, fmt.Errorf("find-links %s: only directories, and pages on http and https, can be read", Redact(dir))
	}
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("find-links %s: not an absolute path", dir)
	}
	dir = filepath.Clean(dir)
	return &linkDir{dir: dir, origin: fileURL(dir)}, nil
}

// fileURL returns the URL of a file or directory.
func fileURL(name string) string {
	slashed := filepath.ToSlash(name)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive of Windows
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

// scan reads the directory, once a run.
func (l *linkDir) scan() error {
	l.read.Do(func() {
		entries, err := os.ReadDir(l.dir)
		if err != nil {
			l.err = fmt.Errorf("find-links: %w", err)
			return
		}
		if len(entries) > maxLinkFiles {
			l.err = fmt.Errorf("find-links %s: more than %d entries", l.dir, maxLinkFiles)
			return
		}
		l.files = map[py.Name][]fs.FileInfo{}
		for _, e := range entries {
			name, ok := projectOf(e.Name())
			if !ok {
				continue
			}
			info, err := os.Stat(filepath.Join(l.dir, e.Name())) // through links: caches are made of them
			if err == nil && info.Mode().IsRegular() {
				l.files[name] = append(l.files[name], info)
			}
		}
	})
	return l.err
}

// list makes the listing of a project. Files that have the name, size and time
// of those of a known listing are not hashed again.
func (l *linkDir) list(name py.Name, known *kb.Document) (Listed, error) {
	if err := l.scan(); err != nil {
		return Listed{}, err
	}
	files := l.files[name]
	if len(files) == 0 {
		return Listed{}, fmt.Errorf("find-links %s: %w", l.dir, ErrAbsent)
	}
	fingerprint := sha256.New()
	for _, f := range files {
		fmt.Fprintf(fingerprint, "%s %d %d\n", f.Name(), f.Size(), f.ModTime().UnixNano())
	}
	listed := Listed{Validators: Validators{ETag: hex.EncodeToString(fingerprint.Sum(nil))}}
	if known != nil && known.Kind == kb.KindListing && known.Listing != nil && known.ETag == listed.Validators.ETag {
		listed.NotModified = true
		return listed, nil
	}
	listed.Page = Page{Listing: kb.Listing{Name: name}, Announced: map[string]string{}}
	for _, f := range files {
		path := filepath.Join(l.dir, f.Name())
		sum, err := hashFile(path)
		if err != nil {
			return Listed{}, fmt.Errorf("find-links: %w", err)
		}
		listed.Page.Listing.Files = append(listed.Page.Listing.Files, py.File{
			Filename: f.Name(),
			Size:     f.Size(),
			SHA256:   sum,
			URL:      fileURL(path),
		})
	}
	return listed, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// metadata reads METADATA out of a wheel of the directory.
func (l *linkDir) metadata(f RemoteFile) (py.Metadata, []byte, error) {
	fail := func(err error) (py.Metadata, []byte, error) {
		return py.Metadata{}, nil, fmt.Errorf("%q: %w", f.Filename, err)
	}
	wheel, err := py.ParseWheelName(f.Filename)
	if err != nil {
		return fail(&badMetadata{errNoWheel})
	}
	file, err := os.Open(filepath.Join(l.dir, filepath.Base(f.Filename)))
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fail(err)
	}
	archive, err := zip.NewReader(file, info.Size())
	if err != nil {
		return fail(&badMetadata{fmt.Errorf("not a zip file: %w", err)})
	}
	text, err := metadataText(archive, wheel.Name)
	if err != nil {
		return fail(&badMetadata{err})
	}
	m, err := f.check(text)
	if err != nil {
		return fail(err)
	}
	return m, text, nil
}
