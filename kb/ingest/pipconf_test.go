package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// pipEnv is an environment of texts; reading a file whose text is "!" fails.
func pipEnv(goos string, vars, files map[string]string) PipEnv {
	return PipEnv{
		Getenv: func(key string) string { return vars[key] },
		ReadFile: func(name string) ([]byte, error) {
			text, ok := files[name]
			switch {
			case !ok:
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			case text == "!":
				return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("permission denied")}
			}
			return []byte(text), nil
		},
		GOOS: goos,
	}
}

func index(name string) string { return "[global]\nindex-url = https://" + name + ".example/simple\n" }

// TestPipConfigOrder takes the winner away again and again: the order in
// which places win is the order of the list. Checked against pip 26's
// documentation (Configuration files, Environment variables).
func TestPipConfigOrder(t *testing.T) {
	type place struct{ variable, file string }
	orders := map[string]struct {
		vars   map[string]string
		places []place // strongest first
	}{
		"linux": {map[string]string{"HOME": "/home/u", "VIRTUAL_ENV": "/venv/", "XDG_CONFIG_DIRS": "/x1:/x2"}, []place{
			{variable: "PIP_INDEX_URL"}, {file: "/venv/pip.conf"},
			{file: "/home/u/.config/pip/pip.conf"}, {file: "/home/u/.pip/pip.conf"},
			{file: "/etc/pip.conf"}, {file: "/x2/pip/pip.conf"}, {file: "/x1/pip/pip.conf"},
		}},
		"linux, defaults": {map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "/c"}, []place{
			{file: "/c/pip/pip.conf"}, {file: "/home/u/.pip/pip.conf"}, {file: "/etc/pip.conf"}, {file: "/etc/xdg/pip/pip.conf"},
		}},
		"linux, no home": {map[string]string{"XDG_CONFIG_HOME": "/c"}, []place{{file: "/c/pip/pip.conf"}, {file: "/etc/pip.conf"}}},
		"linux, PIP_CONFIG_FILE": {map[string]string{"HOME": "/home/u", "VIRTUAL_ENV": "/venv", "PIP_CONFIG_FILE": "/mine"}, []place{
			{variable: "PIP_INDEX_URL"}, {file: "/mine"}, {file: "/venv/pip.conf"}, {file: "/etc/pip.conf"},
		}},
		"darwin": {map[string]string{"HOME": "/Users/u", "VIRTUAL_ENV": "/venv"}, []place{
			{file: "/venv/pip.conf"}, {file: "/Users/u/Library/Application Support/pip/pip.conf"},
			{file: "/Users/u/.pip/pip.conf"}, {file: "/Library/Application Support/pip/pip.conf"},
		}},
		"darwin, no folder": {map[string]string{"HOME": "/Users/u"}, []place{
			{file: "/Users/u/.config/pip/pip.conf"}, {file: "/Users/u/.pip/pip.conf"},
		}},
		"windows": {map[string]string{"USERPROFILE": `C:\Users\u`, "APPDATA": `C:\Users\u\R`, "VIRTUAL_ENV": `C:\venv`}, []place{
			{file: `C:\venv\pip.ini`}, {file: `C:\Users\u\R\pip\pip.ini`}, {file: `C:\Users\u\pip\pip.ini`}, {file: `C:\ProgramData\pip\pip.ini`},
		}},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			goos, _, _ := strings.Cut(name, ",")
			vars, files := maps.Clone(order.vars), map[string]string{}
			for i, p := range order.places {
				if p.variable != "" {
					vars[p.variable] = fmt.Sprintf("https://%d.example/simple", i)
				} else {
					files[p.file] = index(fmt.Sprint(i))
				}
			}
			for i, p := range order.places {
				got, err := FindPipConfig(pipEnv(goos, vars, files))
				if err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("https://%d.example/simple", i); got.IndexURL != want || got.Source != p.variable+p.file {
					t.Errorf("found %q in %q, want %q in %q", got.IndexURL, got.Source, want, p.variable+p.file)
				}
				delete(vars, p.variable)
				delete(files, p.file)
			}
			got, err := FindPipConfig(pipEnv(goos, vars, files))
			if err != nil || got.IndexURL != "" || got.Source != "" {
				t.Errorf("with nothing configured: %+v, %v", got, err)
			}
		})
	}
}

