package html

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"text/template/parse"
	"time"
)

// commands plans what a pipeline computes. In ours no command takes what the one before
// it returns.
func (c *compiler) commands(cmds []*parse.CommandNode) value {
	if len(cmds) != 1 {
		giveUp("%v is more than one command", cmds)
	}
	args := cmds[0].Args
	if word, ok := args[0].(*parse.IdentifierNode); ok {
		return c.function(word.Ident, args[1:])
	}
	if len(args) > 1 {
		giveUp("%s has arguments", cmds[0])
	}
	return c.operand(args[0])
}

func (c *compiler) operand(node parse.Node) value {
	switch n := node.(type) {
	case *parse.DotNode:
		return func(_ *execution, _ int, dot reflect.Value) reflect.Value { return dot }
	case *parse.FieldNode:
		return fields(func(_ *execution, _ int, dot reflect.Value) reflect.Value { return dot }, n.Ident)
	case *parse.VariableNode:
		slot := c.slot(n.Ident[0])
		return fields(func(s *execution, base int, _ reflect.Value) reflect.Value { return s.slots[base+slot] }, n.Ident[1:])
	case *parse.ChainNode:
		return fields(c.operand(n.Node), n.Field)
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			giveUp("%s is not known", n)
		}
		return c.commands(n.Cmds)
	case *parse.IdentifierNode:
		return c.function(n.Ident, nil)
	case *parse.StringNode:
		return constant(n.Text)
	case *parse.BoolNode:
		return constant(n.True)
	case *parse.NumberNode:
		if n.IsInt && !strings.ContainsAny(n.Text, ".eEpP") {
			return constant(int(n.Int64))
		}
		return constant(n.Float64)
	}
	giveUp("%s is not known", node)
	return nil
}

func constant(v any) value {
	known := reflect.ValueOf(v)
	return func(*execution, int, reflect.Value) reflect.Value { return known }
}

// fields goes from a value to fields of it, or to what its methods return.
func fields(v value, names []string) value {
	for _, name := range names {
		from, g := v, &getter{name: name}
		v = func(s *execution, base int, dot reflect.Value) reflect.Value { return g.get(from(s, base, dot)) }
	}
	return v
}

// A getter finds a field or calls a method. It remembers where that is in the type it
// was asked for last.
type getter struct {
	name  string
	known atomic.Pointer[whereabouts]
}

// whereabouts is where a name is in a type.
type whereabouts struct {
	typ    reflect.Type // of what the method is called on, or of the struct
	method int          // -1 if it is a field
	field  []int
}

func (g *getter) get(v reflect.Value) reflect.Value {
	v = inside(v)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		giveUp("nothing has no %s", g.name)
	}
	if v.Kind() != reflect.Pointer && v.CanAddr() {
		v = v.Addr() // whose methods are all there are
	}
	at := g.known.Load()
	if at == nil || at.typ != v.Type() {
		at = g.find(v.Type())
		g.known.Store(at)
	}
	if at.method >= 0 {
		return g.call(v.Method(at.method))
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	found, err := v.FieldByIndexErr(at.field)
	if err != nil {
		giveUp("%s: %v", g.name, err)
	}
	return inside(found)
}

func (g *getter) find(t reflect.Type) *whereabouts {
	if m, ok := t.MethodByName(g.name); ok {
		return &whereabouts{typ: t, method: m.Index}
	}
	of := t
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() == reflect.Struct {
		if f, ok := of.FieldByName(g.name); ok && f.IsExported() {
			return &whereabouts{typ: t, method: -1, field: f.Index}
		}
	}
	giveUp("%s has no %s", t, g.name)
	return nil
}

func (g *getter) call(method reflect.Value) reflect.Value {
	t := method.Type()
	if t.NumIn() != 0 || t.NumOut() != 1 {
		giveUp("method %s is not known", g.name)
	}
	return inside(method.Call(nil)[0])
}

// inside is what an interface holds.
func inside(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

// behind is inside, and what a pointer leads to.
func behind(v reflect.Value) reflect.Value {
	if v = inside(v); v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v
}

// truth is what if and with ask.
func truth(v reflect.Value) bool {
	v = inside(v)
	switch v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return v.Len() > 0
	case reflect.Pointer, reflect.Func, reflect.Chan:
		return !v.IsNil()
	case reflect.Struct:
		return true
	}
	return !v.IsZero()
}

