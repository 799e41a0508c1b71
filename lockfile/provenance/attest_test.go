package provenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// An attestor is an index's provenance objects, and judges them: the text of an
// attestation is "REPOSITORY FILE HASH", and holds if FILE and HASH are those of
// the file.
type attestor struct {
	urls map[string]string // by file name: the URL is the object itself, or a word
}

// A failing one fails, or ends the run.
type failing struct {
	attestor
	err    error
	cancel func()
}

func (f failing) Announced(ctx context.Context, _ string, _ py.Name) (map[string]string, error) {
	if f.cancel != nil {
		f.cancel()
		return nil, ctx.Err()
	}
	return nil, f.err
}

func (a attestor) Announced(context.Context, string, py.Name) (map[string]string, error) {
	return a.urls, nil
}

// object is a provenance object of one attestation.
func object(kind, repository, workflow, attestation string) string {
	text, _ := json.Marshal(attestation)
	return fmt.Sprintf(`{"version":1,"attestation_bundles":[{"publisher":{"kind":%q,"repository":%q,"workflow":%q},"attestations":[%s]}]}`, kind, repository, workflow, text)
}

func (a attestor) Provenance(_ context.Context, _, url string) ([]byte, error) {
	switch url {
	case "gone":
		return nil, nil
	case "silent":
		return nil, fmt.Errorf("no answer: %w", ErrUnknown)
	}
	return []byte(url), nil
}

func (a attestor) Verify(attestation []byte, filename, sha256 string) (Signer, error) {
	var text string
	if err := json.Unmarshal(attestation, &text); err != nil {
		return Signer{}, err
	}
	switch text {
	case "new log":
		return Signer{}, ErrOldRoot
	case "no hash":
		return Signer{}, fmt.Errorf("the hash is %w", ErrUnknown)
	}
	words := strings.Fields(text)
	if len(words) != 3 || words[1] != filename || words[2] != sha256 {
		return Signer{}, errors.New("is about another file")
	}
	return Signer{Issuer: "https://token.actions.githubusercontent.com", Identity: "https://github.com/" + words[0] + "/.github/workflows/w.yml@refs/tags/v1"}, nil
}

// TestAttestations checks release 2 of a project whose release 1 was attested by
// o/r, or not.
func TestAttestations(t *testing.T) {
	attested := func(repository, version string) string {
		name := "a-" + version + ".tar.gz"
		return object("GitHub", repository, "w.yml", repository+" "+name+" "+sum(name))
	}
	for _, test := range []struct {
		name, one, two string // what the index says of either release; empty for nothing
		expect         string
		want           string
		verified       int
	}{
		{"never", "", "", "", "", 0},
		{"always", attested("o/r", "1"), attested("o/r", "2"), "", "", 1},
		{"for the first time", "", attested("o/r", "2"), "", "", 1},
		{"no more", attested("o/r", "1"), "", "", "warning attestation-missing a==2", 0},
		{"by another", attested("o/r", "1"), attested("o/r2", "2"), "", "warning publisher-changed a==2", 1},
		{"case does not count", attested("O/R", "1"), attested("o/r", "2"), "", "", 1},
		{"as expected", attested("o/r", "1"), attested("o/r", "2"), "github:o/r/w.yml", "", 1},
		{"not as expected", "", attested("o/r", "2"), "github:x/y", "error publisher-unexpected a==2", 1},
		{"expected and nothing", "", "", "github:o/r", "error publisher-unexpected a==2", 0},
		{"of another file", "", attested("o/r", "1"), "", "error attestation-invalid a==2", 0},
		{"publisher lies", "", object("GitHub", "o/other", "w.yml", "o/r a-2.tar.gz "+sum("a-2.tar.gz")), "", "error attestation-invalid a==2", 0},
		{"another workflow", "", object("GitHub", "o/r", "v.yml", "o/r a-2.tar.gz "+sum("a-2.tar.gz")), "", "error attestation-invalid a==2", 0},
		{"gone", "", "gone", "", "error attestation-invalid a==2", 0},
		{"silent", "", "silent", "", "unchecked attestation a", 0},
		{"nonsense", "", "nonsense", "", "error attestation-invalid a==2", 0},
		{"version", "", `{"version":2}`, "", "error attestation-invalid a==2", 0},
		{"empty", "", `{"version":1,"attestation_bundles":[]}`, "", "error attestation-invalid a==2", 0},
		{"unknown kind", "", object("Forge", "o/r", "w.yml", "o/r a-2.tar.gz "+sum("a-2.tar.gz")), "", "unchecked attestation a", 0},
		{"new log", "", object("GitHub", "o/r", "w.yml", "new log"), "", "warning attestation-unverified a==2", 0},
		{"no hash", "", object("GitHub", "o/r", "w.yml", "no hash"), "", "unchecked attestation a", 0},
		{"before does not hold", object("GitHub", "o/r", "w.yml", "x"), attested("o/r", "2"), "", "unchecked attestation a", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			urls := map[string]string{}
			for name, object := range map[string]string{"a-1.tar.gz": test.one, "a-2.tar.gz": test.two} {
				if object != "" {
					urls[name] = object
				}
			}
			a := attestor{urls: urls}
			w := &World{
				Indexes:      []Index{{URL: public, Knowledge: newFake(t, "a-1.tar.gz\na-2.tar.gz")}},
				Attestations: a, Verifier: a, Now: now,
			}
			p := &Policy{}
			if test.expect != "" {
				p.Expect = []Expectation{{Project: "a", Publisher: test.expect}}
			}
			r, err := Run(context.Background(), read(t, "r.txt", "a==2 --hash=SUM(a-2.tar.gz)"), nil, w, p)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(r); got != test.want || r.Counts.Verified != test.verified {
				t.Errorf("got\n%s\nwant\n%s\n%d verified, %+v", got, test.want, r.Counts.Verified, r.Findings)
			}
		})
	}
}

// TestAttestationsEnd: an error of who is asked ends the run, and so does its
// context, with many questions under way.
func TestAttestationsEnd(t *testing.T) {
	var lock, known strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lock, "p%d==1 --hash=SUM(p%d-1.tar.gz)\n", i, i)
		fmt.Fprintf(&known, "p%d-1.tar.gz\n", i)
	}
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(context.Background())
	for _, test := range []struct {
		failing failing
		want    error
	}{{failing{err: broken}, broken}, {failing{cancel: cancel}, context.Canceled}} {
		w := &World{Indexes: []Index{{URL: public, Knowledge: newFake(t, known.String())}}, Attestations: test.failing, Verifier: attestor{}, Now: now}
		if _, err := Run(ctx, read(t, "r.txt", lock.String()), nil, w, &Policy{}); !errors.Is(err, test.want) {
			t.Errorf("got %v, want %v", err, test.want)
		}
	}
}

// FuzzProvenance: whatever an index serves as a provenance object, it is read
// within bounds or refused.
func FuzzProvenance(f *testing.F) {
	f.Add([]byte(object("GitHub", "o/r", "w.yml", "x")))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := readProvenance(text)
		if err != nil {
			return
		}
		n := 0
		for _, b := range p.Bundles {
			n += len(b.Attestations)
			_ = b.Publisher.holds(Signer{})
		}
		if n == 0 || n > maxAttestations || len(p.Bundles) > maxBundles {
			t.Fatalf("%d attestations of %d publishers", n, len(p.Bundles))
		}
	})
}