func TestPipConfig(t *testing.T) {
	const file = "/etc/pip.conf"
	tests := []struct {
		name  string
		vars  map[string]string
		files map[string]string
		want  PipConfig
		err   string
	}{
		{name: "nothing"},
		{
			name: "every setting",
			files: map[string]string{file: `
# a comment
; another
[global]
Index_URL: https://u:p@a.example/simple
extra-index-url =
    https://b.example/simple

    # between
    https://c.example/simple
cert = ~/ca.pem
proxy=http://proxy.example:3128
timeout = 2.5
no-such-setting = 1
[list]
index-url = https://wrong.example
`},
			vars: map[string]string{"HOME": "/home/u"},
			want: PipConfig{
				IndexURL: "https://u:p@a.example/simple", Source: file,
				ExtraIndexURLs: []string{"https://b.example/simple", "https://c.example/simple"},
				Cert:           "/home/u/ca.pem", Proxy: "http://proxy.example:3128", Timeout: 2500 * time.Millisecond,
			},
		},
		{
			name:  "install beats global, also of a stronger file",
			files: map[string]string{file: "[install]\nindex-url=https://i.example", "/home/u/.pip/pip.conf": index("g")},
			vars:  map[string]string{"HOME": "/home/u"},
			want:  PipConfig{IndexURL: "https://i.example", Source: file},
		},
		{
			name:  "variables beat files one by one; empty is not set",
			files: map[string]string{file: index("f") + "cert=/f.pem\n"},
			vars: map[string]string{"PIP_INDEX_URL": "", "PIP_CERT": "/v.pem", "PIP_EXTRA_INDEX_URL": "https://x.example https://y.example",
				"PIP_PROXY": "http://p.example", "PIP_DEFAULT_TIMEOUT": "180"},
			want: PipConfig{IndexURL: "https://f.example/simple", Source: file, ExtraIndexURLs: []string{"https://x.example", "https://y.example"},
				Cert: "/v.pem", Proxy: "http://p.example", Timeout: 3 * time.Minute},
		},
		{
			name:  "an empty value takes back that of a weaker file",
			files: map[string]string{file: index("f"), "/home/u/.pip/pip.conf": "[global]\nindex-url =\n"},
			vars:  map[string]string{"HOME": "/home/u"},
		},
		{
			name:  "no files at all",
			files: map[string]string{file: "!"},
			vars:  map[string]string{"PIP_CONFIG_FILE": "/dev/null"},
		},
		{
			name:  "PIP_CONFIG_FILE that is not there leaves the user's",
			files: map[string]string{"/home/u/.pip/pip.conf": index("u")},
			vars:  map[string]string{"PIP_CONFIG_FILE": "/none", "HOME": "/home/u"},
			want:  PipConfig{IndexURL: "https://u.example/simple", Source: "/home/u/.pip/pip.conf"},
		},
		{
			name:  "PIP_CONFIG_FILE that is there replaces the user's",
			files: map[string]string{"/home/u/.pip/pip.conf": index("u"), "/mine": "[global]\nproxy = http://p.example\n"},
			vars:  map[string]string{"PIP_CONFIG_FILE": "/mine", "HOME": "/home/u"},
			want:  PipConfig{Proxy: "http://p.example"},
		},
		{name: "byte order mark and CRLF", files: map[string]string{file: "\ufeff[global]\r\nindex-url = https://w.example\r\n"},
			want: PipConfig{IndexURL: "https://w.example", Source: file}},

		{name: "unreadable", files: map[string]string{file: "!"}, err: "read pip's configuration: open /etc/pip.conf: permission denied"},
		{name: "no section", files: map[string]string{file: "\nindex-url = https://u:secret@x\n"}, err: "/etc/pip.conf:2: index-url stands before the first [section]"},
		{name: "no value", files: map[string]string{file: "[global]\nhttps//u@secret\n"}, err: "/etc/pip.conf:2: expected key = value"},
		{name: "no key", files: map[string]string{file: "[global]\n= secret\n"}, err: "/etc/pip.conf:2: expected key = value"},
		{name: "bad section", files: map[string]string{file: "[global\n"}, err: "/etc/pip.conf:1: expected a section such as [global]"},
		{name: "section twice", files: map[string]string{file: "[global]\n\n[global]\n"}, err: "/etc/pip.conf:3: section [global] is there twice"},
		{name: "key twice", files: map[string]string{file: "[global]\nindex-url=a\nindex_url=b\n"}, err: "/etc/pip.conf:3: index-url is there twice in [global]"},
		{name: "not text", files: map[string]string{file: "[global]\nindex-url=\xff"}, err: "/etc/pip.conf: not UTF-8 text"},
		{name: "huge", files: map[string]string{file: strings.Repeat("#", maxConfig+1)}, err: "/etc/pip.conf: larger than 1048576 bytes"},
		{name: "timeout in a variable", vars: map[string]string{"PIP_TIMEOUT": "soon"}, err: `PIP_TIMEOUT: timeout "soon" is not a number of seconds`},
		{name: "timeout in a file", files: map[string]string{file: "[global]\ntimeout = nan"}, err: `/etc/pip.conf: timeout "nan" is not a number of seconds`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := FindPipConfig(pipEnv("linux", test.vars, test.files))
			if msg := fmt.Sprint(err); err != nil && msg != test.err || err == nil && test.err != "" {
				t.Fatalf("error is %v, want %s", err, test.err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("configuration differs (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzINI(f *testing.F) {
	f.Add("[global]\nindex-url = https://a.example\n  https://b.example\n; c\n[install]\nx:y\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseINI("f", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("error %q names no file", err)
			}
			return
		}
		// Written plainly and read again it is the same.
		var b strings.Builder
		for key, value := range values {
			section, name, _ := strings.Cut(key, ".")
			if strings.Count(key, ".") > 1 || strings.Contains(section, "\r") || strings.ContainsAny(value+name, "\r\v\f\u0085\u00a0") {
				return
			}
			b.Reset()
			fmt.Fprintf(&b, "[%s]\n%s = %s\n", section, name, strings.ReplaceAll(value, "\n", "\n "))
			again, err := parseINI("f", []byte(b.String()))
			if err != nil || again[key] != value {
				t.Fatalf("%q: %q became %q, %v", b.String(), value, again[key], err)
			}
		}
	})
}
