package kojihub

import (
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// A call is one method with its arguments, on behalf of a session.
type call struct {
	w        *kojisim.System
	sessions *sessions
	from     caller
	session  *session // nil: anonymous
	args     map[string]any
	rest     []any // of a method that takes any number
}

// A method is what the hub can be asked for.
type method struct {
	python   string // Koji's own name of the function, for its error texts
	bound    bool   // a method of an object: Python counts one argument more
	variadic bool
	anyName  bool // takes named arguments of any name
	params   []string
	required int
	do       func(*call) (any, error)
}

// methodOf describes a method by its Python signature, such as
// "get_tag(tagInfo, strict=False)". A dot in the name makes it a bound one.
func methodOf(signature string, do func(*call) (any, error)) *method {
	name, list, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	m := &method{python: name, bound: strings.Contains(name, "."), do: do}
	if list == "" {
		return m
	}
	for _, p := range strings.Split(list, ", ") {
		if strings.HasPrefix(p, "*") {
			m.variadic = m.variadic || p == "*args"
			m.anyName = m.anyName || p != "*args"
			continue
		}
		p, _, optional := strings.Cut(p, "=")
		m.params = append(m.params, p)
		if !optional {
			m.required++
		}
	}
	return m
}

// arg is an argument's value, nil if it was not given.
func (c *call) arg(name string) any { return c.args[name] }

// given reports whether an argument was given, be it nil.
func (c *call) given(name string) bool {
	_, ok := c.args[name]
	return ok
}

// flag is a truth value, false if it was not given.
func (c *call) flag(name string) bool { return truthy(c.args[name]) }

// unless is a truth value that is true if it was not given.
func (c *call) unless(name string) bool {
	v, ok := c.args[name]
	return !ok || truthy(v)
}

// integer is an argument that must be a number; 0 if it was not given.
func (c *call) integer(name string) int {
	n := kojisim.Whole(c.args[name])
	return n
}

// bind lays the parameters of a request out by name; its faults are Python's.
func (m *method) bind(params []any) (map[string]any, []any, error) {
	positional, named := xmlrpc.SplitNamed(params)
	args := make(map[string]any, len(params))
	var rest []any
	for i, v := range positional {
		if i < len(m.params) {
			args[m.params[i]] = v
		} else {
			rest = append(rest, v)
		}
	}
	if len(rest) > 0 && !m.variadic {
		return nil, nil, m.tooMany(len(positional))
	}
	for _, a := range named {
		if !m.anyName && !m.has(a.Name) {
			return nil, nil, fault.New(fault.CodeParameter, "%s() got an unexpected keyword argument '%s'", m.python, a.Name)
		}
		if _, twice := args[a.Name]; twice {
			return nil, nil, fault.New(fault.CodeParameter, "%s() got multiple values for argument '%s'", m.python, a.Name)
		}
		args[a.Name] = a.Value
	}
	return args, rest, m.missing(args)
}

func (m *method) has(name string) bool {
	for _, p := range m.params {
		if p == name {
			return true
		}
	}
	return false
}

func (m *method) tooMany(given int) error {
	takes, self := len(m.params), 0
	if m.bound {
		self = 1
	}
	plural, count := "s", strconv.Itoa(takes+self)
	if takes+self == 1 {
		plural = ""
	}
	if m.required < takes {
		count = "from " + strconv.Itoa(m.required+self) + " to " + count
		plural = "s"
	}
	return fault.New(fault.CodeParameter, "%s() takes %s positional argument%s but %d were given", m.python, count, plural, given+self)
}

func (m *method) missing(args map[string]any) error {
	var names []string
	for _, p := range m.params[:m.required] {
		if _, ok := args[p]; !ok {
			names = append(names, "'"+p+"'")
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.CodeParameter, "%s() missing 1 required positional argument: %s", m.python, names[0])
	}
	list := strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	return fault.New(fault.CodeParameter, "%s() missing %d required positional arguments: %s", m.python, len(names), list)
}

func notLoggedIn() error { return fault.NotAllowed("you must be logged in for this operation") }

// user is who calls, nil if anonymous.
func (c *call) user() *kojisim.User {
	if c.session == nil {
		return nil
	}
	return c.session.user
}

// require checks that the caller has a permission.
func (c *call) require(perm string) error {
	switch u := c.user(); {
	case u == nil:
		return fault.NotAllowed("%s permission required (user not logged in)", perm)
	case !u.Has(perm):
		return fault.NotAllowed("%s permission required (logged in as %s)", perm, u.Name)
	}
	return nil
}
