package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// osvLimits bound what ReadOSV takes. The largest record that is published has
// about 200 KiB, and all of PyPI's are fewer than a quarter of a million.
type osvLimits struct {
	entries int   // files and directories
	record  int64 // bytes of a record, unpacked
	total   int64 // bytes of all records, unpacked
}

var osvDefault = osvLimits{entries: 2_000_000, record: 1 << 20, total: 4 << 30}

// An OSVReport says what ReadOSV found and what it had to leave out.
type OSVReport struct {
	// Records is how many were read, those that are not used included: Withdrawn
	// are not to be used any more, and Foreign are about no project of PyPI.
	Records, Withdrawn, Foreign int

	// WithdrawnRecords are those that are withdrawn in their latest text, by id.
	WithdrawnRecords []kb.Withdrawn

	// EmptyEvents counts events of ranges that say nothing, Unversioned the
	// listed versions that are none (PEP 440); both were passed over.
	EmptyEvents, Unversioned int

	// Merged is how many records became part of another's advisory, of one
	// project each: as an alias of it, or as an older text of the same record.
	Merged int

	// Faults are the first faults in the order of the files; Dropped counts
	// those after the thousandth.
	Faults  []Fault
	Dropped int
}

// fault notes one fault.
func (r *OSVReport) fault(where, format string, args ...any) {
	if len(r.Faults) == maxFaults {
		r.Dropped++
		return
	}
	r.Faults = append(r.Faults, Fault{where, fmt.Sprintf(format, args...)})
}

// ReadOSV reads every record of the Open Source Vulnerability format in a
// directory or an opened zip: the files *.json, *.yaml and *.yml of all folders
// but hidden ones. It returns the advisories of PyPI's projects, by project and
// id, one for each project and vulnerability.
//
// Records that are aliases of each other, by whatever names they have in
// common, are one advisory of a project: with the ranges of all, the highest
// severity, the earliest publication and the latest change. It has the first id
// by name, as py.Advisory says; of those that describe PyPI's projects that is
// GitHub's, which has most to say (CVE before GHSA before MAL before PYSEC). Of
// two texts of one id the later counts (OSV schema, "id, modified fields").
//
// A version is affected if it is listed or in an ECOSYSTEM range. What is
// malformed costs itself: a record, a range, a severity; it is noted in the
// report, with file and line of a record that cannot be read, and the rest
// counts. It is an error if there are no such files or too many, or if ctx ends.
func ReadOSV(ctx context.Context, fsys fs.FS) ([]py.Advisory, OSVReport, error) {
	return readOSV(ctx, fsys, osvDefault)
}

func readOSV(ctx context.Context, fsys fs.FS, limits osvLimits) ([]py.Advisory, OSVReport, error) {
	r := osvReader{fsys: fsys, limits: limits, texts: map[string]int{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ended := context.Cause(ctx); ended != nil {
			return ended
		}
		return r.visit(name, d, err)
	})
	if err == nil && r.files == 0 {
		err = errors.New("no records (expected are files *.json, *.yaml or *.yml)")
	}
	if err != nil {
		return nil, r.report, fmt.Errorf("read advisories: %w", err)
	}
	return r.advisories(), r.report, nil
}

// An osvReader reads records one by one.
type osvReader struct {
	fsys   fs.FS
	limits osvLimits
	report OSVReport

	entries, files int
	read           int64 // bytes

	records []osvRead
	texts   map[string]int // by id in upper case, into records
}

// visit is what the walk does with an entry.
func (r *osvReader) visit(name string, d fs.DirEntry, err error) error {
	if err != nil && name == "." {
		return err
	} else if err != nil {
		r.report.fault(name, "%v", err)
		return nil
	}
	if r.entries++; r.entries > r.limits.entries {
		return fmt.Errorf("more than %d files and directories", r.limits.entries)
	}
	if d.IsDir() {
		if strings.HasPrefix(path.Base(name), ".") && name != "." {
			return fs.SkipDir // of version control
		}
		return nil
	}
	decode := osvDecoder(name)
	if decode == nil || !d.Type().IsRegular() { // a named pipe would never end
		return nil
	}
	r.files++
	text, err := r.text(name, d)
	if errors.Is(err, errOSVTotal) {
		return err
	} else if err != nil {
		r.report.fault(name, "%v", err)
		return nil
	}
	record, line, err := decode(text)
	if err != nil {
		r.report.fault(fmt.Sprintf("%s:%d", name, line), "%v", err)
		return nil
	}
	r.take(name, record)
	return nil
}

var errOSVTotal = errors.New("the records are too large together")

// text reads one record. What an archive says of its size is not believed, but
// if it is too large already, nothing is unpacked.
func (r *osvReader) text(name string, d fs.DirEntry) ([]byte, error) {
	info, err := d.Info()
	if err != nil {
		return nil, err
	}
	if info.Size() > r.limits.record {
		return nil, fmt.Errorf("%d bytes, the limit is %d", info.Size(), r.limits.record)
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, r.limits.record+1))
	if r.read += int64(len(text)); r.read > r.limits.total {
		return nil, fmt.Errorf("%w: more than %d bytes", errOSVTotal, r.limits.total)
	}
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > r.limits.record {
		return nil, fmt.Errorf("more than %d bytes", r.limits.record)
	}
	return text, nil
}

// An osvRead is what is kept of a record.
type osvRead struct {
	modified  int64
	withdrawn bool
	drafts    []osvDraft // one a project
}

// take keeps a record, unless there is a later text of it.
func (r *osvReader) take(name string, record *osvRecord) {
	if !isOSVID(record.ID) {
		r.report.fault(name, "%q is not an id", clip(record.ID))
		return
	}
	r.report.Records++
	read := osvRead{modified: r.time(name, "modified", record.Modified), withdrawn: record.Withdrawn != ""}
	if !read.withdrawn {
		var foreign bool
		if read.drafts, foreign = r.drafts(name, record, read.modified); foreign {
			r.report.Foreign++
		}
	}
	if read.withdrawn {
		r.report.Withdrawn++
	}
	key := strings.ToUpper(record.ID)
	i, known := r.texts[key]
	if !known {
		r.texts[key] = len(r.records)
		r.records = append(r.records, read)
		return
	}
	old := &r.records[i]
	switch {
	case read.modified > old.modified:
		r.report.Merged += len(old.drafts)
		*old = read
	case read.modified < old.modified:
		r.report.Merged += len(read.drafts)
	case read.withdrawn || old.withdrawn:
		*old = osvRead{modified: old.modified, withdrawn: true}
	default:
		old.drafts = append(old.drafts, read.drafts...) // they will be joined
	}
}
