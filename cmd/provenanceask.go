package cmd

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile/provenance"
)

// A survey is what the indexes said of the projects of a lock in this run. It is
// a provenance.Attestations.
type survey struct {
	indexes *ingest.Indexes
	urls    map[surveyed]map[string]string // of provenance objects by file name; nil if the index does not say
	failed  map[surveyed]error
	notes   []string
}

// surveyed is a project on an index.
type surveyed struct {
	index string // origin
	name  py.Name
}

// survey asks every index for every project, since a name that two of them have
// is what is looked for, and learns what they say.
func (k *knowledge) survey(ctx context.Context, names []py.Name, indexes []provenance.Index) (*survey, error) {
	s := &survey{indexes: k.indexes, urls: map[surveyed]map[string]string{}, failed: map[surveyed]error{}}
	var questions []surveyed
	for _, x := range indexes {
		for _, n := range names {
			questions = append(questions, surveyed{x.URL, n})
		}
	}
	before := k.indexes.Sent()
	bar := newBar(k.env, len(questions), "asking")
	defer func() { _ = bar.Clear() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan surveyed)
	answers := make(chan surveyAnswer)
	var workers sync.WaitGroup
	for range min(len(questions), surveyWorkers) {
		workers.Go(func() {
			for q := range next {
				a := surveyAnswer{surveyed: q}
				a.Survey, a.err = k.indexes.Survey(ctx, q.index, q.name, k.now)
				answers <- a
			}
		})
	}
	go func() {
		defer close(answers)
		for _, q := range questions {
			if ctx.Err() != nil {
				break
			}
			next <- q
		}
		close(next)
		workers.Wait()
	}()
	var docs []kb.Document
	var failed error
	for a := range answers {
		_ = bar.Add(1) // a terminal that cannot show it is no reason to stop
		if s.take(a) && failed == nil {
			docs = append(docs, a.Document)
		}
		if len(docs) >= learnDocuments {
			if failed = k.local.Learn(ctx, docs); failed != nil {
				cancel() // and wait for those that are under way
			}
			docs = nil
		}
	}
	if failed == nil && ctx.Err() == nil && len(docs) > 0 {
		failed = k.local.Learn(ctx, docs)
	}
	if err := errors.Join(failed, context.Cause(ctx)); err != nil {
		return nil, err
	}
	for _, q := range questions {
		if err := s.failed[q]; err != nil {
			s.notes = append(s.notes, fmt.Sprintf("not read: %s: %v", q.name, err))
		}
	}
	k.asked.add(ingest.ReadReport{Listings: len(questions) - len(s.failed), Sent: k.indexes.Sent().Plus(ingest.Sent{}), Requests: k.indexes.Sent().Requests() - before.Requests()})
	return s, nil
}

const (
	surveyWorkers  = 16
	learnDocuments = 32 // at once: each time costs a transaction
)

type surveyAnswer struct {
	surveyed
	ingest.Survey
	err error
}

// take notes one answer and reports whether it is to be learnt.
func (s *survey) take(a surveyAnswer) bool {
	if a.err != nil {
		s.failed[a.surveyed] = a.err
		return false
	}
	s.urls[a.surveyed] = a.Provenance
	return true
}

// answered reports whether an index said in this run what it has of a project;
// nobody was asked if s is nil.
func (s *survey) answered(index string, name py.Name) bool {
	if s == nil {
		return false
	}
	q := surveyed{index, name}
	_, said := s.urls[q]
	return said && s.failed[q] == nil
}

// Announced implements provenance.Attestations.
func (s *survey) Announced(_ context.Context, index string, name py.Name) (map[string]string, error) {
	q := surveyed{index, name}
	if err := s.failed[q]; err != nil {
		return nil, fmt.Errorf("%w: %v", provenance.ErrUnknown, err)
	}
	if urls := s.urls[q]; urls != nil {
		return urls, nil
	}
	return nil, fmt.Errorf("whether %s has attestations of it is %w", index, provenance.ErrUnknown)
}

// Provenance implements provenance.Attestations.
func (s *survey) Provenance(ctx context.Context, index, url string) ([]byte, error) {
	text, err := s.indexes.Provenance(ctx, index, url)
	switch {
	case errors.Is(err, ingest.ErrAbsent):
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: %v", provenance.ErrUnknown, err)
	}
	return text, nil
}
