package ingest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// What a knowledge base keeps of one advisory is bounded; a record beyond that
// costs itself here, and not the writing of all.
const (
	maxOSVVersion  = 512    // bytes
	maxOSVName     = 255    // bytes
	maxOSVAffected = 20_000 // ranges
	maxOSVAliases  = 1_000
	maxOSVYear     = 9999
)

// An osvDraft is what one record says of one project.
type osvDraft struct {
	py.Advisory
	summarised bool // Summary is the record's own, not made of its details
	official   bool // Link is to an advisory
}

// drafts makes of a record one advisory for each project of PyPI. Foreign
// reports that it names none.
func (r *osvReader) drafts(name string, record *osvRecord, modified int64) (drafts []osvDraft, foreign bool) {
	common := osvDraft{Advisory: py.Advisory{
		ID:        record.ID,
		Malware:   strings.HasPrefix(strings.ToUpper(record.ID), "MAL-"),
		Published: r.time(name, "published", record.Published),
		Modified:  modified,
	}}
	for i, alias := range record.Aliases {
		switch {
		case !isOSVID(alias):
			r.report.fault(name, "aliases[%d]: %q is not an id", i, clip(alias))
		case i >= maxOSVAliases:
			r.report.fault(name, "more than %d aliases", maxOSVAliases)
			return nil, false
		default:
			common.Aliases = append(common.Aliases, alias)
		}
	}
	common.Summary, common.summarised = osvSummary(record)
	common.Link, common.official = osvLink(record.References)

	foreign = true
	at := map[py.Name]int{} // into drafts
	for i := range record.Affected {
		a := &record.Affected[i]
		if a.Package.Ecosystem != "PyPI" {
			continue
		}
		foreign = false
		where := fmt.Sprintf("affected[%d]", i)
		project, err := py.ParseName(a.Package.Name)
		if err != nil || len(project) > maxOSVName {
			r.report.fault(name, "%s: %q is not a name", where, clip(a.Package.Name))
			continue
		}
		j, known := at[project]
		if !known {
			j = len(drafts)
			at[project] = j
			drafts = append(drafts, common)
			drafts[j].Project = project
		}
		d := &drafts[j]
		d.Affected = append(d.Affected, r.affected(name, where, a)...)
		severity, cvss := r.severity(name, where, record, a)
		d.Severity, d.CVSS = max(d.Severity, severity), max(d.CVSS, cvss)
	}
	return slices.DeleteFunc(drafts, func(d osvDraft) bool { return !r.usable(name, &d) }), foreign
}

// usable settles what a draft affects, and reports whether it can be kept.
func (r *osvReader) usable(name string, d *osvDraft) bool {
	switch n := len(osvUnion(d.Affected)); {
	case n == 0:
		r.report.fault(name, "it names no version of %s that can be read", d.Project)
		return false
	case n > maxOSVAffected:
		r.report.fault(name, "more than %d ranges of %s", maxOSVAffected, d.Project)
		return false
	}
	return true
}

// affected is what one entry of a record affects: its ranges and the versions
// that it lists.
func (r *osvReader) affected(name, where string, a *osvAffected) []py.Affected {
	var all []py.Affected
	for i, one := range a.Ranges {
		if one.Type != "ECOSYSTEM" {
			continue // SEMVER is not what PyPI's versions are, GIT needs the repository
		}
		ranges, empty, err := osvIntervals(one.Events)
		r.report.EmptyEvents += empty
		if err != nil {
			r.report.fault(name, "%s.ranges[%d]: %v", where, i, err)
		}
		all = append(all, ranges...)
	}
	for _, text := range a.Versions {
		v, ok := osvVersion(text)
		if !ok {
			r.report.Unversioned++
			continue
		}
		all = append(all, py.Affected{From: v, Last: v})
	}
	return osvUnion(all)
}

func osvVersion(text string) (py.Version, bool) {
	v, err := py.ParseVersion(text)
	return v, err == nil && len(v.String()) <= maxOSVVersion
}

// time reads a time in Unix seconds; 0 if there is none.
func (r *osvReader) time(name, field, text string) int64 {
	if text == "" {
		return 0
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		t, err := time.Parse(layout, text)
		switch {
		case err != nil || t.Year() > maxOSVYear:
		case t.IsZero(): // what a program wrote that did not know
			return 0
		case t.Unix() >= 0:
			return t.Unix()
		}
	}
	r.report.fault(name, "%s: %q is not a time", field, clip(text))
	return 0
}
