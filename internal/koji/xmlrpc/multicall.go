package xmlrpc

import "fmt"

// A Call is a method and its parameters.
type Call struct {
	Method string
	Params []any
}

// A Result is the outcome of one call inside a multiCall: a fault, or a value
// that may be nil.
type Result struct {
	Value any
	Fault *Fault
}

// MulticallParam returns the one parameter of a multiCall of these calls.
func MulticallParam(calls []Call) []any {
	list := make([]any, len(calls))
	for i, c := range calls {
		params := c.Params
		if params == nil {
			params = []any{}
		}
		list[i] = Struct{{"methodName", c.Method}, {"params", params}}
	}
	return list
}

// MulticallResults takes the answer to a multiCall of n calls apart.
func MulticallResults(answer any, n int) ([]Result, error) {
	list, ok := answer.([]any)
	if !ok {
		return nil, fmt.Errorf("multiCall answered %s instead of an array", kindOf(answer))
	}
	if len(list) != n {
		return nil, fmt.Errorf("multiCall of %d calls answered %d results", n, len(list))
	}
	results := make([]Result, n)
	for i, item := range list {
		result, err := multicallResult(item)
		if err != nil {
			return nil, fmt.Errorf("multiCall, result %d: %w", i, err)
		}
		results[i] = result
	}
	return results, nil
}

func multicallResult(item any) (Result, error) {
	switch item := item.(type) {
	case []any:
		if len(item) != 1 {
			return Result{}, fmt.Errorf("an array of %d elements instead of one", len(item))
		}
		return Result{Value: item[0]}, nil
	case Struct:
		if fault, ok := FaultOf(item); ok {
			return Result{Fault: fault}, nil
		}
		return Result{}, fmt.Errorf("a struct that is no fault")
	default:
		return Result{}, fmt.Errorf("%s instead of an array or a fault", kindOf(item))
	}
}
