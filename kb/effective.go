package kb

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// effective returns the advisories of each project that count: those of the
// snapshot, which are given in the order of names or are nil, with local ones on
// top. It asks the database two questions.
func (l *Local) effective(ctx context.Context, q querier, names []py.Name, snapshot [][]*py.Advisory) ([][]*py.Advisory, error) {
	local, err := l.advisories(ctx, q, names)
	if err != nil {
		return nil, err
	}
	out := make([][]*py.Advisory, len(names))
	var ids []string
	for i, name := range names {
		if snapshot != nil {
			out[i] = snapshot[i]
		}
		out[i] = layAdvisories(out[i], local[name])
		for _, a := range out[i] {
			ids = append(ids, strings.ToUpper(a.ID))
		}
	}
	withdrawn := map[string]int64{}
	slices.Sort(ids)
	err = l.each(ctx, q, "read advisories",
		`SELECT w.id, max(w.modified) FROM json_each(?) j CROSS JOIN withdrawn w ON w.id = j.value GROUP BY w.id`, jsonTexts(slices.Compact(ids)),
		func(rows *sql.Rows) error {
			var id string
			var modified int64
			err := rows.Scan(&id, &modified)
			withdrawn[id] = modified
			return err
		})
	if err != nil || len(withdrawn) == 0 {
		return out, err
	}
	for i, list := range out {
		out[i] = slices.DeleteFunc(slices.Clone(list), func(a *py.Advisory) bool {
			at, ok := withdrawn[strings.ToUpper(a.ID)]
			return ok && at >= a.Modified
		})
	}
	return out, nil
}

// advisories reads the advisories of projects: what two sources say of one
// vulnerability is one.
func (l *Local) advisories(ctx context.Context, q querier, names []py.Name) (map[py.Name][]*py.Advisory, error) {
	u := newAdvisoryReader()
	texts := textsOf(names)
	slices.Sort(texts)
	err := l.each(ctx, q, "read advisories", selectAdvisories, jsonTexts(slices.Compact(texts)), u.row)
	return u.joined(), err
}

// layAdvisories lays local advisories on top of a snapshot's, both of one
// project. Of those that are one vulnerability by their names the layer that was
// modified last counts: joined, a range that was corrected would never go away.
func layAdvisories(snapshot, local []*py.Advisory) []*py.Advisory {
	if len(local) == 0 {
		return snapshot
	}
	of := map[string]int{} // by name, the group
	var groups []int       // of each of both lists
	all := slices.Concat(snapshot, local)
	for i, a := range all {
		groups = append(groups, i)
		for _, id := range append([]string{a.ID}, a.Aliases...) {
			id = strings.ToUpper(id)
			if j, ok := of[id]; ok {
				from, to := find(groups, i), find(groups, j)
				groups[max(from, to)] = min(from, to)
			}
			of[id] = i
		}
	}
	newest := map[int][2]int64{} // of each layer
	for i, a := range all {
		layer := 0
		if i >= len(snapshot) {
			layer = 1
		}
		g := find(groups, i)
		n := newest[g]
		n[layer] = max(n[layer], a.Modified+1) // 0 is for none
		newest[g] = n
	}
	var out []*py.Advisory
	for i, a := range all {
		n := newest[find(groups, i)]
		if isLocal := i >= len(snapshot); isLocal == (n[1] >= n[0]) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *py.Advisory) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// advisories notes what changed between two lists of a project's advisories. Those
// that share a name are one.
func (c *comparison) advisories(before, after []*py.Advisory) {
	matched := make([]bool, len(before))
	for _, a := range after {
		i := slices.IndexFunc(before, func(b *py.Advisory) bool { return shareName(a, b) })
		if i < 0 {
			severity := Warning
			if a.Malware {
				severity = Alarm
			}
			c.note(AdvisoryAdded, severity, "", a.ID, "", clipWords(wordsOf(a)))
			continue
		}
		matched[i] = true
		old, now := wordsOf(before[i]), wordsOf(a)
		switch {
		case old == now:
		case a.Malware && !before[i].Malware:
			c.note(AdvisoryChanged, Alarm, "", a.ID, clipWords(old), clipWords(now))
		default:
			c.note(AdvisoryChanged, Notice, "", a.ID, clipWords(old), clipWords(now))
		}
	}
	for i, b := range before {
		if !matched[i] && !slices.ContainsFunc(after, func(a *py.Advisory) bool { return shareName(a, b) }) {
			c.note(AdvisoryWithdrawn, Notice, "", b.ID, clipWords(wordsOf(b)), "")
		}
	}
}

func shareName(a, b *py.Advisory) bool {
	return a.Named(b.ID) || slices.ContainsFunc(b.Aliases, a.Named)
}

// wordsOf says in words what is done about an advisory: how bad it is and which
// versions have it.
func wordsOf(a *py.Advisory) string {
	var b strings.Builder
	if a.Malware {
		b.WriteString("malware")
	} else {
		b.WriteString(a.Severity.String())
	}
	b.WriteString(": ")
	for i, r := range a.Affected {
		if i > 0 {
			b.WriteString(" or ")
		}
		switch {
		case !r.From.IsZero() && r.From.Compare(r.Last) == 0:
			b.WriteString("==" + r.From.String())
			continue
		case !r.From.IsZero():
			b.WriteString(">=" + r.From.String())
		case r.Before.IsZero() && r.Last.IsZero():
			b.WriteString("all versions")
		}
		bound := ""
		switch {
		case !r.Before.IsZero():
			bound = "<" + r.Before.String()
		case !r.Last.IsZero():
			bound = "<=" + r.Last.String()
		}
		if bound != "" && !r.From.IsZero() {
			b.WriteString(",")
		}
		b.WriteString(bound)
	}
	return b.String()
}

// clipWords shortens what an event says of versions; there may be thousands.
func clipWords(s string) string {
	const most = 500
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}

// AdvisoriesAt is when the newest advisory that this machine was told of was
// modified, in Unix seconds; 0 means that there are none.
func (l *Local) AdvisoriesAt(ctx context.Context) (at int64, err error) {
	if !l.hasAdded {
		return 0, nil
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	err = l.all(ctx, conn, "read advisories", `SELECT coalesce(max(modified), 0) FROM advisory`, func(rows *sql.Rows) error { return rows.Scan(&at) })
	return at, err
}
