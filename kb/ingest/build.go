package ingest

import (
	"context"
	"io/fs"

	"github.com/thamos/thamos/kb"
)

// BuildDirectory makes a snapshot at path of an index that was saved as files
// (see Directory). Of info it takes Built, Origin and Sources. With
// filesOfKnownOnly it leaves out the files of releases whose metadata is not
// there. The same files and info give the same bytes.
func BuildDirectory(ctx context.Context, fsys fs.FS, path string, info kb.Info, filesOfKnownOnly bool) (kb.Info, Report, error) {
	w, err := kb.Create(path)
	if err != nil {
		return kb.Info{}, Report{}, err
	}
	w.FilesOfKnownOnly = filesOfKnownOnly
	report, err := Directory(ctx, fsys, w.Add)
	if err != nil {
		return kb.Info{}, report, err
	}
	info, err = w.Finish(info)
	return info, report, err
}
