package xmlrpc

import "fmt"

// A Member is one named value of a Struct.
type Member struct {
	Name  string
	Value any
}

// A Struct is a list of named values. The order is kept because the hub sends
// members in an order of its own, and what is decoded must encode to the same
// bytes. The zero Struct is an empty struct, not nil.
type Struct []Member

// Get returns the value of the named member and whether there is one. Of two
// members with one name the last counts, as in a Python dict.
func (s Struct) Get(name string) (any, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Name == name {
			return s[i].Value, true
		}
	}
	return nil, false
}

// A DateTime is the text of a <dateTime.iso8601>, not interpreted: the hub
// gives its times as strings and doubles.
type DateTime string

// starstar is the member that marks a last struct as named arguments.
const starstar = "__starstar"

// Named returns the last parameter of a call that passes args by name.
func Named(args Struct) Struct {
	named := make(Struct, 0, len(args)+1)
	named = append(named, args...)
	return append(named, Member{starstar, true})
}

// SplitNamed separates the parameters of a call into those given by position
// and those given by name. Without the marker a last struct is an ordinary
// argument and named is nil.
func SplitNamed(params []any) (positional []any, named Struct) {
	if len(params) == 0 {
		return params, nil
	}
	last, ok := params[len(params)-1].(Struct)
	if !ok {
		return params, nil
	}
	if mark, ok := last.Get(starstar); !ok || mark != true {
		return params, nil
	}
	named = make(Struct, 0, len(last)-1)
	for _, m := range last {
		if m.Name != starstar {
			named = append(named, m)
		}
	}
	return params[:len(params)-1], named
}

// A Fault is the hub's refusal of a call. What the codes mean is the matter
// of package koji.
type Fault struct {
	Code      int
	String    string
	Traceback []string // only of a call inside a multiCall
}

func (f *Fault) Error() string {
	return fmt.Sprintf("fault %d: %s", f.Code, f.String)
}

// Struct returns the fault as it travels, with a traceback if it has one.
func (f *Fault) Struct() Struct {
	s := Struct{{"faultCode", int64(f.Code)}, {"faultString", f.String}}
	if f.Traceback != nil {
		lines := make([]any, len(f.Traceback))
		for i, line := range f.Traceback {
			lines[i] = line
		}
		s = append(s, Member{"traceback", lines})
	}
	return s
}

// FaultOf reads a fault from the struct it travels in; ok tells whether s is
// one.
func FaultOf(s Struct) (fault *Fault, ok bool) {
	code, _ := s.Get("faultCode")
	number, isInt := code.(int64)
	text, _ := s.Get("faultString")
	message, isString := text.(string)
	if !isInt || !isString {
		return nil, false
	}
	fault = &Fault{Code: int(number), String: message}
	if lines, _ := s.Get("traceback"); lines != nil {
		array, _ := lines.([]any)
		fault.Traceback = make([]string, 0, len(array))
		for _, line := range array {
			text, _ := line.(string)
			fault.Traceback = append(fault.Traceback, text)
		}
	}
	return fault, true
}
