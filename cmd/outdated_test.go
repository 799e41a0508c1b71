package cmd

import (
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

func TestAdmitsNewer(t *testing.T) {
	newest, err := py.ParseVersion("2026.10.18")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		lines []string
		want  bool
	}{
		{[]string{"certifi==2026.10.19.post1"}, true},
		{[]string{"certifi>2026.10.18"}, true},
		{[]string{"certifi>2026.10.18", "certifi<2027"}, true},
		{[]string{"certifi~=2026.11"}, true},
		{[]string{"certifi==2027.*"}, true},
		{[]string{"certifi>=99!1"}, true},
		{[]string{"certifi[x]>=3000; python_version > '3'"}, true},
		{[]string{"other", "certifi>=2027,!=2027"}, true},
		{[]string{"certifi<2019,>=2020"}, false},
		{[]string{"certifi>2026.10.18", "certifi<=2026.10.18"}, false},
		{[]string{"certifi>=2027", "certifi<2026"}, false},
		{[]string{"certifi==2026.10.18.dev1"}, false},
		{[]string{"certifi===old"}, false},
		{[]string{"certifi>=2027", "certifi is refused"}, false},
	} {
		var lines []resolver.ConflictLine
		for _, text := range test.lines {
			l := resolver.ConflictLine{Text: text, Child: "certifi"}
			if text == "other" {
				l.Child = "other"
			}
			lines = append(lines, l)
		}
		if got := admitsNewer(lines, "certifi", newest); got != test.want {
			t.Errorf("%q: %v", test.lines, got)
		}
	}
}
