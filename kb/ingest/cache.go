package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// A Cache keeps answers of indexes on disk, one file an answer. It is what
// makes a reading resumable: metadata never changes and is not asked for
// again; of listings the caller says how old they may be.
//
// A file is written whole or not at all and carries the digest of what it
// holds, so processes may share a directory and be killed at any moment: a
// file that is not whole counts as absent. Names and headers of the files hold
// no user, password or query of a URL.
type Cache struct{ dir string }

// OpenCache makes dir, with its parents, where it does not exist.
func OpenCache(dir string) (*Cache, error) {
	if dir == "" {
		return nil, errors.New("the cache needs a directory")
	}
	// 0700: what a private index answers is nobody else's business.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: make: %w", errCache, err)
	}
	return &Cache{dir}, nil
}

// errCache marks failures of the disk, not of an index: reading on would only
// repeat them.
var errCache = errors.New("cache of the index")

// An entry is one answer in the cache. Its JSON is the first line of the file,
// the body follows.
type entry struct {
	URL     string `json:"url"`     // what was asked for, redacted
	Base    string `json:"base"`    // what answered after redirects, redacted
	Type    string `json:"type"`    // media type
	Fetched int64  `json:"fetched"` // Unix seconds
	SHA256  string `json:"sha256"`  // of the body

	body []byte
}

func (e entry) age(now time.Time) time.Duration { return now.Sub(time.Unix(e.Fetched, 0)) }

// path names the file of a URL. The query is part of the key, unreadably, as
// it may tell two answers apart; user and password are not.
func (c *Cache) path(u *url.URL) string {
	key := *u
	key.User, key.Fragment, key.RawFragment = nil, "", ""
	name := hexSHA256([]byte(key.String()))
	return filepath.Join(c.dir, name[:2], name[2:])
}

// get returns what is kept for u; ok is false where there is nothing or
// nothing whole. A nil Cache holds nothing.
func (c *Cache) get(u *url.URL) (e entry, ok bool, err error) {
	if c == nil {
		return entry{}, false, nil
	}
	file, err := os.ReadFile(c.path(u))
	if errors.Is(err, fs.ErrNotExist) {
		return entry{}, false, nil
	}
	if err != nil {
		return entry{}, false, fmt.Errorf("%w: read: %w", errCache, err)
	}
	header, body, found := bytes.Cut(file, []byte{'\n'})
	if !found || json.Unmarshal(header, &e) != nil || e.SHA256 != hexSHA256(body) || e.URL != redact(u) {
		return entry{}, false, nil // torn or foreign: it will be written anew
	}
	e.body = body
	return e, true, nil
}

// put keeps e for u in place of what was kept. A nil Cache forgets it.
func (c *Cache) put(u *url.URL, e entry) error {
	if c == nil {
		return nil
	}
	e.URL, e.SHA256 = redact(u), hexSHA256(e.body)
	header, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("%w: write: %w", errCache, err)
	}
	name := c.path(u)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("%w: write: %w", errCache, err)
	}
	if err := replaceFile(name, header, []byte{'\n'}, e.body); err != nil {
		return fmt.Errorf("%w: write: %w", errCache, err)
	}
	return nil
}

// replaceFile writes parts to a file of its own and renames it to name. It
// does not sync: after a crash of the machine the digest in the header tells.
func replaceFile(name string, parts ...[]byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name()) // best effort: a stray file does no harm
		}
	}()
	for _, part := range parts {
		if _, err = f.Write(part); err != nil {
			f.Close()
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
