package kb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// maxLicense is the longest License, in bytes, that is taken for the name of a
// licence and not for its text.
const maxLicense = 100

// An aboutKey is what metadata says of a release beside requirements:
// comparable, and as the table has it. The zero aboutKey says nothing.
type aboutKey struct{ classifiers, license, repository string }

// aboutOf is what is kept of metadata.
func aboutOf(m *py.Metadata) aboutKey {
	var classifiers []string
	for _, c := range m.Classifiers {
		if c = clean(c); keptClassifier(c) && len(c) <= maxWord && len(classifiers) < maxLines {
			classifiers = append(classifiers, c)
		}
	}
	slices.Sort(classifiers)
	a := aboutKey{
		classifiers: strings.Join(slices.Compact(classifiers), "\n"),
		license:     clean(m.LicenseExpression),
		repository:  repositoryOf(m),
	}
	if a.license == "" && !strings.Contains(m.License, "\n") && len(m.License) <= maxLicense {
		a.license = clean(m.License)
	}
	if len(a.license) > maxText {
		a.license = ""
	}
	return a
}

// keptClassifier reports whether somebody asks for a classifier.
func keptClassifier(c string) bool {
	return slices.ContainsFunc([]string{
		"Programming Language :: Python :: ", "Development Status ::", "License ::", "Environment :: GPU",
	}, func(prefix string) bool { return strings.HasPrefix(c, prefix) })
}

// sourceLabels are labels of project URLs (PEP 753) that can lead to the source,
// the best first; they are compared without case and punctuation.
var sourceLabels = []string{"source", "sourcecode", "repository", "repo", "code", "github", "gitlab", "homepage"}

// repositoryOf is where metadata says that the source is: the first URL that is
// on a code forge, by label and then by URL, so that their order does not matter.
func repositoryOf(m *py.Metadata) string {
	type link struct {
		label int
		url   string
	}
	var links []link
	for _, line := range append([]string{"homepage, " + m.HomePage}, m.ProjectURLs...) {
		label, target, _ := strings.Cut(line, ",")
		label = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, strings.ToLower(label))
		if at := slices.Index(sourceLabels, label); at >= 0 {
			if repository := forgeURL(clean(target)); repository != "" {
				links = append(links, link{at, repository})
			}
		}
	}
	if len(links) == 0 {
		return ""
	}
	return slices.MinFunc(links, func(a, b link) int {
		if a.label != b.label {
			return a.label - b.label
		}
		return strings.Compare(a.url, b.url)
	}).url
}

// forgeURL is the URL of the repository that a URL leads into, without a slash
// at its end; empty if it is on no forge that is known.
func forgeURL(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || len(text) > maxText {
		return ""
	}
	host := strings.TrimPrefix(strings.ToLower(u.Host), "www.")
	path, _, _ := strings.Cut(strings.Trim(u.EscapedPath(), "/"), "/-/") // pages within a repository of GitLab
	parts := strings.Split(path, "/")
	switch {
	case len(parts) < 2 || parts[0] == "" || parts[1] == "":
		return "" // an owner's page
	case host == "github.com" && slices.Contains([]string{"sponsors", "orgs", "topics", "marketplace"}, parts[0]):
		return ""
	case slices.Contains([]string{"github.com", "bitbucket.org", "codeberg.org", "gitee.com", "git.sr.ht"}, host):
		parts = parts[:2]
	case strings.HasPrefix(host, "gitlab."):
		// It has groups of groups. Older pages have no "-" before what is within.
		if at := slices.IndexFunc(parts, func(p string) bool { return p == "tree" || p == "blob" || p == "issues" }); at >= 2 {
			parts = parts[:at]
		}
	default:
		return ""
	}
	return "https://" + host + "/" + strings.TrimSuffix(strings.Join(parts, "/"), ".git")
}

