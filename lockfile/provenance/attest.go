package provenance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/thamos/thamos/kb/py"
)

// An attested is what is known of the attestations of one release.
type attested struct {
	*release
	index int // of the world, which serves it

	files    []*attestedFile // that the index says have a provenance object
	absent   []string        // names of those that have none
	before   []*attestedFile // one file of the last attested release before it
	previous py.Version      // that release; zero if there is none
	unknown  string          // why nothing is known; empty if something is
}

// An attestedFile is a file with a provenance object, and what came of it.
type attestedFile struct {
	name, digest, url string

	claims  []claim  // of publishers whose attestations hold
	signers []Signer // of those attestations
	bad     string   // why it does not hold
	old     string   // why the trusted root cannot tell
	unknown string   // why it is not known whether it does
}

// attestations checks what indexes say of who published the files (PEP 740).
func (r *run) attestations(ctx context.Context) error {
	if r.world.Attestations == nil || r.world.Verifier == nil {
		return r.unattested()
	}
	var all []*attested
	for _, e := range r.releases {
		if k := r.serving(e); k >= 0 {
			all = append(all, &attested{release: e, index: k})
		}
	}
	if err := r.each(ctx, len(all), "asking for attestations", func(i int) error { return r.announced(ctx, all[i]) }); err != nil {
		return err
	}
	var files []*attestedFile
	var of []int
	for i, a := range all {
		for _, f := range slices.Concat(a.files, a.before) {
			files, of = append(files, f), append(of, i)
		}
	}
	err := r.each(ctx, len(files), "verifying attestations", func(i int) error {
		return r.verify(ctx, r.world.Indexes[all[of[i]].index].URL, files[i])
	})
	if err != nil {
		return err
	}
	for _, a := range all {
		r.judge(a)
	}
	return nil
}

// unattested notes that nobody was asked, for the projects of which the policy
// expects a publisher.
func (r *run) unattested() error {
	for _, e := range r.releases {
		if r.policy.expect(e.Name).Publisher != "" {
			r.unchecked(e.entry(), "attestation", "the index was not asked who published it")
		}
	}
	return nil
}

// serving is the index that serves the entry; -1 if none does.
func (r *run) serving(e *release) int {
	for _, k := range e.from {
		if slices.ContainsFunc(e.at[k].files, e.locks) {
			return k
		}
	}
	for _, k := range e.from {
		if e.at[k].release != nil {
			return k
		}
	}
	return -1
}

