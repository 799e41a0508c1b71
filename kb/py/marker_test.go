package py

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustMarker(t testing.TB, s string) Marker {
	t.Helper()
	m, err := ParseMarker(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMarkerString(t *testing.T) {
	tests := []struct{ in, want string }{
		{"os_name=='nt'", `os_name == "nt"`},
		{"'nt'==os.name", `"nt" == os_name`},
		{"python_implementation != 'x' or platform.python_implementation != 'x'", `platform_python_implementation != "x" or platform_python_implementation != "x"`},
		{"sys.platform=='a'and platform.machine=='b'or platform.version=='c'", `sys_platform == "a" and platform_machine == "b" or platform_version == "c"`},
		{"os_name \tnot \t in 'a b'", `os_name not in "a b"`},
		{"((os_name=='a'))", `os_name == "a"`},
		{"((os_name=='a') and (os_name=='b' or ((os_name=='c'))))", `os_name == "a" and (os_name == "b" or os_name == "c")`},
		{"((os_name=='a' or os_name=='b')) and os_name=='c'", `(os_name == "a" or os_name == "b") and os_name == "c"`},
		{"extra == 'Foo_.Bar' and 'X_y' in extras and 'X_y' in dependency_groups", `extra == "foo-bar" and "x-y" in extras and "x-y" in dependency_groups`},
		{"'A_b' == extra", `"a-b" == extra`},
		{"os_name == 'A_b'", `os_name == "A_b"`},
		{`os_name == 'a"b'`, `os_name == 'a"b'`},
		{`os_name == "\x22'"`, `os_name == "\x22'"`},
		{`os_name == "a\\b\n\101\u00e9\q"`, `os_name == "a\\b\nAé\\q"`},
		{`os_name == '\U0001F40D\t\0'`, "os_name == \"\U0001F40D\t\\x00\""},
	}
	for _, test := range tests {
		m, err := ParseMarker(test.in)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := m.String(); got != test.want {
			t.Errorf("%s prints as %s, want %s", test.in, got, test.want)
		}
		if again := mustMarker(t, m.String()); again.String() != test.want {
			t.Errorf("%s prints as %s the second time", test.in, again)
		}
	}
	if got := (Marker{}).String(); got != "" {
		t.Errorf("the zero Marker prints as %s", got)
	}
}

func TestParseMarkerErrors(t *testing.T) {
	tests := []struct {
		in     string
		offset int
		want   string
	}{
		{"", 0, "want a marker variable or text in quotes"},
		{"   ", 3, "want a marker variable"},
		{"python_versions > '3'", 0, `"python_versions" is not a marker variable; have implementation_name`},
		{"python.version > '3'", 0, `"python" is not a marker variable`},
		{"platform.release == 'x'", 0, `"platform.release" is not a marker variable`},
		{"os_name", 7, "want an operator"},
		{"os_name = 'nt'", 8, "want an operator"},
		{"os_name not 'nt'", 11, `want "in" after "not"`},
		{"os_name notin 'nt'", 8, "want an operator"},
		{"os_name in", 10, "want a marker variable"},
		{"os_name == nt", 11, `"nt" is not a marker variable`},
		{"os_name == 'nt", 11, "the quoted text does not end"},
		{`os_name == 'a\'`, 13, "malformed escape"},
		{`os_name == "a\x2"`, 13, "malformed escape"},
		{`os_name == "\ud800"`, 12, "malformed escape"},
		{`os_name == "\N{BULLET}"`, 12, "malformed escape"},
		{"os_name == 'a\nb'", 13, "quoted text is one line"},
		{"os_name == 'a' and", 18, "want a marker variable"},
		{"os_name == 'a' andos_name == 'b'", 15, `want "and", "or" or the end`},
		{"(os_name == 'a'", 0, `the parenthesis has no ")"`},
		{"(os_name == 'a' x", 16, `want "and", "or" or ")"`},
		{"os_name == 'a')", 14, `want "and", "or" or the end`},
		{"os_name == 'a'\n", 14, `or the end`},
		{strings.Repeat("(", maxParentheses+1), maxParentheses, "more than 100 parentheses"},
		{strings.Repeat(" ", maxRequirement) + "x", maxRequirement, "limit"},
	}
	for _, test := range tests {
		_, err := ParseMarker(test.in)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("ParseMarker(%s): %v", quote(test.in), err)
			continue
		}
		if syntax.Offset != test.offset || !strings.Contains(syntax.Why, test.want) {
			t.Errorf("ParseMarker(%s): %v, want %s at %d", quote(test.in), syntax, test.want, test.offset)
		}
	}
	deep := strings.Repeat("(", maxParentheses) + "os_name == 'a'" + strings.Repeat(")", maxParentheses)
	if got := mustMarker(t, deep).String(); got != `os_name == "a"` {
		t.Errorf("%d parentheses print as %s", maxParentheses, got)
	}
	wide := strings.TrimSuffix(strings.Repeat("(os_name == 'a') or ", 2*maxParentheses), " or ")
	if _, err := ParseMarker(wide); err != nil {
		t.Errorf("parentheses that follow each other count as nested: %v", err)
	}
}

func TestMarkerEvaluate(t *testing.T) {
	env := linux312(t)
	env.Platform.Release, env.Platform.Version = "6.1.0-18-amd64", "#1 SMP Debian"
	old := &Environment{Implementation: "pypy", Python: mustVersion(t, "3.9.19"), ImplementationVersion: mustVersion(t, "7.3.16"), Platform: Platform{OS: "windows", Machine: "AMD64", Release: "10"}}
	tests := []struct {
		marker    string
		env       *Environment
		extra     Name
		want      bool
		undefined bool
	}{
		{marker: "python_version == '3.12'", want: true},
		{marker: "python_version >= '3.9'", want: true}, // a version: as texts, 3.12 is before 3.9
		{marker: "python_version < '3.9'", want: false},
		{marker: "python_version == '3.12.0'", want: true},
		{marker: "python_version == '3.12.4'", want: false},
		{marker: "python_version > '3.12'", want: false}, // python_version has no patch level
		{marker: "python_full_version > '3.12'", want: true},
		{marker: "python_full_version == '3.12.*'", want: true},
		{marker: "python_version ~= '3.8'", want: true},
		{marker: "python_version === '3.12'", want: true},
		{marker: "python_version === '3.12.0'", want: false},
		{marker: "python_version == '=3.12.0'", want: false}, // which makes it ===
		{marker: "'3.9' <= python_version", want: true},
		{marker: "'3.9' > python_version", want: false},
		{marker: "'3.12' == python_full_version", want: false},
		{marker: "python_version in '3.11 3.12'", want: true},
		{marker: "python_version not in '3.11, 3.12'", want: false},
		{marker: "'3.1' in python_version", want: true},
		{marker: "python_version >= '3.8,<4'", want: false}, // one specifier it is not, so a text
		{marker: "python_version > 'x'", want: false},
		{marker: "python_version != 'x'", want: true},
		{marker: "python_version ~= 'x'", undefined: true},
		{marker: "implementation_version >= '3.12.4'", want: true},
		{marker: "platform_release >= '5'", want: false}, // not a version, so no version is in it
		{marker: "'Debian' in platform_version", want: true},
		{marker: "os_name == 'posix' and sys_platform == 'linux' and platform_system == 'Linux'", want: true},
		{marker: "platform_machine == 'x86_64' and implementation_name == 'cpython' and platform_python_implementation == 'CPython'", want: true},
		{marker: "sys_platform >= 'linux'", want: true},
		{marker: "sys_platform > 'darwin' or sys_platform < 'win32'", want: false},
		{marker: "sys_platform ~= 'linux'", undefined: true},
		{marker: "sys_platform === 'linux'", undefined: true},
		{marker: "os_name == 'posix' or sys_platform === 'linux'", undefined: true},
		{marker: "os_name == 'nt' and sys_platform === 'linux'", undefined: true},
		{marker: "os_name == 'posix' or '1' ~= platform_release", undefined: true},
		{marker: "os_name == 'posix' or '6' ~= platform_release", env: old, undefined: true},
		{marker: "os_name == 'nt' and '1' ~= platform_release", undefined: true},
		{marker: "os_name == 'nt' or os_name == 'x' or '11' === platform_release", env: old, want: true},
		{marker: "os_name == 'nt' or '10' === platform_release", env: old, want: true},
		{marker: "'a' == 'a'", want: true},
		{marker: "os_name == sys_platform", want: false},
		{marker: "sys_platform in os_name", want: false},

		{marker: "python_version < '3.10'", env: old, want: true},
		{marker: "implementation_version >= '7.3' and implementation_version < '7.4'", env: old, want: true},
		{marker: "os_name == 'nt' and sys_platform == 'win32' and platform_system == 'Windows'", env: old, want: true},
		{marker: "implementation_name == 'pypy' and platform_python_implementation == 'PyPy'", env: old, want: true},
		{marker: "platform_release >= '9'", env: old, want: true},

		{marker: "extra == 'Foo_Bar'", extra: "foo-bar", want: true},
		{marker: "extra == 'foo'", want: false},
		{marker: "extra != 'foo'", want: true},
		{marker: "extra == ''", want: true},
		{marker: "'x' in extras", undefined: true},
		{marker: "os_name == 'posix' or 'x' in dependency_groups", undefined: true},

		{marker: "os_name == 'posix' or os_name == 'nt' and os_name == 'nt'", want: true}, // and binds stronger
		{marker: "(os_name == 'posix' or os_name == 'nt') and os_name == 'nt'", want: false},
		{marker: "os_name == 'nt' and os_name == 'nt' or os_name == 'posix'", want: true},
		{marker: "os_name == 'nt' or os_name == 'x' or os_name == 'y'", want: false},
	}
	for _, test := range tests {
		e := test.env
		if e == nil {
			e = env
		}
		got, err := mustMarker(t, test.marker).Evaluate(e, test.extra)
		if got != test.want || err != nil != test.undefined {
			t.Errorf("%s: %t, %v", test.marker, got, err)
		}
	}
	if ok, err := (Marker{}).Evaluate(env, "x"); !ok || err != nil {
		t.Errorf("the zero Marker: %t, %v", ok, err)
	}
	_, err := mustMarker(t, "os_name == 'a' or os_name ~= '1'").Evaluate(env, "")
	want := `marker "os_name == \"a\" or os_name ~= \"1\"": os_name ~= "1" is not defined`
	if err == nil || err.Error() != want {
		t.Errorf("the message is\n%v, want\n%s", err, want)
	}
}

func TestMarkerEvaluateLock(t *testing.T) {
	env := linux312(t)
	extras, groups := []Name{"a-b", "c"}, []Name{"dev", "linux"}
	tests := []struct {
		marker          string
		want, undefined bool
	}{
		{marker: "'A_b' in extras", want: true},
		{marker: "'dev' in extras", want: false},
		{marker: "'dev' in dependency_groups", want: true},
		{marker: "'x' not in extras and os_name == 'posix'", want: true},
		{marker: "'c' not in extras", want: false},
		{marker: "os_name in extras", want: false},
		{marker: "platform_system in dependency_groups", want: true}, // Linux, as a name
		{marker: "extras == 'c'", undefined: true},
		{marker: "'c' == extras", undefined: true},
		{marker: "extras in 'c'", undefined: true},
		{marker: "extra == 'c'", undefined: true},
	}
	for _, test := range tests {
		got, err := mustMarker(t, test.marker).EvaluateLock(env, extras, groups)
		if got != test.want || err != nil != test.undefined {
			t.Errorf("%s: %t, %v", test.marker, got, err)
		}
	}
	if ok, err := (Marker{}).EvaluateLock(env, nil, nil); !ok || err != nil {
		t.Errorf("the zero Marker: %t, %v", ok, err)
	}
}

func TestMentionsExtra(t *testing.T) {
	for text, want := range map[string]bool{
		"extra == 'a'": true, "os_name == 'a' or (os_name == 'b' and 'a' == extra)": true,
		"'a' in extras": false, "os_name == 'extra'": false,
	} {
		if got := mustMarker(t, text).MentionsExtra(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if (Marker{}).MentionsExtra() || !(Marker{}).IsZero() || mustMarker(t, "os_name == 'a'").IsZero() {
		t.Error("the zero Marker")
	}
}

// A drawnMarker is a random marker and what it should come to.
type drawnMarker struct {
	text string
	want bool
}

// drawMarker draws a marker over linux312 and the extra "x", and evaluates it
// on the way, with explicit precedence.
func drawMarker(t *rapid.T, depth int) drawnMarker {
	space := rapid.SampledFrom([]string{" ", "  ", "\t"})
	or := drawnMarker{want: false}
	for i := range rapid.IntRange(1, 2).Draw(t, "ors") {
		if i > 0 {
			or.text += space.Draw(t, "space") + "or" + space.Draw(t, "space")
		}
		and := drawnMarker{want: true}
		for j := range rapid.IntRange(1, 2).Draw(t, "ands") {
			if j > 0 {
				and.text += space.Draw(t, "space") + "and" + space.Draw(t, "space")
			}
			var one drawnMarker
			if depth > 0 && rapid.Bool().Draw(t, "nested") {
				one = drawMarker(t, depth-1)
				one.text = "(" + one.text + ")"
			} else {
				one = rapid.SampledFrom([]drawnMarker{
					{"os_name == 'posix'", true}, {"os.name=='nt'", false}, {`"3.9" == python_version`, false},
					{"python_version>='3.9'", true}, {"python_full_version < '3.12.4'", false}, {"extra == 'X'", true},
					{`extra!="x"`, false}, {"'lin' in sys_platform", true}, {`platform_machine not in '"x86_64'`, false},
					{`platform_system == "\\\n'\x22"`, false}, {`'\\' != platform_version`, true},
				}).Draw(t, "comparison")
			}
			and.text += one.text
			and.want = and.want && one.want
		}
		or.text += and.text
		or.want = or.want || and.want
	}
	return or
}

func TestMarkerRoundTrip(t *testing.T) {
	env := linux312(t)
	rapid.Check(t, func(t *rapid.T) {
		drawn := drawMarker(t, 4)
		m, err := ParseMarker(drawn.text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseMarker(m.String())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%s prints as %s, and then as %s: %v", drawn.text, m, again, err)
		}
		for _, m := range []Marker{m, again} {
			if got, err := m.Evaluate(env, "x"); got != drawn.want || err != nil {
				t.Fatalf("%s: %t, %v, want %t", m, got, err, drawn.want)
			}
		}
	})
}

// Markers about Python's versions are judged without parsing them; it must come
// to the same.
func TestMarkerPythonVersions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		python := rapid.StringMatching(`[1-9][0-9]?(\.(0|[1-9][0-9]{0,3})){0,3}((a|b|rc)[0-9])?(\.dev1)?`).Draw(t, "python")
		op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">=", "~=", "==="}).Draw(t, "op")
		with := rapid.StringMatching(`[1-9](\.(0|[1-9][0-9]?)){1,2}(rc1)?`).Draw(t, "with")
		v, err := ParseVersion(python)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSpecifiers(op + with)
		if err != nil {
			t.Fatal(err)
		}
		e := &Environment{Python: v}
		for variable, value := range e.MarkerValues() {
			if !strings.HasPrefix(variable, "python_") {
				continue
			}
			m, err := ParseMarker(variable + op + "'" + with + "'")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Evaluate(e, ""); err != nil || got != s.ContainsText(value) {
				t.Fatalf("Python %s: %s is %t, %v, but %s is %s", v, m, got, err, variable, value)
			}
		}
	})
}