// packAbouts writes the ids of rows of about as release_about has them.
func packAbouts(ids []int64) string {
	out := []byte{'['}
	for i := 0; i < len(ids); {
		n := 1
		for i+n < len(ids) && ids[i+n] == ids[i] {
			n++
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, ids[i], 10)
		out = strconv.AppendInt(append(out, ','), int64(n), 10)
		i += n
	}
	return string(append(out, ']'))
}

// unpackAbouts reads what packAbouts wrote for so many releases.
func unpackAbouts(text string, releases int) ([]int64, error) {
	s := scanner{text: text}
	ids := make([]int64, 0, releases)
	for s.open(); s.more(len(ids)); {
		id := s.digits()
		n := int(s.number())
		if n == 0 || n > releases-len(ids) {
			s.bad = true
			break
		}
		for range n {
			ids = append(ids, id)
		}
	}
	if !s.end() || len(ids) != releases {
		return nil, fmt.Errorf("%w: malformed abouts, at byte %d", ErrDamaged, s.at)
	}
	return ids, nil
}

// Abouts returns what the metadata of each project's releases says beside
// requirements, in the order of names, by key of the version. It asks the
// database two questions, after those of Projects.
func (d *DB) Abouts(ctx context.Context, names []py.Name) ([]map[string]*py.About, error) {
	return d.facts.abouts.get(names, func(missing []py.Name) (map[py.Name]map[string]*py.About, error) {
		return d.loadAbouts(ctx, missing)
	})
}

func (d *DB) loadAbouts(ctx context.Context, names []py.Name) (map[py.Name]map[string]*py.About, error) {
	projects, err := d.Projects(ctx, names)
	if err != nil {
		return nil, err
	}
	of := map[py.Name]*py.Project{}
	for _, p := range projects {
		if p != nil {
			of[p.Name] = p
		}
	}
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ids := map[py.Name][]int64{}
	rows := map[int64]*py.About{0: nil}
	var wanted []int64
	err = d.each(ctx, conn, "read abouts",
		`SELECT p.name, a.abouts FROM json_each(?) j CROSS JOIN project p ON p.name = j.value
		CROSS JOIN release_about a ON a.project = p.id`, jsonTexts(textsOf(names)),
		func(row *sql.Rows) error {
			var name py.Name
			var text string
			if err := row.Scan(&name, &text); err != nil {
				return err
			}
			if of[name] == nil || ids[name] != nil {
				return fmt.Errorf("%w: abouts of %.80q", ErrDamaged, name)
			}
			list, err := unpackAbouts(text, len(of[name].Releases))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			ids[name] = list
			for _, id := range list {
				want(&wanted, rows, id)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	err = d.each(ctx, conn, "read abouts",
		`SELECT a.id, a.classifiers, a.license, a.repository FROM json_each(?) j CROSS JOIN about a ON a.id = j.value`, jsonIDs(wanted),
		func(row *sql.Rows) error {
			var id int64
			var a aboutKey
			if err := row.Scan(&id, &a.classifiers, &a.license, &a.repository); err != nil {
				return err
			}
			if len(a.license)+len(a.repository) > 2*maxText || a.license != clean(a.license) || a.repository != clean(a.repository) {
				return fmt.Errorf("%w: malformed row %d of about", ErrDamaged, id)
			}
			rows[id] = &py.About{Classifiers: splitLines(a.classifiers), License: a.license, Repository: a.repository}
			return nil
		})
	if err != nil {
		return nil, err
	}
	found := map[py.Name]map[string]*py.About{}
	for name, list := range ids {
		abouts := map[string]*py.About{}
		for rank, id := range list {
			a, ok := rows[id]
			if !ok {
				return nil, d.failed(ctx, "read abouts", fmt.Errorf("%w: %s refers to a row that is not there", ErrDamaged, name))
			}
			if a != nil {
				abouts[of[name].Releases[rank].Version.Key()] = a
			}
		}
		found[name] = abouts
	}
	return found, nil
}
