package prescription

import (
	"io/fs"
	"testing/fstest"
)

// oneFile is a tree of one file.
type oneFile struct {
	name string
	text []byte
}

func (f oneFile) tree() fs.FS { return fstest.MapFS{f.name: {Data: f.text}} }
