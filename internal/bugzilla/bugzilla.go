// Package bugzilla is a client of a Bugzilla's REST interface: it looks for bugs,
// files them, and writes comments. It decides by the codes of errors and not by HTTP
// status: a Bugzilla answers 401 for a component that does not exist. What is no
// JSON, such as the page of a proxy, is an error that says so. It never tries again
// by itself.
package bugzilla

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Client asks one Bugzilla. All fields must be set.
type Client struct {
	URL  string // without a slash at the end
	Key  string // API key
	HTTP *http.Client
}

// A Bug is one as searches return it.
type Bug struct {
	ID         int64   `json:"id"`
	Summary    string  `json:"summary"`
	Status     string  `json:"status"`
	Resolution string  `json:"resolution"`
	Whiteboard string  `json:"whiteboard"`
	Blocks     []int64 `json:"blocks"`
}

const wantedFields = "id,summary,status,resolution,whiteboard,blocks"

// A New is a bug to be filed.
type New struct {
	Product, Component, Version string
	Summary, Description        string
	Alias                       string            // there is at most one bug with it
	Whiteboard                  string            // where searches find it
	URL                         string            // of a page about it
	Blocks                      []string          // numbers or aliases
	Fields                      map[string]string // others, as this Bugzilla wants them
}

// An Error is what a Bugzilla refuses, in its words.
type Error struct {
	Code    int
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the Bugzilla says (code %d): %s", e.Code, e.Message)
}

// A BusyError is that of a Bugzilla, or of what is before it, that asks us to come
// later.
type BusyError struct {
	Status int
	After  time.Duration // 0 if it does not say when
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("the Bugzilla is asked too much, or is away (status %d)", e.Status)
}

// The codes that decide something.
const (
	codeNoSuchBug  = 101
	codeAliasTaken = 103
)

// ErrNotFound is wrapped by errors of looking for a bug that is not there.
var ErrNotFound = errors.New("there is no such bug")

// ErrAliasTaken is wrapped by errors of filing a bug whose alias another one has, or
// that no bug may have.
var ErrAliasTaken = errors.New("the alias cannot be given")

// Refused says whether an error means that the Bugzilla does not take what it was
// asked, and will not the next time. That it does not know us is no such error:
// somebody will mend that.
func Refused(err error) bool {
	var said *Error
	if !errors.As(err, &said) {
		return false
	}
	login := said.Code >= 300 && said.Code < 500 // who we are, and what we may do
	return said.Code > 0 && !login && said.Code < 32000
}

