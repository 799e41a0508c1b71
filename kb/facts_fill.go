package kb

import (
	"database/sql"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// fillFacts writes what one source says.
func (f *filler) fillFacts(s *factSet) error {
	for _, fill := range []func(*factSet) error{f.fillAdvisories, f.fillRules, f.fillObservations, f.fillIndicators, f.fillPopularity} {
		if err := fill(s); err != nil {
			return fmt.Errorf("facts of %.80s: %w", s.source.Name, err)
		}
	}
	return nil
}

func (f *filler) fillAdvisories(s *factSet) error {
	list, err := onceAdvisories(s.Advisories)
	if err != nil {
		return err
	}
	return f.fillRows(`INSERT INTO advisory VALUES (?, ?, ?, ?, ?)`, func(add *sql.Stmt) error {
		for of := range chunks(list, func(a, b py.Advisory) bool { return a.Project == b.Project }) {
			modified := int64(0)
			for _, a := range of {
				modified = max(modified, a.Modified)
			}
			text, err := packAdvisories(of)
			if err != nil {
				return fmt.Errorf("%s: %w", of[0].Project, err)
			}
			if _, err := add.Exec(string(of[0].Project), s.source.Name, len(of), modified, text); err != nil {
				return err
			}
			f.info.Advisories += len(of)
			f.info.AdvisoriesAt = max(f.info.AdvisoriesAt, modified)
		}
		return nil
	})
}

func (f *filler) fillRules(s *factSet) error {
	groups, err := groupRules(s.Rules)
	if err != nil || len(groups) == 0 {
		return err
	}
	dictionary := dictionaryOf(groups)
	z, err := rulePacker(dictionary)
	if err != nil {
		return err
	}
	defer z.Close()
	if err := f.insert(`INSERT INTO dictionary VALUES (?, ?)`, s.source.Name, dictionary); err != nil {
		return err
	}
	return f.fillRows(`INSERT INTO rule VALUES (?, ?, ?, ?, ?)`, func(add *sql.Stmt) error {
		for _, g := range groups {
			if f.rules += len(g.text); f.rules > maxRules {
				return fmt.Errorf("more than %d bytes of rules", maxRules)
			}
			if _, err := add.Exec(g.kind, string(g.project), s.source.Name, g.n, z.EncodeAll(g.text, nil)); err != nil {
				return err
			}
			f.info.Rules += g.n
		}
		return nil
	})
}

func (f *filler) fillObservations(s *factSet) error {
	list := once(s.Observations, compareObservations)
	err := f.fillRows(`INSERT INTO observation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, func(add *sql.Stmt) error {
		for i, o := range list {
			if _, err := add.Exec(s.source.Name, i+1, packagesText(o.Packages), o.Kind, o.Outcome, o.Class, o.Excerpt, o.Python,
				o.Platform, o.Metric, o.Value, o.Unit, o.Higher, o.Document, o.At); err != nil {
				return err
			}
		}
		f.info.Observations += len(list)
		return nil
	})
	if err != nil {
		return err
	}
	return f.fillRows(`INSERT INTO observed VALUES (?, ?, ?)`, func(add *sql.Stmt) error {
		for i, o := range list {
			for _, p := range o.Packages {
				if _, err := add.Exec(string(p.Name), s.source.Name, i+1); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (f *filler) fillIndicators(s *factSet) error {
	list := once(s.Indicators, compareIndicators)
	return f.fillRows(`INSERT INTO indicator VALUES (?, ?, ?, ?)`, func(add *sql.Stmt) error {
		for of := range chunks(list, func(a, b py.Indicator) bool { return a.Name == b.Name }) {
			text, err := packIndicators(of)
			if err != nil {
				return fmt.Errorf("%s: %w", of[0].Name, err)
			}
			if _, err := add.Exec(string(of[0].Name), s.source.Name, len(of), text); err != nil {
				return err
			}
			f.info.Indicators += len(of)
		}
		return nil
	})
}

// fillAbouts writes what the metadata of releases says beside requirements.
func (f *filler) fillAbouts(w *Writer, names []py.Name) error {
	var abouts ids[aboutKey]
	err := f.fillRows(`INSERT INTO release_about VALUES (?, ?)`, func(add *sql.Stmt) error {
		for i, name := range names {
			releases := w.projects[name].releases
			of := make([]int64, len(releases))
			any := false
			for j, d := range releases {
				if d.about != (aboutKey{}) {
					of[j], any = abouts.id(d.about), true
				}
			}
			if !any {
				continue
			}
			if _, err := add.Exec(i+1, packAbouts(of)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.fillRows(`INSERT INTO about VALUES (?, ?, ?, ?)`, func(add *sql.Stmt) error {
		for i, a := range abouts.list {
			if _, err := add.Exec(i+1, a.classifiers, a.license, a.repository); err != nil {
				return err
			}
		}
		return nil
	})
}

// fillRows prepares a statement for many rows.
func (f *filler) fillRows(query string, rows func(add *sql.Stmt) error) error {
	add, err := f.tx.Prepare(query)
	if err != nil {
		return err
	}
	defer add.Close()
	return rows(add)
}

// chunks cuts a sorted list where same no longer holds.
func chunks[T any](list []T, same func(a, b T) bool) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			n := 1 + slices.IndexFunc(list[1:], func(b T) bool { return !same(list[0], b) })
			if n == 0 {
				n = len(list)
			}
			if !yield(list[:n:n]) {
				return
			}
			list = list[n:]
		}
	}
}
