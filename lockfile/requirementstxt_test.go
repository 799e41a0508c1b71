package lockfile

import "testing"

func TestIndexOptions(t *testing.T) {
	source := func(name, url string, extra bool) Source {
		return Source{Name: name, URL: url, VerifySSL: true, Extra: extra}
	}
	main, other := source("main", "https://index.example/simple", false), source("other", "https://other.example/simple", true)
	for _, test := range []struct {
		name    string
		sources []Source
		deflt   string
		want    string
	}{
		{"none", nil, "", ""},
		{"pip's own", []Source{main}, "main", ""},
		{"pip's own and another", []Source{main, other}, "main", "--extra-index-url https://other.example/simple\n\n"},
		{"others", []Source{main, other}, "", "--index-url https://index.example/simple\n--extra-index-url https://other.example/simple\n\n"},
		// Were it left out, pip would look at the first only.
		{"pip's own as extra", []Source{main, other}, "other", "--index-url https://index.example/simple\n--extra-index-url https://other.example/simple\n\n"},
		{"two main ones", []Source{main, source("b", "https://b.example/", false)}, "", "--index-url https://index.example/simple\n--extra-index-url https://b.example/\n\n"},
		{"certificate not checked", []Source{{Name: "a", URL: "https://${A}:${B}@a.example:8443/simple"}}, "",
			"--index-url https://${A}:${B}@a.example:8443/simple\n--trusted-host a.example:8443\n\n"},
		{"explicit", []Source{main, {Name: "used", URL: "https://used.example/", VerifySSL: true, Extra: true, Explicit: true},
			{Name: "unused", URL: "https://unused.example/", VerifySSL: true, Extra: true, Explicit: true}}, "main", "--extra-index-url https://used.example/\n\n"},
	} {
		l := &Lock{Sources: test.sources, DefaultSource: test.deflt}
		if got, err := l.indexOptions([]Pin{{Index: "used"}}); got != test.want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}