// Bug returns a bug by its number or alias.
func (c *Client) Bug(ctx context.Context, name string) (*Bug, error) {
	var answer struct{ Bugs []Bug }
	err := c.call(ctx, http.MethodGet, "bug/"+url.PathEscape(name), url.Values{"include_fields": {wantedFields}}, nil, &answer)
	var said *Error
	if errors.As(err, &said) && said.Code == codeNoSuchBug {
		return nil, fmt.Errorf("bug %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if len(answer.Bugs) != 1 || answer.Bugs[0].ID == 0 {
		return nil, fmt.Errorf("asked for bug %s, the Bugzilla answers with %d bugs", name, len(answer.Bugs))
	}
	return &answer.Bugs[0], nil
}

const (
	pageSize = 100
	mostOpen = 1000 // bugs of one component that are looked through
)

// Open returns the bugs of a component that are not resolved.
func (c *Client) Open(ctx context.Context, product, component string) (bugs []Bug, err error) {
	for len(bugs) < mostOpen {
		var answer struct{ Bugs []Bug }
		err := c.call(ctx, http.MethodGet, "bug", url.Values{
			"product": {product}, "component": {component}, "resolution": {"---"}, "include_fields": {wantedFields},
			"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(len(bugs))}, "order": {"bug_id"},
		}, nil, &answer)
		if err != nil {
			return nil, err
		}
		bugs = append(bugs, answer.Bugs...)
		if len(answer.Bugs) == 0 { // a Bugzilla may give fewer than it is asked for
			break
		}
	}
	return bugs, nil
}

// File files a bug and returns its number.
func (c *Client) File(ctx context.Context, b *New) (int64, error) {
	body := map[string]any{
		"product": b.Product, "component": b.Component, "version": b.Version, "summary": b.Summary, "description": b.Description,
		"alias": b.Alias, "whiteboard": b.Whiteboard, "url": b.URL,
	}
	if len(b.Blocks) > 0 {
		body["blocks"] = b.Blocks
	}
	for name, value := range b.Fields {
		body[name] = value
	}
	var answer struct{ ID int64 }
	err := c.call(ctx, http.MethodPost, "bug", nil, body, &answer)
	var said *Error
	switch {
	case errors.As(err, &said) && said.Code == codeAliasTaken:
		return 0, fmt.Errorf("%w: %w", ErrAliasTaken, err)
	case err != nil:
		return 0, err
	case answer.ID <= 0:
		return 0, errors.New("a Bugzilla that was to file a bug does not say its number")
	}
	return answer.ID, nil
}

// Said says whether a comment on a bug contains a text.
func (c *Client) Said(ctx context.Context, id int64, text string) (bool, error) {
	var answer struct {
		Bugs map[string]struct{ Comments []struct{ Text string } }
	}
	number := strconv.FormatInt(id, 10)
	if err := c.call(ctx, http.MethodGet, "bug/"+number+"/comment", nil, nil, &answer); err != nil {
		return false, err
	}
	bug, ok := answer.Bugs[number]
	if !ok {
		return false, fmt.Errorf("asked for the comments on bug %d, the Bugzilla answers with those on others", id)
	}
	return slices.ContainsFunc(bug.Comments, func(said struct{ Text string }) bool { return strings.Contains(said.Text, text) }), nil
}

// Comment comments on a bug. With a resolution it closes it, too.
func (c *Client) Comment(ctx context.Context, id int64, text, resolution string) error {
	body := map[string]any{"comment": map[string]any{"body": text}}
	if resolution != "" {
		body["status"], body["resolution"] = "CLOSED", resolution
	}
	var answer struct{ Bugs []struct{ ID int64 } }
	if err := c.call(ctx, http.MethodPut, "bug/"+strconv.FormatInt(id, 10), nil, body, &answer); err != nil {
		return err
	}
	if len(answer.Bugs) != 1 || answer.Bugs[0].ID != id {
		return fmt.Errorf("the Bugzilla does not say that bug %d was changed", id)
	}
	return nil
}

// Version returns the Bugzilla's.
func (c *Client) Version(ctx context.Context) (string, error) {
	var answer struct{ Version string }
	err := c.call(ctx, http.MethodGet, "version", nil, nil, &answer)
	if err == nil && answer.Version == "" {
		err = errors.New("what answers there is no Bugzilla")
	}
	return answer.Version, err
}

// mostAnswer bounds what is read of an answer.
const mostAnswer = 8 << 20

// call asks one thing. Its errors do not show the key.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, answer any) error {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
	}
	address := c.URL + "/rest/" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Koschei")
	req.Header.Set("Authorization", "Bearer "+c.Key)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was read as far as it matters
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	if err != nil {
		return fmt.Errorf("reading what the Bugzilla answers: %w", err)
	}
	return c.read(resp, text, answer)
}

// read makes sense of an answer.
func (c *Client) read(resp *http.Response, text []byte, answer any) error {
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		return &BusyError{resp.StatusCode, retryAfter(resp.Header)}
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/json" {
		return fmt.Errorf("the Bugzilla, or what is before it, answers with %q and status %d instead of JSON", kind, resp.StatusCode)
	}
	if len(text) > mostAnswer {
		return fmt.Errorf("the Bugzilla answers with more than %d bytes", mostAnswer)
	}
	var failure struct {
		Error   any // true, or 1
		Code    int
		Message string
	}
	if err := json.Unmarshal(text, &failure); err != nil {
		return fmt.Errorf("the Bugzilla answers with JSON that cannot be read: %w", err)
	}
	if failed := failure.Error != nil && failure.Error != false && failure.Error != 0.0; failed {
		return &Error{failure.Code, failure.Message}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the Bugzilla answers with status %d and does not say why", resp.StatusCode)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("the Bugzilla answers with JSON of another form: %w", err)
	}
	return nil
}

// retryAfter is how long we are asked to wait, 0 if that is not said.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
