package koji

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// multicallChunk is the number of calls packed into one. Each has its own time
// at the hub's database, and a request may not exceed 4 MiB.
const multicallChunk = 100

// Multicall makes calls that only read, a hundred at a time, and returns their
// results in the same order. A fault of one does not touch the others; the
// error is that of the whole.
func (c *Client) Multicall(ctx context.Context, calls []xmlrpc.Call) ([]xmlrpc.Result, error) {
	results := make([]xmlrpc.Result, 0, len(calls))
	for len(calls) > 0 {
		chunk := calls[:min(multicallChunk, len(calls))]
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
