package ingest

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestDowngrade: an index on https sends nobody to http.
func TestDowngrade(t *testing.T) {
	plain := newLoopback(t, small())
	u := small()
	u.change("beta", func(e map[string]any) { e["url"] = plain.URL + "/files/" + e["filename"].(string) })
	lb := &loopback{files: u}
	lb.misbehave = func(w http.ResponseWriter, r *http.Request) bool {
		if isPage(r, "alpha") {
			http.Redirect(w, r, plain.URL+"/simple/alpha/", http.StatusMovedPermanently)
			return true
		}
		return false
	}
	secure := httptest.NewUnstartedServer(lb)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that must fail
	secure.StartTLS()
	defer secure.Close()
	c := client(t, secure.URL+"/simple/", "", func(o *ClientOptions) { o.Transport = secure.Client().Transport })
	_, report := readLive(t, LiveOptions{Client: c}, "alpha", "beta")
	want := []string{
		"alpha: " + secure.URL + "/simple/alpha/: redirects from https to " + plain.URL + "/simple/alpha/, which is refused",
		"beta==1.0: " + plain.URL + "/files/beta-1.0-py3-none-any.whl: an index on https names a file on http, which is refused",
	}
	var got []string
	for _, f := range slices.Concat(report.Unknown, report.Unread) {
		got = append(got, f.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("report is\n%q, want\n%q", got, want)
	}
	if asked := plain.asked(); len(asked) != 0 {
		t.Errorf("the plain host was asked for %q", asked)
	}

	// Without the certificate: said once, not tried again.
	c = client(t, secure.URL+"/simple/", "", func(o *ClientOptions) {
		o.Sleep = func(context.Context, time.Duration) error { t.Error("tries again"); return nil }
	})
	_, err := c.Page(t.Context(), "beta", 0)
	if err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE or pip's cert setting can name certificates to trust") {
		t.Errorf("error is %v", err)
	}
}

// TestTransport: pip's cert and proxy settings, and the environment's proxy.
func TestTransport(t *testing.T) {
	lb := &loopback{files: small()}
	secure := httptest.NewTLSServer(lb)
	defer secure.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	pem := "-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(secure.Certificate().Raw) + "\n-----END CERTIFICATE-----\n"
	if err := os.WriteFile(file, []byte(pem), 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := NewTransport(TransportOptions{CertFile: file})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, secure.URL+"/simple/", "", func(o *ClientOptions) { o.Transport = transport })
	if _, err := c.Page(t.Context(), "beta", 0); err != nil {
		t.Errorf("with the certificate: %v", err)
	}

	proxy := newLoopback(t, small())
	var through atomic.Int32
	proxy.set(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host == "index.example" {
			through.Add(1)
		}
		return false
	})
	address, _ := url.Parse(proxy.URL)
	for _, o := range []TransportOptions{
		{Proxy: proxy.URL},
		{ProxyOf: func(*http.Request) (*url.URL, error) { return address, nil }},
	} {
		transport, err := NewTransport(o)
		if err != nil {
			t.Fatal(err)
		}
		before := through.Load()
		c := client(t, "http://index.example/simple", "", func(o *ClientOptions) { o.Transport = transport })
		if _, err := c.Page(t.Context(), "beta", 0); err != nil || through.Load() != before+1 {
			t.Errorf("through the proxy: %v, %d requests", err, through.Load()-before)
		}
	}
	transport, err = NewTransport(TransportOptions{ProxyOf: func(*http.Request) (*url.URL, error) { return nil, errors.New(secretPass) }})
	if err != nil {
		t.Fatal(err)
	}
	c = client(t, "http://index.example/simple", "", func(o *ClientOptions) { o.Transport = transport })
	_, err = c.Page(t.Context(), "beta", 0)
	if want := "http://index.example/simple/beta/: the proxy that the environment names is not a URL"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}

	for _, test := range []struct {
		o    TransportOptions
		want string
	}{
		{TransportOptions{CertFile: file + "x"}, "read the certificates to trust: open " + file + "x: no such file or directory"},
		{TransportOptions{CertFile: os.Args[0]}, "read the certificates to trust: " + os.Args[0] + ": no PEM certificate in it"},
		{TransportOptions{Proxy: "http://u:" + secretPass + "@proxy.example"}, "the proxy setting is not a URL (special characters in a user name or password must be percent-encoded)"},
		{TransportOptions{Proxy: "socks5://proxy.example"}, "the proxy setting is not an http or https URL"},
	} {
		if _, err := NewTransport(test.o); err == nil || err.Error() != test.want {
			t.Errorf("error is %v, want %s", err, test.want)
		}
	}
}

// TestHTTP2: a server that speaks HTTP/2 is asked in it, over few connections.
func TestHTTP2(t *testing.T) {
	u := newUniverse()
	var roots []string
	for _, name := range []string{"p1", "p2", "p3", "p4", "p5", "p6"} {
		u.release(name, "1.0")
		roots = append(roots, name)
	}
	lb := &loopback{files: u}
	var connections, old atomic.Int32
	lb.misbehave = func(w http.ResponseWriter, r *http.Request) bool {
		if r.ProtoMajor != 2 {
			old.Add(1)
		}
		return false
	}
	secure := httptest.NewUnstartedServer(lb)
	secure.EnableHTTP2 = true
	secure.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	secure.StartTLS()
	defer secure.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := NewTransport(TransportOptions{CertFile: file})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	clock, local := newClock(), openLocal(t)
	x := indexes(t, clock, []IndexSpec{{URL: secure.URL + "/simple"}}, nil, nil, func(o *ClientOptions) { o.Transport = transport })
	if report := readAll(t, readerOptions(t, clock, x, local), roots...); report.Metadata != len(roots) {
		t.Errorf("%+v", report)
	}
	if old.Load() > 0 || int(connections.Load()) > len(roots) { // they all may begin before one is made
		t.Errorf("%d requests not in HTTP/2, %d connections", old.Load(), connections.Load())
	}
}
