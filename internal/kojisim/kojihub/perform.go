package kojihub

import (
	"errors"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// perform does what a request asks, in one transaction.
func (h *Hub) perform(from caller, in xmlrpc.Call) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.world.Lock()
	defer h.world.Unlock()
	if err := h.trouble.offline(); err != nil {
		return nil, err
	}
	if w.Policy.Before(31) {
		from.session = from.address
	}
	s, num, err := h.sessions.find(w.Now, from.session, in.Method)
	if err != nil {
		return nil, err
	}
	c := call{w: w, sessions: h.sessions, from: from, session: s}
	if err := h.trouble.lockedOut(in.Method, c.user()); err != nil {
		return nil, err
	}
	before := w.Changes
	value, err := h.dispatch(c, in)
	if err == nil && s != nil && num >= 0 && w.Changes != before {
		s.callnum = num
	}
	return value, err
}

// dispatch calls one method; c is the call without its arguments.
func (h *Hub) dispatch(c call, in xmlrpc.Call) (any, error) {
	if in.Method == "multiCall" || in.Method == "system.multicall" {
		return h.multicall(c, in.Params)
	}
	m := h.methods[in.Method]
	if m == nil {
		return nil, fault.Generic("Invalid method: %s", in.Method)
	}
	var err error
	if c.args, c.rest, err = m.bind(in.Params); err != nil {
		return nil, err
	}
	return m.do(&c)
}

// multicall calls many methods. One that faults leaves no trace: methods check
// before they change anything.
func (h *Hub) multicall(c call, params []any) (any, error) {
	if len(params) != 1 {
		return nil, fault.New(fault.CodeParameter, "HandlerRegistry.multiCall() takes 2 positional arguments but %d were given", len(params)+1)
	}
	list, ok := params[0].([]any)
	if !ok {
		return nil, fault.New(fault.CodeParameter, "multiCall takes a list of calls")
	}
	out := make([]any, len(list))
	for i, e := range list {
		value, err := h.subcall(c, e)
		if err != nil {
			f := asFault(err)
			f.Traceback = multicallTraceback(f)
			out[i] = f.Struct()
			continue
		}
		out[i] = []any{value}
	}
	return out, nil
}

func (h *Hub) subcall(c call, e any) (any, error) {
	in, _ := e.(xmlrpc.Struct)
	name, _ := in.Get("methodName")
	method, isText := name.(string)
	if !isText {
		return nil, &fault.Fault{Code: fault.CodePython, Text: "methodName"}
	}
	given, ok := in.Get("params")
	params, isList := given.([]any)
	if !ok || !isList {
		return nil, &fault.Fault{Code: fault.CodePython, Text: "params"}
	}
	return h.dispatch(c, xmlrpc.Call{Method: method, Params: params})
}

func multicallTraceback(f *xmlrpc.Fault) []string {
	return []string{
		"Traceback (most recent call last):\n",
		"  File \"/usr/lib/python3/site-packages/kojihub/kojixmlrpc.py\", line 366, in multiCall\n",
		faultClass(f.Code) + ": " + f.String + "\n",
	}
}

func faultClass(code int) string {
	switch code {
	case fault.CodeGeneric:
		return "koji.GenericError"
	case fault.CodeAuth:
		return "koji.AuthError"
	case fault.CodeNotAllowed:
		return "koji.ActionNotAllowed"
	case fault.CodeParameter:
		return "koji.ParameterError"
	}
	return "Exception"
}

// asFault is the fault that tells of err; what is no fault of Koji's is a
// Python exception.
func asFault(err error) *xmlrpc.Fault {
	var f *fault.Fault
	if !errors.As(err, &f) {
		f = fault.Exception("kojihub/kojixmlrpc", "_wrap_handler", "Exception: "+err.Error())
	}
	return wireFault(f)
}
