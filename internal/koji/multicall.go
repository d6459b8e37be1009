package koji

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// How many calls are packed into one. Each has its own time at the hub's
// database, and a request may not exceed 4 MiB. What the hub answers with one
// look-up by a primary key takes it about a millisecond, so there may be more of
// that; how many more depends on how long the answers are.
const (
	multicallChunk = 100
	eventChunk     = 5000
	buildChunk     = 1000
)

// Multicall makes calls that only read, a hundred at a time, and returns their
// results in the same order. A fault of one does not touch the others; the
// error is that of the whole.
func (c *Client) Multicall(ctx context.Context, calls []xmlrpc.Call) ([]xmlrpc.Result, error) {
	return c.multicall(ctx, calls, multicallChunk)
}

// multicall is Multicall with so many calls at a time.
func (c *Client) multicall(ctx context.Context, calls []xmlrpc.Call, most int) ([]xmlrpc.Result, error) {
	results := make([]xmlrpc.Result, 0, len(calls))
	for len(calls) > 0 {
		chunk := calls[:min(most, len(calls))]
		calls = calls[len(chunk):]
		var answer any
		if err := c.read(ctx, &answer, "multiCall", xmlrpc.MulticallParam(chunk)); err != nil {
			return nil, err
		}
		part, err := xmlrpc.MulticallResults(answer, len(chunk))
		if err != nil {
			return nil, err
		}
		results = append(results, part...)
	}
	return results, nil
}

// multicallOf makes calls of one kind, of which none may fail, and returns
// their results in the same order.
func multicallOf[T any](ctx context.Context, c *Client, calls []xmlrpc.Call) ([]T, error) {
	results, err := c.Multicall(ctx, calls)
	if err != nil {
		return nil, err
	}
	values := make([]T, len(results))
	for i, r := range results {
		if err := resultOf(r, &values[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", calls[i].Method, err)
		}
	}
	return values, nil
}

// lookUps is multicallOf for things that may not be there: where the hub says so,
// by a fault or with nil, the result is the zero value. So many calls are made at
// a time.
func lookUps[T any](ctx context.Context, c *Client, calls []xmlrpc.Call, most int) ([]T, error) {
	results, err := c.multicall(ctx, calls, most)
	if err != nil {
		return nil, err
	}
	values := make([]T, len(results))
	for i, r := range results {
		if err := resultOf(r, &values[i]); err != nil && !isFault(err, codeGeneric) {
			return nil, fmt.Errorf("%s: %w", calls[i].Method, err)
		}
	}
	return values, nil
}

// resultOf stores a result of a multicall in dst.
func resultOf(r xmlrpc.Result, dst any) error {
	if r.Fault != nil {
		return r.Fault
	}
	if err := xmlrpc.Unmarshal(r.Value, dst); err != nil {
		return fmt.Errorf("the hub's answer: %w", err)
	}
	return nil
}
