package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// TransportOptions say how connections are made. The zero value connects
// directly and trusts the certificates of the system.
type TransportOptions struct {
	// CertFile names a file of PEM certificates to trust instead of the
	// system's, as pip's cert setting does. Empty: the system's, which on unix
	// SSL_CERT_FILE replaces.
	CertFile string

	// Proxy is the URL of a proxy for everything, as pip's proxy setting.
	Proxy string

	// ProxyOf is asked where Proxy is empty; ProxyFromEnvironment makes one.
	// Nil: no proxy.
	ProxyOf func(*http.Request) (*url.URL, error)
}

// A proxyError says that the environment names a proxy that cannot be used. It
// quotes nothing: the URL may hold a password.
type proxyError struct{}

func (*proxyError) Error() string { return "the proxy that the environment names is not a URL" }

// NewTransport returns a transport for a Client.
func NewTransport(o TransportOptions) (*http.Transport, error) {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: 16,
		// Whatever the body, headers are small.
		MaxResponseHeaderBytes: 64 << 10,
	}
	switch {
	case o.Proxy != "":
		proxy, err := parseURL("the proxy setting", o.Proxy)
		if err != nil {
			return nil, err
		}
		t.Proxy = http.ProxyURL(proxy)
	case o.ProxyOf != nil:
		t.Proxy = func(req *http.Request) (*url.URL, error) {
			proxy, err := o.ProxyOf(req)
			if err != nil {
				return nil, &proxyError{}
			}
			return proxy, nil
		}
	}
	if o.CertFile != "" {
		pem, err := os.ReadFile(o.CertFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificates to trust: %s: no PEM certificate in it", o.CertFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