// each calls f for 0 to n-1, several at once, and returns the first error by
// number.
func (r *run) each(ctx context.Context, n int, what string, f func(i int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, n)
	var mu sync.Mutex
	done := 0
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(n, cmp.Or(r.world.Concurrency, 8)) {
		workers.Go(func() {
			for i := range next {
				if errs[i] = f(i); errs[i] != nil {
					cancel()
				}
				mu.Lock()
				done++
				if r.world.Progress != nil {
					r.world.Progress(done, n, what)
				}
				mu.Unlock()
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// announced finds out which files of a release, and of the last attested one
// before it, have provenance objects.
func (r *run) announced(ctx context.Context, a *attested) error {
	index := r.world.Indexes[a.index]
	urls, err := r.world.Attestations.Announced(ctx, index.URL, a.Name)
	if errors.Is(err, ErrUnknown) {
		a.unknown = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range a.at[a.index].files {
		if !a.locks(f) {
			continue
		}
		if urls[f.Filename] == "" {
			a.absent = append(a.absent, f.Filename)
		} else {
			a.files = append(a.files, &attestedFile{name: f.Filename, digest: f.SHA256, url: urls[f.Filename]})
		}
	}
	var names []string
	for name := range urls {
		if p, ok := fileRelease(a.Name, name); ok && p.Version.Compare(a.Version) < 0 && urls[name] != "" {
			names = append(names, name)
			if p.Version.Compare(a.previous) > 0 || a.previous.IsZero() {
				a.previous = p.Version
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if p, _ := fileRelease(a.Name, name); p.Version.Compare(a.previous) == 0 {
			a.before = []*attestedFile{{name: name, url: urls[name]}}
			break
		}
	}
	if len(a.before) == 0 || len(a.files) == 0 {
		a.before = nil // there is nothing to compare it with
		return nil
	}
	old, err := index.Files(ctx, []py.Package{{Name: a.Name, Version: a.previous}})
	if err != nil {
		return err
	}
	for _, f := range old[0] {
		if f.Filename == a.before[0].name {
			a.before[0].digest = f.SHA256
		}
	}
	return nil
}

// verify asks for the provenance object of a file and judges it.
func (r *run) verify(ctx context.Context, index string, f *attestedFile) error {
	text, err := r.world.Attestations.Provenance(ctx, index, f.url)
	switch {
	case errors.Is(err, ErrUnknown):
		f.unknown = err.Error()
		return nil
	case err != nil:
		return err
	case text == nil:
		f.bad = "the index says that there is an attestation, and does not have it"
		return nil
	}
	object, err := readProvenance(text)
	if err != nil {
		f.bad = err.Error()
		return nil
	}
	for _, b := range object.Bundles {
		for _, attestation := range b.Attestations {
			signer, err := r.world.Verifier.Verify(attestation, f.name, f.digest)
			if err == nil {
				err = b.Publisher.holds(signer)
			}
			switch {
			case errors.Is(err, errUnknownKind), errors.Is(err, ErrUnknown):
				f.unknown = err.Error()
			case errors.Is(err, ErrOldRoot):
				f.old = err.Error()
			case err != nil && f.bad == "":
				f.bad = err.Error()
			case err == nil:
				f.signers, f.claims = append(f.signers, signer), append(f.claims, b.Publisher)
			}
		}
	}
	return nil
}

// judge tells what is wrong with the attestations of a release.
func (r *run) judge(a *attested) {
	e := a.entry()
	want := r.policy.expect(a.Name).Publisher
	if a.unknown != "" {
		r.unchecked(e, "attestation", a.unknown)
		return
	}
	var bad, old, unknown []string
	var good []claim
	for _, f := range a.files {
		switch {
		case f.bad != "":
			bad = append(bad, f.name+": "+f.bad)
		case f.old != "":
			old = append(old, f.name+": "+f.old)
		case f.unknown != "":
			unknown = append(unknown, f.name+": "+f.unknown)
		default:
			r.report.Counts.Verified += len(f.signers)
			good = append(good, f.claims...)
		}
	}
	if len(bad) > 0 {
		r.add(AttestationInvalid, e, said(len(bad), "file has an attestation that does not hold", "files have attestations that do not hold"), few(bad)...)
	}
	if len(old) > 0 {
		r.add(AttestationOldRoot, e, said(len(old), "file has an attestation that cannot be verified", "files have attestations that cannot be verified"), few(old)...)
	}
	for _, u := range unknown {
		r.unchecked(e, "attestation", u)
	}
	if len(a.absent) > 0 && (len(a.files) > 0 || !a.previous.IsZero()) {
		why := ""
		if !a.previous.IsZero() {
			why = a.previous.String() + " has"
		}
		r.add(AttestationMissing, e, said(len(a.absent), "file has no attestation", "files have no attestation"), append(few(a.absent), why)...)
	}
	if want != "" {
		r.expected(a, want, good)
	}
	r.changed(a, good)
}

// expected holds the publishers of a release against the one that the policy wants.
func (r *run) expected(a *attested, want string, good []claim) {
	p, err := parsePublisher(want)
	if err != nil {
		return // Validate refused it
	}
	var others []string
	for _, c := range good {
		if !c.meets(p) && !slices.Contains(others, c.String()) {
			others = append(others, c.String())
		}
	}
	switch {
	case len(others) > 0:
		r.add(PublisherOther, a.entry(), "is published by another than "+want, few(others)...)
	case len(a.absent) > 0:
		r.add(PublisherOther, a.entry(), "nothing says that it is published by "+want, few(a.absent)...)
	}
}

// changed compares the publishers with those of the last attested release before.
// An attestation of it that does not hold says nothing, and that is noted.
func (r *run) changed(a *attested, good []claim) {
	if len(a.before) == 0 || len(good) == 0 {
		return
	}
	old := a.before[0]
	if len(old.claims) == 0 {
		r.unchecked(a.entry(), "attestation", fmt.Sprintf("who published %s before is not certain: %s", a.previous, cmp.Or(old.bad, old.old, old.unknown)))
		return
	}
	for _, c := range good {
		if !slices.ContainsFunc(old.claims, func(o claim) bool { return o.project() == c.project() }) {
			r.add(PublisherChanged, a.entry(), fmt.Sprintf("is published by %s, and %s was by %s", c, a.previous, old.claims[0]))
			return
		}
	}
}