// function plans a call of one of the functions that templates know.
func (c *compiler) function(name string, args []parse.Node) value {
	var of []value
	for _, a := range args {
		of = append(of, c.operand(a))
	}
	switch {
	case name == "and" && len(of) > 0:
		return choose(of, false)
	case name == "or" && len(of) > 0:
		return choose(of, true)
	case name == "not" && len(of) == 1:
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(!truth(of[0](s, base, dot)))
		}
	case name == "len" && len(of) == 1:
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			v := behind(of[0](s, base, dot))
			if k := v.Kind(); k != reflect.Slice && k != reflect.Array && k != reflect.String && k != reflect.Map {
				giveUp("%s has no length", k)
			}
			return reflect.ValueOf(v.Len())
		}
	}
	if wanted := name == "eq"; (wanted || name == "ne") && len(of) == 2 {
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(equal(of[0](s, base, dot), of[1](s, base, dot)) == wanted)
		}
	}
	if judge := comparisons[name]; judge != nil && len(of) == 2 {
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(judge(compare(of[0](s, base, dot), of[1](s, base, dot))))
		}
	}
	f := c.funcs[name]
	if f == nil {
		giveUp("function %s with %d arguments is not known", name, len(args))
	}
	return calling(name, f, of)
}

// choose is the first of what is true, or of what is not; the last if none is.
func choose(of []value, wanted bool) value {
	return func(s *execution, base int, dot reflect.Value) (v reflect.Value) {
		for _, one := range of {
			if v = one(s, base, dot); truth(v) == wanted {
				break
			}
		}
		return v
	}
}

var comparisons = map[string]func(order int) bool{
	"lt": func(order int) bool { return order < 0 }, "le": func(order int) bool { return order <= 0 },
	"gt": func(order int) bool { return order > 0 }, "ge": func(order int) bool { return order >= 0 },
}

func equal(a, b reflect.Value) bool {
	a, b = inside(a), inside(b)
	if a.Kind() == reflect.Bool && b.Kind() == reflect.Bool || a.Kind() == reflect.Struct && a.Type() == b.Type() && a.Comparable() && b.Comparable() {
		return a.Equal(b)
	}
	return compare(a, b) == 0
}

// compare orders two values of a kind.
func compare(a, b reflect.Value) int {
	a, b = inside(a), inside(b)
	switch {
	case a.Kind() == reflect.String && b.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.CanInt() && b.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanFloat() && b.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	}
	giveUp("%s and %s are not compared", a.Kind(), b.Kind())
	return 0
}

// calling plans the call of f, without reflection where it is of a usual kind.
func calling(name string, f any, of []value) value {
	switch f := f.(type) {
	case func(time.Time) Time:
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			at, ok := inside(of[0](s, base, dot)).Interface().(time.Time)
			if !ok {
				giveUp("%s takes a time", name)
			}
			return reflect.ValueOf(f(at))
		}
	case func(any) Mark:
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(f(inside(of[0](s, base, dot)).Interface()))
		}
	case func(string) string:
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(f(stringOf(name, of[0](s, base, dot))))
		}
	case func(string, string) string:
		return func(s *execution, base int, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(f(stringOf(name, of[0](s, base, dot)), stringOf(name, of[1](s, base, dot))))
		}
	}
	return anyCall(name, reflect.ValueOf(f), of)
}

func stringOf(name string, v reflect.Value) string {
	if v = inside(v); v.Kind() != reflect.String {
		giveUp("%s takes a string", name)
	}
	return v.String()
}

func anyCall(name string, f reflect.Value, of []value) value {
	t := f.Type()
	if t.IsVariadic() || t.NumIn() != len(of) || t.NumOut() != 1 {
		giveUp("%s is not called with %d arguments", name, len(of))
	}
	return func(s *execution, base int, dot reflect.Value) reflect.Value {
		args := make([]reflect.Value, len(of))
		for i, one := range of {
			args[i] = inside(one(s, base, dot))
			if !args[i].IsValid() || !args[i].Type().AssignableTo(t.In(i)) {
				giveUp("%s takes something else", name)
			}
		}
		return inside(f.Call(args)[0])
	}
}

// textOf is a value as it is printed, before it is escaped.
func textOf(v reflect.Value) string {
	v = inside(v)
	if !v.IsValid() {
		giveUp("nothing is printed")
	}
	switch t := v.Type(); {
	case t.PkgPath() == "html/template":
		giveUp("%s is trusted", t)
	case t.Kind() == reflect.String && t.NumMethod() == 0:
		return v.String()
	case t.Kind() == reflect.Pointer || v.CanAddr() && reflect.PointerTo(t).NumMethod() > 0 && t.Kind() != reflect.String && t.NumMethod() == 0:
		giveUp("%s may print itself", t)
	}
	return fmt.Sprint(v.Interface())
}
