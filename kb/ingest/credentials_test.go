package ingest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	secretUser = "s3cret-user"
	secretPass = "s3cret/p@ss"
	secretKey  = "s3cret-key"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestCredentials: what to log in with goes to the index and its files, to no
// other host, and is in no error, report, listing or file of the cache.
func TestCredentials(t *testing.T) {
	userinfo := url.UserPassword(secretUser, secretPass).String() + "@"
	other := newLoopback(t, small())
	lb := newLoopback(t, small())
	wanted := basic(secretUser, secretPass)

	private := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != wanted {
			w.WriteHeader(401)
			return true
		}
		return false
	}
	leaks := func(t *testing.T, what any) {
		t.Helper()
		text := fmt.Sprintf("%+v", what)
		for _, s := range []string{secretUser, "s3cret/p", "s3cret%2Fp", secretKey} {
			if strings.Contains(text, s) {
				t.Errorf("%q is in %s", s, text)
			}
		}
	}
	t.Run("in the URL", func(t *testing.T) {
		dir := t.TempDir()
		lb.set(private)
		got, report := readLive(t, LiveOptions{Client: client(t, lb.index(userinfo), dir)}, "alpha")
		if len(got) != 2 || len(report.Unknown)+len(report.Unread) > 0 {
			t.Errorf("read %d projects, %+v", len(got), report)
		}
		leaks(t, got)
		wholeCache(t, dir, secretUser, "s3cret/p", "s3cret%2Fp")
	})
	t.Run("in netrc", func(t *testing.T) {
		lb.set(private)
		file := filepath.Join(t.TempDir(), "netrc")
		host, _ := url.Parse(lb.URL)
		os.WriteFile(file, []byte("machine "+host.Hostname()+"\nlogin "+secretUser+" password "+secretPass+"\n"), 0o600)
		got, report := readLive(t, LiveOptions{Client: client(t, lb.index(""), "", func(o *ClientOptions) { o.Netrc = file })}, "alpha")
		if len(got) != 2 {
			t.Errorf("read %d projects, %+v", len(got), report)
		}
		// What the URL says counts before netrc.
		_, report = readLive(t, LiveOptions{Client: client(t, lb.index("nobody@"), "", func(o *ClientOptions) { o.Netrc = file })}, "alpha")
		if len(report.Unknown) != 1 {
			t.Errorf("netrc beats the URL: %+v", report)
		}
	})
	t.Run("refused", func(t *testing.T) {
		dir := t.TempDir()
		lb.set(func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(401); return true })
		_, report := readLive(t, LiveOptions{Client: client(t, lb.index(userinfo), dir)}, "alpha")
		if len(report.Unknown) != 1 || len(report.Missing) != 0 {
			t.Errorf("report is %+v, want one unknown", report)
		}
		leaks(t, report)
		if n := wholeCache(t, dir); n != 0 {
			t.Errorf("%d files in the cache after a refusal", n)
		}
	})
	t.Run("redirected to another host and back", func(t *testing.T) {
		dir := t.TempDir()
		lb.set(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("token") == "" && strings.HasPrefix(r.URL.Path, "/simple/") {
				http.Redirect(w, r, other.URL+r.URL.Path+"?token="+secretKey, http.StatusFound)
				return true
			}
			return false
		})
		other.set(func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, lb.URL+r.URL.Path+"?token="+secretKey, http.StatusFound)
			return true
		})
		c := client(t, lb.index(userinfo), dir)
		page, err := c.Page(t.Context(), "alpha", 0)
		if err != nil {
			t.Fatal(err)
		}
		leaks(t, page)
		wholeCache(t, dir, secretUser, secretKey)
		if want := []string{wanted, ""}; !slices.Equal(lb.logins, want) {
			t.Errorf("the index was sent %q, want %q", lb.logins, want)
		}
		if want := []string{""}; !slices.Equal(other.logins, want) {
			t.Errorf("the other host was sent %q, want nothing", other.logins)
		}
	})
	t.Run("another host fails", func(t *testing.T) {
		lb.set(func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, strings.Replace(other.URL, "://", "://"+userinfo, 1)+"/?token="+secretKey, http.StatusFound)
			return true
		})
		other.set(func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(403); return true })
		_, err := client(t, lb.index(userinfo), "").Page(t.Context(), "alpha", 0)
		if err == nil || !strings.HasPrefix(err.Error(), other.URL+"/: answered 403") {
			t.Errorf("error is %v", err)
		}
		leaks(t, err)
		if other.logins[0] != "" {
			t.Errorf("a redirect made the client log in with %q", other.logins[0])
		}
	})
	t.Run("files on another host", func(t *testing.T) {
		u := small()
		u.change("alpha", func(e map[string]any) { e["url"] = other.URL + "/files/" + e["filename"].(string) })
		lb := newLoopback(t, u)
		other.set(nil)
		_, report := readLive(t, LiveOptions{Client: client(t, lb.index(userinfo), "")}, "alpha")
		if report.Metadata != 2 || len(other.logins) != 1 || other.logins[0] != "" {
			t.Errorf("the file's host was sent %q; %+v", other.logins, report)
		}
	})
	t.Run("bad URLs", func(t *testing.T) {
		for _, index := range []string{
			"https://" + secretUser + ":s3cret/p@ss@index.example/simple", // not encoded
			"https://" + secretUser + ":%zz@index.example/simple",
			"ftp://" + secretUser + ":s3cret@index.example/simple",
			"https://" + secretUser + "@/simple", "https:" + secretUser, secretUser, "",
		} {
			_, err := NewClient(ClientOptions{Index: index, Now: time.Now})
			if err == nil || !strings.HasPrefix(err.Error(), "the index URL ") {
				t.Errorf("%q: error is %v", index, err)
			}
			leaks(t, err)
			leaks(t, Redact(index+"?q="+secretKey))
		}
	})
}

