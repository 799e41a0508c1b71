package kb

import (
	"cmp"
	"fmt"
	"slices"
)

// A comparison finds what changed between two looks at a project.
type comparison struct {
	base   Event // At, Project and Source of every event
	events []Event
}

func (c *comparison) note(kind EventKind, severity EventSeverity, version, subject, old, new string) {
	e := c.base
	e.Kind, e.Severity, e.Version, e.Subject, e.Old, e.New = kind, severity, version, subject, old, new
	c.events = append(c.events, e)
}

// compare returns what is to be remembered after now was seen where old was, and
// notes what changed. Of a project that is quarantined or absent nothing is said
// of its files, which are remembered as they were: they count when it returns.
func (c *comparison) compare(old, now seenState) seenState {
	next := now
	if old.kind != now.kind {
		if now.kind == KindAbsent {
			c.note(ProjectRemoved, Warning, "", "", "", "")
		} else {
			c.note(ProjectReturned, Warning, "", "", "", "")
		}
	}
	if now.kind == KindAbsent {
		next.status, next.releases = old.status, old.releases
		return next
	}
	if old.status != now.status {
		c.note(StatusChanged, statusSeverity(now.status), "", "", cmp.Or(old.status, activeStatus), cmp.Or(now.status, activeStatus))
	}
	if now.status == quarantinedStatus {
		next.releases = old.releases
		return next
	}
	next.releases = c.releases(old.releases, now.releases)
	next.bound()
	return next
}

// Statuses of projects, PEP 792.
const (
	activeStatus      = "active"
	quarantinedStatus = "quarantined"
)

func statusSeverity(status string) EventSeverity {
	switch status {
	case "", activeStatus:
		return Notice
	case quarantinedStatus:
		return Alarm
	}
	return Warning
}

// releases joins two lists of releases, newest first.
func (c *comparison) releases(old, now []seenRelease) []seenRelease {
	var next []seenRelease
	for len(old) > 0 || len(now) > 0 {
		order := 0
		switch {
		case len(old) == 0:
			order = -1
		case len(now) == 0:
			order = 1
		default:
			order = old[0].version.Compare(now[0].version)
		}
		switch {
		case order == 0 && len(now[0].files) == 0 && len(old[0].files) > 0:
			now = now[1:] // a version without files, which old has: they are gone
			fallthrough
		case order > 0 && len(old) > 0: // old has a newer one: it is gone
			gone := old[0]
			if !gone.gone {
				c.note(ReleaseRemoved, Warning, gone.version.String(), "", "", "")
			}
			gone.gone = true
			next = append(next, gone)
			old = old[1:]
		case order == 0:
			next = append(next, c.release(old[0], now[0]))
			old, now = old[1:], now[1:]
		default:
			r := now[0]
			if len(r.files) > 0 {
				c.note(ReleaseAdded, Notice, r.version.String(), "", "", fmt.Sprintf("files: %d", len(r.files)))
			}
			next = append(next, r)
			now = now[1:]
		}
	}
	return next
}

// release compares two looks at one release.
func (c *comparison) release(old, now seenRelease) seenRelease {
	version := now.version.String()
	if old.gone {
		c.note(ReleaseReturned, Warning, version, "", "", fmt.Sprintf("files: %d", len(now.files)))
	}
	whole := old.yanked != now.yanked
	if whole && now.yanked {
		c.note(Yanked, Warning, version, "", "", now.reason)
	} else if whole {
		c.note(Unyanked, Notice, version, "", old.reason, "")
	}
	if !old.known {
		return now
	}
	next := now
	next.known, next.files = true, nil
	was := old.files
	for _, f := range now.files {
		for len(was) > 0 && was[0].name < f.name {
			next.files = append(next.files, c.lost(version, was[0]))
			was = was[1:]
		}
		if len(was) > 0 && was[0].name == f.name {
			next.files = append(next.files, c.file(version, was[0], f, !whole))
			was = was[1:]
			continue
		}
		if !old.gone { // else it came with the release
			c.note(FileAdded, Notice, version, f.name, "", f.sha256)
		}
		next.files = append(next.files, f)
	}
	for _, f := range was {
		next.files = append(next.files, c.lost(version, f))
	}
	slices.SortFunc(next.files, func(a, b seenFile) int { return cmp.Compare(a.name, b.name) })
	return next
}

// lost is what is remembered of a file that is not listed.
func (c *comparison) lost(version string, f seenFile) seenFile {
	if !f.gone {
		c.note(FileRemoved, Warning, version, f.name, f.sha256, "")
	}
	f.gone = true
	return f
}

// file compares two looks at one file. A hash that the index does not tell any
// more is remembered: another one may come.
func (c *comparison) file(version string, old, now seenFile, yanks bool) seenFile {
	if old.gone {
		c.note(FileReturned, Warning, version, now.name, "", now.sha256)
	}
	if old.sha256 != "" && now.sha256 != "" && old.sha256 != now.sha256 {
		c.note(HashChanged, Alarm, version, now.name, old.sha256, now.sha256)
	}
	now.sha256 = cmp.Or(now.sha256, old.sha256)
	switch {
	case !yanks || old.yanked == now.yanked:
	case now.yanked:
		c.note(Yanked, Warning, version, now.name, "", "")
	default:
		c.note(Unyanked, Notice, version, now.name, "", "")
	}
	switch {
	case old.attested == attestedNo && now.attested == attestedYes:
		c.note(AttestationAdded, Notice, version, now.name, "", "")
	case old.attested == attestedYes && now.attested == attestedNo:
		c.note(AttestationRemoved, Warning, version, now.name, "", "")
	}
	return now
}
