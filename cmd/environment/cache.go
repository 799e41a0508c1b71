package environment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

const (
	cacheFormat  = 1
	cacheEntries = 64        // the interpreters of one user; the one learnt first goes first
	maxCache     = 256 << 10 // bytes
)

// A stamp names one state of one interpreter. When any of it changes, what the
// interpreter said may no longer hold.
type stamp struct {
	Path     string `json:"path"` // links resolved
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds of Unix time
	Libc     string `json:"libc"`     // host.libcStamp
}

// stampOf returns the stamp of the interpreter at path.
func (h host) stampOf(path string) (stamp, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return stamp{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return stamp{}, err
	}
	return stamp{real, info.Size(), info.ModTime().UnixNano(), h.libcStamp()}, nil
}

// A cache keeps facts in a file. It only saves time: a file that cannot be
// read, or not written, is as good as none.
type cache struct {
	file string // empty: no cache
	load func() cacheFile
}

type cacheFile struct {
	Format  int          `json:"format"`
	Entries []cacheEntry `json:"entries"` // newest first
}

type cacheEntry struct {
	stamp
	Facts facts `json:"facts"`
}

// newCache reads the file when it is first asked.
func newCache(file string) *cache {
	return &cache{file, sync.OnceValue(func() cacheFile { return readCache(file) })}
}

// readCache returns what a cache file holds; nothing if it is corrupt or of
// another format.
func readCache(file string) cacheFile {
	if file == "" {
		return cacheFile{}
	}
	var c cacheFile
	if err := json.Unmarshal(readFile(file, maxCache), &c); err != nil || c.Format != cacheFormat {
		return cacheFile{}
	}
	return c
}

// find returns the facts kept for s.
func (c *cache) find(s stamp) (facts, bool) {
	for _, e := range c.load().Entries {
		if e.stamp == s && e.Facts.check() == nil {
			return e.Facts, true
		}
	}
	return facts{}, false
}

// keep adds facts to the file. The file is replaced whole, so that readers and
// other writers never see half of it; of two writers at once one may lose what
// it learnt, which it then learns again.
func (c *cache) keep(s stamp, f facts) {
	if c.file == "" {
		return
	}
	now := readCache(c.file) // another process may have written since load
	now.Format = cacheFormat
	now.Entries = slices.DeleteFunc(now.Entries, func(e cacheEntry) bool { return e.Path == s.Path })
	now.Entries = slices.Insert(now.Entries, 0, cacheEntry{s, f})
	now.Entries = now.Entries[:min(len(now.Entries), cacheEntries)]
	data, err := json.Marshal(now)
	if err != nil || len(data) > maxCache {
		return
	}
	replaceFile(c.file, data)
}

// replaceFile writes data to a new file and renames it to name. It fails in
// silence: see cache.
func replaceFile(name string, data []byte) {
	dir := filepath.Dir(name)
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(name)+".*.tmp")
	if err != nil {
		return
	}
	_, err = tmp.Write(data)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name()) // nothing more can be done about it
	}
}