func TestNetrc(t *testing.T) {
	tests := []struct {
		name, text string
		want       netrc
		err        string
	}{
		{name: "empty", want: netrc{}},
		{
			name: "any layout",
			text: "# mine\nmachine A.example login u password p machine b.example\n\tlogin\n v\r\n account x password #q # a comment: machine z\n",
			want: netrc{"a.example": {"u", "p"}, "b.example": {"v", "#q"}},
		},
		{name: "quotes", text: `machine a.example login "u v" password "p\"q\\"`, want: netrc{"a.example": {"u v", `p"q\`}}},
		{name: "default is left out", text: "machine a login u password p\ndefault login d password e", want: netrc{"a": {"u", "p"}}},
		{name: "macros are skipped", text: "machine a\nmacdef init\nlogin wrong\npassword wrong\n\nlogin u password p", want: netrc{"a": {"u", "p"}}},
		{name: "a macro at the end", text: "machine a login u\nmacdef init\ncd x", want: netrc{"a": {"u", ""}}},
		{name: "the last entry counts", text: "machine a login u password p machine a login v", want: netrc{"a": {"v", ""}}},
		{name: "no value", text: "machine a\nlogin", err: "f:2: the last word has no value, or a quote is open"},
		{name: "open quote", text: "machine a\nlogin \"secret", err: "f:2: the last word has no value, or a quote is open"},
		{name: "no machine", text: "\nlogin secret", err: "f:2: expected machine"},
		{name: "another word", text: "machine a\n\npasswd secret", err: "f:3: expected machine, login, password, account or macdef"},
		{name: "huge", text: strings.Repeat(" ", maxConfig+1), err: "f: larger than 1048576 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseNetrc("f", []byte(test.text))
			if fmt.Sprint(err) != cmp.Or(test.err, "<nil>") {
				t.Fatalf("error is %v, want %s", err, test.err)
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine a.example login u password \"p\\\"\" # c\nmacdef m\nx\n\ndefault login d")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseNetrc("f", []byte(text))
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("error %q names no file", err)
		}
		if _, ok := found[""]; ok {
			t.Error("a login for no host")
		}
	})
}
