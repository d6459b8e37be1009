package notifier

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/koschei-ci/koschei"
)

// clientOf returns a client of a service that the operator has named, and whose
// authorities trust has; nil for the system's. What it shows who we are by goes to
// where it was meant to go, and nowhere else.
func clientOf(trust *tls.Config) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, TLSHandshakeTimeout: connectTimeout,
			MaxConnsPerHost: sentAtOnce, MaxIdleConnsPerHost: sentAtOnce, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
	}
}

// namesService says whether an address can be that of such a service.
func namesService(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil && u.RawQuery == ""
}

// pageOf is the address of the page about the package of an event.
func pageOf(site *url.URL, e *koschei.Event) string {
	page := site.JoinPath("package", url.PathEscape(e.Package))
	page.RawQuery = url.Values{"collection": {e.Collection}}.Encode()
	return page.String()
}