// Zeros at the end of a version, and numbers too long for the fast way.
func TestMarkerOddPythonVersions(t *testing.T) {
	long := strings.Repeat("9", 40)
	for _, test := range []struct {
		python, marker string
		want           bool
	}{
		{"3.0.1", "python_version == '3'", true},
		{"3.0.1", "python_version <= '3.0.0'", true},
		{"0.0.1", "python_version == '0'", true},
		{"3", "python_full_version == '3.0'", true},
		{"3." + long + ".1", "python_version == '3." + long + "'", true},
		{"3." + long + ".1", "python_version < '4'", true},
	} {
		e := &Environment{Python: mustVersion(t, test.python)}
		if got, err := mustMarker(t, test.marker).Evaluate(e, ""); got != test.want || err != nil {
			t.Errorf("Python %s: %s: %t, %v", test.python, test.marker, got, err)
		}
	}
	if ok, err := mustMarker(t, "python_version < '4'").Evaluate(&Environment{}, ""); ok || err != nil {
		t.Errorf("no Python: %t, %v", ok, err)
	}
}

func FuzzMarker(f *testing.F) {
	for _, s := range []string{
		"os_name == 'nt'", "(python_version<'3.9' or extra == \"X\") and 'a' not in platform.version", `os_name == "\x41\101\u0041\q"`,
		"'1' ~= platform_release", "'a' in extras and 'b' in dependency_groups", "((((", "os_name not", "extra == '", "'3' <= python_version",
	} {
		f.Add(s)
	}
	env := linux312(f)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMarker(text)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an empty message")
			}
			return
		}
		again, err := ParseMarker(m.String())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%q prints as %q, and then as %q: %v", text, m, again, err)
		}
		got, err := m.Evaluate(env, "x")
		if then, thenErr := again.Evaluate(env, "x"); then != got || (thenErr == nil) != (err == nil) {
			t.Fatalf("%q is %t, %v, but %q is %t, %v", text, got, err, again, then, thenErr)
		}
		m.EvaluateLock(env, []Name{"x"}, nil)
	})
}

// Evaluating is done tens of thousands of times for one advice.
func TestMarkerEvaluateAllocates(t *testing.T) {
	env := linux312(t)
	m := mustMarker(t, "(python_version < '3.9' or python_full_version >= '3.12') and sys_platform != 'win32' and extra == 'x'")
	var holds bool
	if n := testing.AllocsPerRun(100, func() { holds, _ = m.Evaluate(env, "x") }); n != 0 || !holds {
		t.Errorf("%v allocations, %t", n, holds)
	}
}

func BenchmarkMarkerEvaluate(b *testing.B) {
	env := linux312(b)
	for _, bench := range []struct{ name, marker string }{
		{"extra", "extra == 'test'"},
		{"python", "python_version < '3.10'"},
		{"mixed", "(python_version < '3.9' or python_full_version >= '3.12') and sys_platform != 'win32' and extra == 'x'"},
	} {
		m := mustMarker(b, bench.marker)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Evaluate(env, "x"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
