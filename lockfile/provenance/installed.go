package provenance

import (
	"fmt"

	"github.com/thamos/thamos/lockfile"
)

// installed checks the files of an environment against what its installers
// wrote down (PEP 376, 627).
func (r *run) installed(in *lockfile.Installed) {
	for i := range in.Distributions {
		d := &in.Distributions[i]
		e := entryOf(&in.Releases[i])
		r.report.Counts.Files += d.Checked
		by := ""
		if d.Installer != "" {
			by = "installed by " + d.Installer
		}
		if d.NChanged > 0 {
			r.add(FileChanged, e, said(d.NChanged, "file is not what was installed", "files are not what was installed"), append(rest(d.Changed, d.NChanged), by)...)
		}
		if d.NMissing > 0 {
			r.add(FileGone, e, said(d.NMissing, "file is not there", "files are not there"), append(rest(d.Missing, d.NMissing), by)...)
		}
		if d.NWeak > 0 {
			r.add(HashWeak, e, said(d.NWeak, "file is recorded with a hash that can be forged", "files are recorded with a hash that can be forged"), append(rest(d.Weak, d.NWeak), by)...)
		}
		if d.NoRecord {
			r.add(NoRecord, e, "has no RECORD, so nobody can tell whether its files are those that were installed", by)
		}
		if d.NOutside > 0 {
			r.unchecked(e, "file", said(d.NOutside, "file lies outside the environment", "files lie outside the environment"))
		}
	}
	for _, name := range in.Startup {
		r.add(StartupFile, entry{}, fmt.Sprintf("Python runs %s whenever it starts, and no package says it is its", name))
	}
}

// rest are the first of n things and how many more there are.
func rest(first []string, n int) []string {
	out := few(first)
	if more := n - len(first); more > 0 {
		return append(append([]string(nil), first...), fmt.Sprintf("and %d more", more))
	}
	return out
}
