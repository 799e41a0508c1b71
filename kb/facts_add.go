package kb

import (
	"errors"
	"fmt"
)

// A factSet is what one source says.
type factSet struct {
	source Source
	Facts
}

// AddFacts adds what a source says. The source becomes one of the snapshot's.
func (w *Writer) AddFacts(s Source, f Facts) error {
	s, err := normalSource(s)
	if err != nil {
		return fmt.Errorf("add facts to knowledge base: %w", err)
	}
	if f, err = normalFacts(f); err != nil {
		return fmt.Errorf("add facts of %.80s to knowledge base: %w", s.Name, err)
	}
	set := w.facts[s.Name]
	if set == nil {
		set = &factSet{source: s}
		w.facts[s.Name] = set
	}
	if set.source != s {
		return fmt.Errorf("add facts to knowledge base: the source %.80q was added before and was different", s.Name)
	}
	set.Advisories = append(set.Advisories, f.Advisories...)
	set.Rules = append(set.Rules, f.Rules...)
	set.Observations = append(set.Observations, f.Observations...)
	set.Indicators = append(set.Indicators, f.Indicators...)
	set.Popularity = append(set.Popularity, f.Popularity...)
	return nil
}

// normalSource is a source as the table has it.
func normalSource(s Source) (Source, error) {
	if len(s.Name)+len(s.Licence)+len(s.Date)+len(s.Notes) > maxText {
		return Source{}, fmt.Errorf("source %.80q: more than %d bytes", s.Name, maxText)
	}
	s = Source{clean(s.Name), clean(s.Licence), clean(s.Date), clean(s.Notes)}
	if s.Name == "" {
		return Source{}, errors.New("a source without a name")
	}
	return s, nil
}
