package provenance

import (
	"testing"

	"github.com/thamos/thamos/kb/py"
)

func TestChecks(t *testing.T) {
	if err := Validate(Checks()); err != nil {
		t.Error(err)
	}
	thoth := map[string]bool{}
	for _, c := range Checks() {
		if c.Thoth != "" {
			thoth[c.Thoth] = true
		}
	}
	if len(thoth) != 8 {
		t.Errorf("%d of Thoth's 8 findings", len(thoth))
	}
	for _, bad := range []Check{{}, {ID: "Big", Severity: Error, Doc: "d", Remedy: "r"}, {ID: "x", Doc: "d", Remedy: "r"}, {ID: "x", Severity: Error, Doc: "a|b", Remedy: "r"}} {
		if Validate([]Check{bad}) == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
	twice := Checks()[:1]
	if Validate(append(twice, twice[0])) == nil {
		t.Error("a check may be there twice")
	}
}

func TestSeverity(t *testing.T) {
	for _, s := range []Severity{Off, Note, Warning, Error} {
		if got, err := ParseSeverity(s.String()); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	if _, err := ParseSeverity("fatal"); err == nil {
		t.Error("fatal is a severity")
	}
}

func TestSameIndex(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://a.example/simple", "https://a.example/simple/", true},
		{"https://a.example/simple", "https://A.example:443/simple", true},
		{"http://a.example:80/", "http://a.example", true},
		{"https://u:p@a.example/simple", "https://a.example/simple#x", true},
		{"https://a.example/simple", "http://a.example/simple", false},
		{"https://a.example/simple", "https://a.example:8443/simple", false},
		{"https://a.example/simple", "https://a.example/Simple", false},
		{"https://a.example/simple", "https://a.example.evil/simple", false},
		{"https://a.example/simple", "https://a.example/simple?x=1", false},
		{"wheels/", "wheels", true},
	} {
		if got := SameIndex(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %v", test.a, test.b, got)
		}
	}
}

func TestLooks(t *testing.T) {
	l := newLooks([]py.Name{"requests", "django", "numpy", "python-dateutil", "urllib3", "attrs", "boto3", "scikit-learn"})
	l.letters = true
	for _, test := range []struct{ name, want string }{
		{"reqeusts", "requests"}, {"request", "requests"}, {"requestss", "requests"}, {"requezts", "requests"},
		{"dj4ngo", "django"}, {"djang0", "django"}, {"dja-ngo", "django"}, {"clango", ""},
		{"pythondateutil", "python-dateutil"}, {"python-dateuti1", "python-dateutil"},
		{"urlllib3", "urllib3"}, {"urllib4", ""}, {"uriiib3", "urllib3"}, {"ur11ib3", "urllib3"},
		{"nurnpy", "numpy"}, {"numpi", ""}, {"attr", ""}, {"boto", ""}, {"flask", ""},
		{"scikitlearn", "scikit-learn"}, {"scikit-learm", "scikit-learn"},
	} {
		if got, _ := l.like(py.Name(test.name)); string(got) != test.want {
			t.Errorf("%s looks like %q, want %q", test.name, got, test.want)
		}
	}
	l.letters = false
	if got, _ := l.like("requestss"); got != "" {
		t.Error("letters count without a ranking")
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{"rеquests": "requests", "ｎｕｍｐｙ": "numpy", "djаngо": "django", "num\u200bpy": "numpy", "flas\u0301k": "flask"} {
		if got := plain(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

func TestPublisher(t *testing.T) {
	for _, bad := range []string{"", "github", "github:", "github:a", "github:/b", "github:a/b/c", "pypi:a/b", "github:a/b/c/d.yml"} {
		if p, err := parsePublisher(bad); err == nil {
			t.Errorf("%q is %+v", bad, p)
		}
	}
	c := claim{Kind: "GitHub", Repository: "Pallets/Flask", Workflow: "publish.yaml"}
	lab := claim{Kind: "GitLab", Repository: "a/b/c", WorkflowPath: ".gitlab-ci.yml"}
	google := claim{Kind: "Google", Email: "x@y.example"}
	for _, test := range []struct {
		claim claim
		want  string
		meets bool
	}{
		{c, "github:pallets/flask", true}, {c, "github:pallets/flask/publish.yaml", true}, {c, "github:pallets/flask/other.yaml", false},
		{c, "github:pallets/click", false}, {c, "gitlab:pallets/flask", false},
		{lab, "gitlab:a/b/c", true}, {lab, "gitlab:a/b/c/.gitlab-ci.yml", true}, {lab, "gitlab:a/b", false},
		{google, "google:x@y.example", true}, {google, "google:z@y.example", false},
	} {
		p, err := parsePublisher(test.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.claim.meets(p); got != test.meets {
			t.Errorf("%v meets %s: %v", test.claim, test.want, got)
		}
	}
}

// TestClaim: the certificate must be that of the publisher, letter by letter but
// for case.
func TestClaim(t *testing.T) {
	const issuer = "https://token.actions.githubusercontent.com"
	c := claim{Kind: "GitHub", Repository: "o/r", Workflow: "w.yml"}
	good := Signer{Issuer: issuer, Identity: "https://github.com/O/r/.github/workflows/w.yml@refs/tags/v1"}
	if err := c.holds(good); err != nil {
		t.Error(err)
	}
	for _, s := range []Signer{
		{Issuer: "https://gitlab.com", Identity: good.Identity},
		{Issuer: issuer, Identity: "https://github.com/o/r2/.github/workflows/w.yml@refs/tags/v1"},
		{Issuer: issuer, Identity: "https://github.com/o/r/.github/workflows/w.yml.evil.yml@refs/tags/v1"},
		{Issuer: issuer, Identity: "https://github.com/o/r/.github/workflows/w.yml"},
		{},
	} {
		if c.holds(s) == nil {
			t.Errorf("%+v is %v", s, c)
		}
	}
	empty := claim{Kind: "GitHub"}
	if empty.holds(Signer{Issuer: issuer, Identity: "https://github.com//.github/workflows/@x"}) == nil {
		t.Error("a publisher without a name")
	}
	mail := claim{Kind: "Google", Email: "a@b.example"}
	if err := mail.holds(Signer{Issuer: "https://accounts.google.com", Identity: "a@b.example"}); err != nil {
		t.Error(err)
	}
	if mail.holds(Signer{Issuer: "https://login.example", Identity: "a@b.example"}) == nil {
		t.Error("any issuer vouches for an e-mail address")
	}
	lab := claim{Kind: "GitLab", Repository: "g/p", WorkflowPath: "ci.yml"}
	if err := lab.holds(Signer{Issuer: "https://gitlab.com", Identity: "https://gitlab.com/g/p//ci.yml@refs/heads/main"}); err != nil {
		t.Error(err)
	}
}
