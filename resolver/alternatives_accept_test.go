package resolver

import (
	"context"
	"testing"

	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
)

// TestAlternativesAccepted: what the pipeline refuses is no alternative.
func TestAlternativesAccepted(t *testing.T) {
	u := parseUniverse(t, "a 1.0\na 2.0\na 3.0\n")
	p := judged(t, parseProblem(t, "python 3.12\na\n"), u, "term 7 -1 a==2.0\nterm 7 -2 a==1.0\nreject a==2.0 it is bad\n")
	r, err := Search{Count: 3}.Solve(context.Background(), p, u)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range append([]*Report{r}, r.Alternatives...) {
		got = append(got, stackText(one))
	}
	if len(got) != 2 || got[0] != "[a==3.0]" || got[1] != "[a==1.0]" {
		t.Errorf("got %v", got)
	}
}

// lazy finds nothing as long as one stack is asked for.
type lazy struct{ exact.Engine }

func (l lazy) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	if r.Count > 1 {
		return l.Engine.Search(ctx, n, r)
	}
	x := r.Known[0]
	return wcsp.Result{Status: wcsp.Budget, Bound: wcsp.Unbounded, Stacks: []wcsp.Stack{{Values: x, Score: n.Score(x)}}}, nil
}

// TestAlternativesNoBetter: where the search for the next best stacks meets a
// better one than the search for the best did, that is the best.
func TestAlternativesNoBetter(t *testing.T) {
	u := parseUniverse(t, "a 1.0\n\tb\na 2.0\n\tb>=1\na 3.0\nb 1.0\n")
	p := judged(t, parseProblem(t, "python 3.12\na\n"), u, "term 7 -3 a==3.0\nterm 7 -2 a==1.0\n")
	r, err := Search{Count: 3, Searcher: lazy{}}.Solve(context.Background(), p, u)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]*Report{r}, r.Alternatives...)
	if stackText(r) != "[a==2.0 b==1.0]" || len(all) != 3 || r.Optimum.Best != 0 || r.Optimum.Proved() {
		t.Errorf("got %v with %d, optimum %+v", stackText(r), len(all), r.Optimum)
	}
	for i := range all[1:] {
		if all[i+1].Score.Compare(all[i].Score) > 0 {
			t.Errorf("%v comes after %v", stackText(all[i+1]), stackText(all[i]))
		}
	}
}

// TestAlternativesOfEqual: where nothing makes one stack better than another, no
// proof is claimed, however many stacks are told.
func TestAlternativesOfEqual(t *testing.T) {
	u := parseUniverse(t, "a 1.0\na 2.0\n  b>=1.5\nb 1.0\nb 2.0a1\n")
	p := judged(t, parseProblem(t, "python 3.12\na\n"), u, "reject a==9 never\n")
	r, err := Search{Count: 3}.Solve(context.Background(), p, u)
	if err != nil {
		t.Fatal(err)
	}
	if r.Optimum != nil {
		t.Errorf("%s: %+v", stackText(r), r.Optimum)
	}
}

// late ends the context as it finds what it was given.
type late struct {
	lazy
	end context.CancelFunc
}

func (l late) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	l.end()
	r.Count = 1
	return l.lazy.Search(ctx, n, r)
}

// punctual is a pipeline that reads while it accepts, which an ended context ends.
type punctual struct{ Pipeline }

func (p punctual) Accept(ctx context.Context, stack []Choice) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return p.Pipeline.Accept(ctx, stack)
}

// TestInterruptedAccepted: the best so far is accepted although the context has
// ended meanwhile.
func TestInterruptedAccepted(t *testing.T) {
	u := parseUniverse(t, "a 1.0\na 2.0\n")
	for count := range 3 {
		p := judged(t, parseProblem(t, "python 3.12\na\n"), u, "term 7 -3 a==2.0\n")
		p.Pipeline = punctual{p.Pipeline}
		ctx, cancel := context.WithCancel(context.Background())
		r, err := Search{Count: count, Searcher: late{end: cancel}}.Solve(ctx, p, u)
		if err != nil || len(r.Stack) != 1 {
			t.Errorf("count %d: %v", count, err)
		}
	}
}
