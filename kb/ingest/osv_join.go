package ingest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// advisories joins what was read into advisories, by project and id.
func (r *osvReader) advisories() []py.Advisory {
	projects := map[py.Name][]osvDraft{}
	for _, record := range r.records {
		for _, d := range record.drafts {
			projects[d.Project] = append(projects[d.Project], d)
		}
	}
	for id, i := range r.texts {
		if record := r.records[i]; record.withdrawn {
			r.report.WithdrawnRecords = append(r.report.WithdrawnRecords, kb.Withdrawn{ID: id, Modified: record.modified})
		}
	}
	slices.SortFunc(r.report.WithdrawnRecords, func(a, b kb.Withdrawn) int { return cmp.Compare(a.ID, b.ID) })
	r.records, r.texts = nil, nil
	var all []py.Advisory
	for _, drafts := range projects {
		joined := joinDrafts(drafts)
		r.report.Merged += len(drafts) - len(joined)
		for i := range joined {
			all = append(all, joined[i].settled())
		}
	}
	slices.SortFunc(all, func(a, b py.Advisory) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// joinDrafts makes one of those drafts of a project that have a name in common,
// directly or by way of others (aliases are symmetric and transitive).
func joinDrafts(drafts []osvDraft) []osvDraft {
	slices.SortStableFunc(drafts, func(a, b osvDraft) int { return cmp.Compare(a.ID, b.ID) })
	group := make([]int, len(drafts)) // an earlier one that is the same, up to the first
	first := func(i int) int {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	named := map[string]int{}
	for i := range drafts {
		group[i] = i
		for _, id := range append([]string{drafts[i].ID}, drafts[i].Aliases...) {
			id = strings.ToUpper(id)
			if j, ok := named[id]; ok {
				a, b := first(i), first(j)
				group[max(a, b)] = min(a, b)
			}
			named[id] = i
		}
	}
	at := map[int]int{} // by group, into out
	var out []osvDraft
	for i := range drafts {
		g := first(i)
		j, known := at[g]
		if known && out[j].join(&drafts[i]) {
			continue
		}
		if !known {
			at[g] = len(out)
		}
		out = append(out, drafts[i])
	}
	return out
}

// join adds to d what e, a later one by id, says of the same. It returns false
// if both together are more than is kept; then they stay apart, so that none is
// forgotten.
func (d *osvDraft) join(e *osvDraft) bool {
	affected := osvUnion(slices.Concat(d.Affected, e.Affected))
	if len(affected) > maxOSVAffected || len(d.Aliases)+len(e.Aliases) >= maxOSVAliases*10 {
		return false
	}
	d.Affected = affected
	d.Aliases = slices.Concat(d.Aliases, []string{e.ID}, e.Aliases)
	if d.Summary == "" || e.summarised && !d.summarised {
		d.Summary, d.summarised = e.Summary, e.summarised
	}
	if d.Link == "" || e.official && !d.official {
		d.Link, d.official = e.Link, e.official
	}
	d.Severity, d.CVSS = max(d.Severity, e.Severity), max(d.CVSS, e.CVSS)
	d.Malware = d.Malware || e.Malware
	if e.Published != 0 && (d.Published == 0 || e.Published < d.Published) {
		d.Published = e.Published
	}
	d.Modified = max(d.Modified, e.Modified)
	return true
}

// settled is the advisory of a draft: aliases sorted and each once, ranges as
// few as can be. One that is an alias of a report of malware is one.
func (d *osvDraft) settled() py.Advisory {
	a := d.Advisory
	a.Aliases = slices.Clone(a.Aliases)
	slices.SortFunc(a.Aliases, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToUpper(a), strings.ToUpper(b)), cmp.Compare(a, b))
	})
	a.Aliases = slices.CompactFunc(a.Aliases, strings.EqualFold)
	a.Aliases = slices.DeleteFunc(a.Aliases, func(id string) bool { return strings.EqualFold(id, a.ID) })
	slices.Sort(a.Aliases)
	a.Malware = a.Malware || slices.ContainsFunc(a.Aliases, func(id string) bool { return strings.HasPrefix(strings.ToUpper(id), "MAL-") })
	a.Affected = osvUnion(a.Affected)
	return a
}
