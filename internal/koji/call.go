package koji

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/loop"
)

// named returns the last parameter of a call: arguments by name, in pairs of
// name and value.
func named(pairs ...any) xmlrpc.Struct {
	args := make(xmlrpc.Struct, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			panic(fmt.Sprintf("koji: argument name %v", pairs[i]))
		}
		args = append(args, xmlrpc.Member{Name: name, Value: pairs[i+1]})
	}
	return xmlrpc.Named(args)
}

// read makes a call that changes nothing, without a session, and stores its
// result in dst. It is repeated while the failure is transient.
func (c *Client) read(ctx context.Context, dst any, method string, params ...any) error {
	return c.readWith(ctx, method, params, func(e *exchange) error { return e.value(ctx, nil, dst) })
}

// readList is read for an array that may be long: its elements are stored one
// by one, so that the answer as a whole is never in memory.
func readList[T any](ctx context.Context, c *Client, method string, params ...any) ([]T, error) {
	var list []T
	err := c.readWith(ctx, method, params, func(e *exchange) error {
		list = []T{}
		mapper := xmlrpc.NewMapper()
		return e.do(ctx, nil, func(d *xmlrpc.Decoder) error {
			return d.ResponseElements(func(value any) error {
				if len(list) == maxElements {
					return fmt.Errorf("more than %d elements: %w", maxElements, xmlrpc.ErrTooLarge)
				}
				var element T
				if err := mapper.Unmarshal(value, &element); err != nil {
					return &shapeError{fmt.Errorf("element %d: %w", len(list), err)}
				}
				list = append(list, element)
				return nil
			})
		})
	})
	return list, err
}

func (c *Client) readWith(ctx context.Context, method string, params []any, do func(*exchange) error) error {
	e, err := c.newExchange(c.config.Server, xmlrpc.Call{Method: method, Params: params})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := do(e)
		if err == nil {
			return nil
		}
		if ClassOf(err) != Transient || !c.config.Retry.wait(ctx, n) {
			return fmt.Errorf("%s: %w", method, ended(ctx, err))
		}
	}
}

// An exchange is one call that may be sent several times.
type exchange struct {
	c       *Client
	address string
	method  string
	body    []byte
}

func (c *Client) newExchange(address string, call xmlrpc.Call) (*exchange, error) {
	body, err := xmlrpc.AppendCall(nil, call)
	if err != nil {
		return nil, err
	}
	return &exchange{c: c, address: address, method: call.Method, body: body}, nil
}

// A shapeError is an answer that is well-formed but not what the call returns.
type shapeError struct{ err error }

func (e *shapeError) Error() string { return e.err.Error() }
func (e *shapeError) Unwrap() error { return e.err }

// value sends the call once and stores its result in dst.
func (e *exchange) value(ctx context.Context, header http.Header, dst any) error {
	return e.do(ctx, header, func(d *xmlrpc.Decoder) error {
		value, err := d.Response()
		if err != nil {
			return err
		}
		if err := xmlrpc.Unmarshal(value, dst); err != nil {
			return &shapeError{err}
		}
		return nil
	})
}

// do sends the call once and has its answer read. It takes no longer than the
// call limit. Errors are *xmlrpc.Fault, *HTTPError, *TransportError, or for an
// answer of another shape *shapeError.
func (e *exchange) do(ctx context.Context, header http.Header, read func(*xmlrpc.Decoder) error) error {
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, e.c.config.CallLimit)
	defer cancel()
	err := loop.Aside(ctx, func() error { return e.send(limited, header, read) })
	if observe := e.c.config.Observe; observe != nil {
		observe(e.method, ClassOf(err), time.Since(start))
	}
	return err
}

func (e *exchange) send(ctx context.Context, header http.Header, read func(*xmlrpc.Decoder) error) error {
	sent := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent = true },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address, bytes.NewReader(e.body))
	if err != nil {
		return &TransportError{Err: err}
	}
	req.Header.Set("User-Agent", "koji/1 koschei")
	req.Header.Set("Content-Type", "text/xml")
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := e.c.http.Do(req)
	if err != nil {
		return &TransportError{Sent: sent, Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // it was read, what can be left is of no use
	if resp.StatusCode != http.StatusOK {
		return httpError(resp)
	}
	err = read(xmlrpc.NewDecoder(&aliveReader{ctx, resp.Body}, answerLimits(e.method)))
	var fault *xmlrpc.Fault
	var shape *shapeError
	if err == nil || errors.As(err, &fault) || errors.As(err, &shape) {
		return err
	}
	return &TransportError{Sent: true, Err: fmt.Errorf("reading the answer: %w", err)}
}

func httpError(resp *http.Response) error {
	e := &HTTPError{Status: resp.StatusCode}
	// Pages of a web server say no more than the status; the hub's own refusals do.
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/plain" {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 200))
		if err != nil {
			return e
		}
		e.Text = strings.ToValidUTF8(strings.TrimSpace(string(text)), "?")
	}
	return e
}
