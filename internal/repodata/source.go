package repodata

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/loop"
)

// A source is where the files of a repository are read from: a directory, a
// server, or a cached copy of a server's.
type source interface {
	// open opens the file that repomd.xml calls e.href.
	open(ctx context.Context, e entry) (io.ReadCloser, error)
	// name says where that file is, for people.
	name(href string) string
	// discard is told that a file was not what repomd.xml says.
	discard(href string)
}

const repomdHref = "repodata/repomd.xml"

func isURL(location string) bool {
	return strings.HasPrefix(location, "http://") || strings.HasPrefix(location, "https://")
}

type directory string

func (d directory) name(href string) string {
	return filepath.Join(string(d), filepath.FromSlash(href))
}

func (d directory) discard(string) {}

func (d directory) open(ctx context.Context, e entry) (io.ReadCloser, error) {
	name := d.name(e.href)
	f, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.href == repomdHref && !exists(string(d)):
		return nil, &InputError{string(d), "the directory does not exist", fs.ErrNotExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &InputError{name, "the file does not exist", fs.ErrNotExist}
	case err != nil:
		return nil, &InputError{name, "it cannot be read: " + reason(err), err}
	}
	return &contextReader{ctx, f, name}, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// reason is err without the path, which is said elsewhere.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// A contextReader reads a file until ctx is done.
type contextReader struct {
	ctx  context.Context //nolint:containedctx // lives as long as the call that opened it
	file *os.File
	name string
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.file.Read(p)
	if err != nil && err != io.EOF {
		err = &InputError{r.name, "it cannot be read: " + reason(err), err}
	}
	return n, err
}

func (r *contextReader) Close() error { return r.file.Close() }

// Timeouts of a client made by NewClient, and of each read of any.
const (
	connectTimeout = 15 * time.Second
	answerTimeout  = 60 * time.Second
	stallTimeout   = 60 * time.Second
)

// NewClient returns an HTTP client that does not wait for ever for a
// connection or an answer, and is not led to other hosts than those of
// redirectHosts, "*" for any, nor from https to http: what a repository is made
// of is known from its repomd.xml, which nothing but its address vouches for.
func NewClient(redirectHosts ...string) *http.Client { return NewClientTrusting(nil, redirectHosts...) }

// NewClientTrusting is NewClient for servers whose certificates are of some
// authorities; nil for the system's.
func NewClientTrusting(authorities *x509.CertPool, redirectHosts ...string) *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Client{
		CheckRedirect: func(to *http.Request, via []*http.Request) error { return mayRedirect(to, via, redirectHosts) },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connectTimeout,
			ResponseHeaderTimeout:  answerTimeout,
			IdleConnTimeout:        answerTimeout,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

func mayRedirect(to *http.Request, via []*http.Request, hosts []string) error {
	const most = 10
	first, last := via[0].URL, via[len(via)-1].URL
	switch {
	case len(via) >= most:
		return fmt.Errorf("it was redirected %d times", most)
	case last.Scheme == "https" && to.URL.Scheme != "https":
		return &redirectError{fmt.Sprintf("the server redirects from https to %s, to %s", to.URL.Scheme, shorten(to.URL.Redacted()))}
	case to.URL.Hostname() != first.Hostname() && !slices.Contains(hosts, to.URL.Hostname()) && !slices.Contains(hosts, "*"):
		return &redirectError{fmt.Sprintf("the server redirects to another host, %s, which is not allowed", shorten(to.URL.Hostname()))}
	}
	return nil
}

// A redirectError is a redirect that is not followed.
type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

type server struct {
	url    string // without a slash at the end
	client *http.Client
}

func (s *server) name(href string) string { return s.url + "/" + href }

func (s *server) discard(string) {}

func (s *server) open(ctx context.Context, e entry) (io.ReadCloser, error) {
	url := s.name(e.href)
	ctx, cancel := context.WithCancelCause(ctx)
	body, err := s.get(ctx, url)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return &bodyReader{ctx: ctx, cancel: cancel, body: body, url: url}, nil
}

func (s *server) get(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, &InputError{url, "it is no valid URL", err}
	}
	// Else a server may unpack .gz files on the way, which breaks checksums.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := s.client.Do(req)
	var refused *redirectError
	if errors.As(err, &refused) {
		return nil, &InputError{url, refused.reason, nil}
	}
	if err != nil {
		return nil, unavailable(ctx, url, err)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return resp.Body, nil
	case code == http.StatusNotFound || code == http.StatusGone:
		err = &InputError{url, "the server says " + resp.Status, fs.ErrNotExist}
	case code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
		err = &InputError{url, "the server says " + resp.Status, nil}
	default:
		err = &UnavailableError{url, fmt.Errorf("the server says %s", resp.Status)}
	}
	_ = resp.Body.Close()
	return nil, err
}

// unavailable is the error for a request that got no answer. If the caller has
// given up, that is the error.
func unavailable(ctx context.Context, url string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		var late *lateError
		if errors.As(cause, &late) {
			return &UnavailableError{url, cause}
		}
		return cause
	}
	return &UnavailableError{url, err}
}

// A lateError says that a server is too slow.
type lateError struct{ reason string }

func (e *lateError) Error() string { return e.reason }

// leastRate is how many bytes of a file must come in a second, on average and
// when a minute is over. So a file takes no longer than its length says, however
// its server behaves.
const (
	leastRate = 64 << 10
	leeway    = 60 * time.Second
)

// A bodyReader reads the body of an answer and gives up when nothing comes, or
// too little. Time in which nobody reads does not count.
type bodyReader struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call that opened it
	cancel context.CancelCauseFunc
	body   io.ReadCloser
	url    string

	n      int64         // bytes that have come
	waited time.Duration // for them
}

func (r *bodyReader) Read(p []byte) (int, error) {
	began, patience, late := time.Now(), stallTimeout, fmt.Sprintf("no data came for %v", stallTimeout)
	allowed := leeway + time.Duration(r.n)*time.Second/leastRate - r.waited
	if allowed < patience {
		patience = max(allowed, 0)
		late = fmt.Sprintf("%d bytes came in %v, less than %d a second", r.n, (r.waited + patience).Round(time.Second), leastRate)
	}
	stalled := time.AfterFunc(patience, func() { r.cancel(&lateError{late}) })
	n, err := r.body.Read(p)
	stalled.Stop()
	r.n += int64(n)
	r.waited += time.Since(began)
	if n > 0 {
		loop.Alive(r.ctx)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader says EOF unwrapped
		err = unavailable(r.ctx, r.url, err)
	}
	return n, err
}

func (r *bodyReader) Close() error {
	err := r.body.Close()
	r.cancel(nil)
	return err
}
