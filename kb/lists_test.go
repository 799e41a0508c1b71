package kb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

func TestLists(t *testing.T) {
	lists := []linesKey{
		{"a>=1\nb", "x"},
		{},
		{"a>=1\nb\nc; extra == \"y\"", "x\ny"},
		{"c; extra == \"y\"\nb\nb", ""},
		{"", "y"},
	}
	lines, text, err := packLists(lists)
	if want := "a>=1\nb\n\tx\nc; extra == \"y\"\n\ty"; err != nil || lines != want {
		t.Errorf("lines %q, %v, want %q", lines, err, want)
	}
	if want := "[[0,3],[],[0,2,3,1,2,1,4,1],[3,1,1,1,1,1],[4,1]]"; text != want {
		t.Errorf("lists %s, want %s", text, want)
	}
	got, err := unpackLists(lines, text)
	want := []*py.Requires{
		{Lines: []string{"a>=1", "b"}, Extras: []py.Name{"x"}},
		{},
		{Lines: []string{"a>=1", "b", `c; extra == "y"`}, Extras: []py.Name{"x", "y"}},
		{Lines: []string{`c; extra == "y"`, "b", "b"}},
		{Extras: []py.Name{"y"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for n := range len(text) {
		if got, err := unpackLists(lines, text[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("the first %d bytes: %v, %v", n, got, err)
		}
	}
}

// A new release adds to the end of what its project has of lists, so that a delta
// is short.
func TestNewListIsLast(t *testing.T) {
	l := Listing{Name: "a"}
	var before [2]string
	for v := range 3 {
		l.Metadata = append(l.Metadata, py.Metadata{Name: "a", Version: version(t, fmt.Sprint(v)), RequiresDist: []string{"b", fmt.Sprintf("c>=%d", v)}})
		file, _ := write(t, []Listing{l}, nil)
		var now [2]string
		if err := openTest(t, file).sql.QueryRow(`SELECT lines, rtrim(lists, ']') FROM project`).Scan(&now[0], &now[1]); err != nil {
			t.Fatal(err)
		}
		if now == before || !strings.HasPrefix(now[0], before[0]) || !strings.HasPrefix(now[1], before[1]) {
			t.Errorf("release %d: %q, after %q", v, now, before)
		}
		before = now
	}
}

func TestListsRefuse(t *testing.T) {
	lines := strings.Repeat("a\n", 2*maxLines) + "\tx"
	stretch := fmt.Sprintf(",0,%d", maxLines)
	for _, test := range []struct{ lines, text, want string }{
		{"a\nb", "[[0,3]]", "malformed requirement list 0"},
		{"a\nb", "[[0,1],[2,1]]", "malformed requirement list 1"},
		{"a\nb", "[[3,0]]", "malformed"},
		{"", "[[0,1]]", "malformed"},
		{"a", "[[999999999999999,999999999999999]]", "malformed"},
		{"a", "[[0]]", "malformed"},
		{"a", "[[0,-1]]", "malformed"},
		{"a", "[[0, 1]]", "malformed"},
		{"a", "[[0,1,]]", "malformed"},
		{"a", "[0,1]", "malformed"},
		{"a", "[[0,1]] ", "malformed"},
		{"a", "", "malformed"},
		{"a\n\tNot_Normal", "[[0,1]]", "is not normalised"},
		{"\t", "[[0,1]]", "is not normalised"},
		{lines, "[[0,1" + strings.Repeat(stretch, 2) + "]]", "malformed"}, // too long a list
		{lines, "[" + strings.Repeat("["+stretch[1:]+"],", maxListed/maxLines+1) + "[]]", "malformed"},         // too many lines
		{strings.Repeat("\n", maxListed), "[]", "more than"},                                                   // and too many of them distinct
		{lines, "[" + strings.Repeat("[],", maxListed) + "[]]", "malformed requirement list 2097152, at byte"}, // too many lists
	} {
		got, err := unpackLists(test.lines, test.text)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%.40q, %.40s: %d lists, %v, want %q", test.lines, test.text, len(got), err, test.want)
		}
	}
	if _, _, err := packLists(slices.Repeat([]linesKey{{lines[:len(lines)-3], ""}}, maxListed/maxLines)); err == nil {
		t.Error("too many lines are packed")
	}
}

// Any lists are unpacked as they were packed, each with what its release says,
// and so are those that the view requirement shows.
func TestListsReverse(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	draw := func(most int, of ...string) string {
		var some []string
		for range r.IntN(most + 1) {
			some = append(some, of[r.IntN(len(of))])
		}
		return strings.Join(some, "\n")
	}
	var listing []Listing
	var want [][]*py.Requires
	for p := range 50 {
		var lists []linesKey
		var parsed []*py.Requires
		l := Listing{Name: py.Name(fmt.Sprintf("p%02d", p))}
		for v := range r.IntN(6) {
			k := linesKey{draw(4, "a", "b>=1", `c; extra == "x"`, `back\slash`, "d"), draw(2, "x", "y", "z")}
			lists = append(lists, k)
			m := py.Metadata{Name: string(l.Name), Version: version(t, fmt.Sprint(v)), RequiresDist: splitLines(k.lines)}
			for _, extra := range splitLines(k.extras) {
				m.ProvidesExtra = append(m.ProvidesExtra, py.Name(extra))
			}
			l.Metadata = append(l.Metadata, m)
			requires, err := parseRequires(*requiresOf(&m))
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, requires)
			lists[v] = *requiresOf(&m)
		}
		lines, text, err := packLists(lists)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpackLists(lines, text); err != nil || !reflect.DeepEqual(got, parsed) {
			t.Errorf("%q, %s: %v, %v, want %v", lines, text, got, err, parsed)
		}
		listing, want = append(listing, l), append(want, parsed)
	}
	file, _ := write(t, listing, nil)
	d := openTest(t, file)
	for i, l := range listing {
		ps, err := d.Projects(t.Context(), []py.Name{l.Name})
		if err != nil {
			t.Fatal(err)
		}
		for j, release := range ps[0].Releases { // newest first
			is := want[i][len(want[i])-1-j]
			if !reflect.DeepEqual(release.Requires, is) {
				t.Errorf("%s %v: %v, want %v", l.Name, release.Version, release.Requires, is)
			}
			var shown string
			err := d.sql.QueryRow(`SELECT coalesce(group_concat(value, char(10)), '') FROM (
				SELECT q.value FROM release r JOIN requirement q ON q.project = r.project AND q.requires = r.requires
				WHERE r.name = ? AND r.rank = ? ORDER BY q.n)`, string(l.Name), j).Scan(&shown)
			if err != nil || shown != strings.Join(is.Lines, "\n") {
				t.Errorf("%s %v in the view: %q, %v, want %q", l.Name, release.Version, shown, err, is.Lines)
			}
		}
	}
}

// FuzzUnpackLists: what is read is written as what is read again, and no file can
// make more of its bytes than is bounded.
func FuzzUnpackLists(f *testing.F) {
	f.Add("a>=1\nb\n\tx\nc", "[[0,3],[],[0,2,3,1,2,1]]")
	f.Add("", "[]")
	f.Fuzz(func(t *testing.T, lines, text string) {
		lists, err := unpackLists(lines, text)
		if err != nil {
			return
		}
		keys := make([]linesKey, len(lists))
		for i, l := range lists {
			if slices.Contains(l.Lines, "") {
				return // is never written
			}
			extras := make([]string, len(l.Extras))
			for j, e := range l.Extras {
				extras[j] = string(e)
			}
			keys[i] = linesKey{strings.Join(l.Lines, "\n"), strings.Join(extras, "\n")}
		}
		lines, text, err = packLists(keys)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := unpackLists(lines, text); err != nil || !reflect.DeepEqual(again, lists) {
			t.Errorf("%v, %v, want %v", again, err, lists)
		}
	})
}
