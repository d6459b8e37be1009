package repodata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
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
// connection or an answer. It sets no limit to how long a file takes that keeps
// coming; the context does.
func NewClient() *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       answerTimeout,
		ForceAttemptHTTP2:     true,
	}}
}

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
		if errors.Is(cause, errStalled) {
			return &UnavailableError{url, cause}
		}
		return cause
	}
	return &UnavailableError{url, err}
}

var errStalled = fmt.Errorf("no data came for %v", stallTimeout)

// A bodyReader reads the body of an answer and gives up when nothing comes.
type bodyReader struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call that opened it
	cancel context.CancelCauseFunc
	body   io.ReadCloser
	url    string
}

func (r *bodyReader) Read(p []byte) (int, error) {
	stalled := time.AfterFunc(stallTimeout, func() { r.cancel(errStalled) })
	n, err := r.body.Read(p)
	stalled.Stop()
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
