package ingest

import (
	"fmt"
	"strings"

	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"

	"github.com/thamos/thamos/kb/py"
)

// severity rates what a record says of a project: by its CVSS vectors, those of
// the project before those of the record, the highest of them; without any, by
// the word that databases add.
func (r *osvReader) severity(name, where string, record *osvRecord, a *osvAffected) (py.Severity, float64) {
	scores, where := a.Severity, where+".severity"
	if len(scores) == 0 {
		scores, where = record.Severity, "severity"
	}
	highest := 0.0
	for i, s := range scores {
		if s.Type != "CVSS_V3" && s.Type != "CVSS_V4" {
			continue // CVSS 2 has no critical, and other scales are no scores
		}
		score, err := cvssScore(s.Score)
		if err != nil {
			r.report.fault(name, "%s[%d]: %v", where, i, err)
			continue
		}
		highest = max(highest, score)
	}
	if highest > 0 {
		return py.SeverityOf(highest), highest
	}
	worst := py.Unrated
	for _, word := range []string{a.Database.Severity, a.Ecosystem.Severity, record.Specific.Severity} {
		worst = max(worst, severityOfWord(word))
	}
	return worst, 0
}

// cvssScore is the base score of a vector; of CVSS 4 the score with what the
// vector says of threats.
func cvssScore(vector string) (float64, error) {
	version, _, _ := strings.Cut(vector, "/")
	var score float64
	var err error
	switch version {
	case "CVSS:3.0":
		var v *cvss30.CVSS30
		if v, err = cvss30.ParseVector(vector); err == nil {
			score = v.BaseScore()
		}
	case "CVSS:3.1":
		var v *cvss31.CVSS31
		if v, err = cvss31.ParseVector(vector); err == nil {
			score = v.BaseScore()
		}
	case "CVSS:4.0":
		var v *cvss40.CVSS40
		if v, err = cvss40.ParseVector(vector); err == nil {
			score = v.Score()
		}
	default:
		return 0, fmt.Errorf("%q is not a CVSS vector of version 3 or 4", clip(vector))
	}
	if err != nil {
		return 0, fmt.Errorf("%q: %w", clip(vector), err)
	}
	return score, nil
}

func severityOfWord(word string) py.Severity {
	switch strings.ToLower(word) {
	case "critical":
		return py.Critical
	case "high":
		return py.High
	case "moderate", "medium":
		return py.Medium
	case "low":
		return py.Low
	}
	return py.Unrated
}
