package kb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

func diffTexts(t *testing.T, a, b string) []string {
	t.Helper()
	changes, err := Diff(context.Background(), openTest(t, a), openTest(t, b))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s: %s", c.What, c.Kind, c.Name, c.ID, c.How)))
	}
	return out
}

func TestDiff(t *testing.T) {
	before := append(world(t), tool(t))
	after := append(world(t), tool(t))
	after[0].Files[0].Yanked = true
	after[0].Metadata[1].RequiresDist[1] = "leaf>0"
	after[1].Metadata = nil
	after[2] = Listing{Name: "zz-new", Versions: []py.Version{version(t, "1"), version(t, "2")}}
	after[3].Status = "archived"
	after[3].Versions = append(after[3].Versions, version(t, "99"))
	a, _ := write(t, before, addFacts(t))
	b, _ := write(t, after, func(w *Writer) {
		list := advisories(t)[1:]
		list[0].Summary += "!"
		if err := w.AddFacts(advisoriesSource, Facts{Advisories: list}); err != nil {
			t.Fatal(err)
		}
	})
	got := diffTexts(t, a, b)
	for _, want := range []string{
		"added project zz-new", "changed project tool", "added release tool 99", "removed source", "its requirements", "its requirements are not known any more", "removed advisory", "what it says",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("nothing says %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", strings.Join(got, "\n"))
	}
	if same := diffTexts(t, a, a); len(same) > 0 {
		t.Errorf("differs from itself: %q", same)
	}
	// The other way round each change is the other one.
	back := diffTexts(t, b, a)
	if len(back) != len(got) {
		t.Errorf("%d changes, and %d the other way round", len(got), len(back))
	}
	for _, c := range got {
		if what, rest, _ := strings.Cut(c, " "); what == string(Added) && !slices.Contains(back, "removed "+rest) {
			t.Errorf("%s: not removed the other way round", c)
		}
	}
}
