package ingest

import (
	"cmp"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"
)

// ProxyFromEnvironment returns the choice of proxy that HTTP_PROXY, HTTPS_PROXY
// and NO_PROXY make, in upper or lower case, read by getenv.
func ProxyFromEnvironment(getenv func(string) string) func(*http.Request) (*url.URL, error) {
	both := func(upper, lower string) string { return cmp.Or(getenv(upper), getenv(lower)) }
	choose := (&httpproxy.Config{
		HTTPProxy:  both("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: both("HTTPS_PROXY", "https_proxy"),
		NoProxy:    both("NO_PROXY", "no_proxy"),
		CGI:        getenv("REQUEST_METHOD") != "",
	}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
}
