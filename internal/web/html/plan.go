package html

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
)

// A plan is a template made ready to be executed often. html/template decides how each
// value must be escaped, once, and leaves that in its trees. A plan executes these
// trees: it knows at once where a field or a method is, and which function is called,
// what text/template looks up by name each time. So it takes a third of the time.
//
// What a plan does not know how to do it does not do: the template does it.
type plan struct {
	start  *planned
	blocks map[string]*planned
}

// A planned is one of the templates that are defined in a template.
type planned struct {
	steps []step
	slots int // variables, the first is $
}

// A step writes a part of a page. base is where the variables of its block begin.
type step func(s *execution, base int, dot reflect.Value)

// A value is an expression of a template.
type value func(s *execution, base int, dot reflect.Value) reflect.Value

// An execution is a page that is being written.
type execution struct {
	out   []byte
	slots []reflect.Value
}

// notPlanned is what a plan panics with when it meets what only the template can judge.
type notPlanned struct{ why string }

func giveUp(format string, args ...any) { panic(notPlanned{fmt.Sprintf(format, args...)}) }

// given runs f and returns why it gave up, nil if it did not.
func given(f func()) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case notPlanned:
			err = errors.New(v.why)
		default:
			panic(v)
		}
	}()
	f()
	return nil
}

// newPlan makes the plan of a template. view is a zero one that the template is
// executed with, so that it is escaped.
func newPlan(tmpl *template.Template, funcs template.FuncMap, view any) (*plan, error) {
	_ = tmpl.Execute(io.Discard, view) // a zero view may miss something
	p := &plan{blocks: map[string]*planned{}}
	trees := map[string]*parse.Tree{}
	for _, t := range tmpl.Templates() {
		if t.Tree != nil {
			trees[t.Name()] = t.Tree
		}
	}
	err := given(func() {
		c := &compiler{funcs: funcs, trees: trees, plan: p}
		p.start = c.block(tmpl.Name())
	})
	return p, err
}

// execute returns what the template writes of view, or why only the template can say.
func (p *plan) execute(view reflect.Value, size int) (out []byte, err error) {
	s := &execution{out: make([]byte, 0, size), slots: make([]reflect.Value, 0, 64)}
	err = given(func() { p.start.run(s, view) })
	return s.out, err
}

func (b *planned) run(s *execution, dot reflect.Value) {
	base := len(s.slots)
	s.slots = slices.Grow(s.slots, b.slots)[:base+b.slots]
	s.slots[base] = dot
	for _, step := range b.steps {
		step(s, base, dot)
	}
	s.slots = s.slots[:base]
}

func runAll(steps []step, s *execution, base int, dot reflect.Value) {
	for _, step := range steps {
		step(s, base, dot)
	}
}

// A compiler plans the templates of one page.
type compiler struct {
	funcs template.FuncMap
	trees map[string]*parse.Tree
	plan  *plan

	names []string // of the variables in sight, by slot
	most  int
}

// block plans the template of that name, once.
func (c *compiler) block(name string) *planned {
	if b := c.plan.blocks[name]; b != nil {
		return b
	}
	tree := c.trees[name]
	if tree == nil {
		giveUp("template %s is not there as it is", name)
	}
	b := &planned{}
	c.plan.blocks[name] = b
	within := &compiler{funcs: c.funcs, trees: c.trees, plan: c.plan, names: []string{"$"}, most: 1}
	b.steps = within.list(tree.Root)
	b.slots = within.most
	return b
}

func (c *compiler) list(list *parse.ListNode) []step {
	if list == nil {
		return nil
	}
	seen := len(c.names)
	defer func() { c.names = c.names[:seen] }()
	var steps []step
	for _, node := range list.Nodes {
		if s := c.node(node); s != nil {
			steps = append(steps, s)
		}
	}
	return steps
}

func (c *compiler) node(node parse.Node) step {
	switch n := node.(type) {
	case *parse.TextNode:
		text := string(n.Text)
		return func(s *execution, _ int, _ reflect.Value) { s.out = append(s.out, text...) }
	case *parse.CommentNode:
		return nil
	case *parse.ActionNode:
		return c.action(n.Pipe)
	case *parse.IfNode:
		return c.branch(&n.BranchNode, false)
	case *parse.WithNode:
		return c.branch(&n.BranchNode, true)
	case *parse.RangeNode:
		return c.loop(n)
	case *parse.TemplateNode:
		return c.call(n)
	}
	giveUp("%s is not known", node)
	return nil
}

// declare gives a variable a slot.
func (c *compiler) declare(name string) int {
	c.names = append(c.names, name)
	c.most = max(c.most, len(c.names))
	return len(c.names) - 1
}

func (c *compiler) slot(name string) int {
	for i := len(c.names) - 1; i >= 0; i-- {
		if c.names[i] == name {
			return i
		}
	}
	giveUp("variable %s is not known", name)
	return 0
}

func (c *compiler) action(pipe *parse.PipeNode) step {
	cmds := len(pipe.Cmds)
	var chain []string
	for cmds > 0 {
		word, ok := pipe.Cmds[cmds-1].Args[0].(*parse.IdentifierNode)
		if !ok || !strings.HasPrefix(word.Ident, "_html_template_") || len(pipe.Cmds[cmds-1].Args) > 1 {
			break
		}
		chain = append([]string{strings.TrimPrefix(word.Ident, "_html_template_")}, chain...)
		cmds--
	}
	v := c.commands(pipe.Cmds[:cmds])
	if len(pipe.Decl) > 0 {
		if len(pipe.Decl) != 1 || pipe.IsAssign || len(chain) > 0 {
			giveUp("%s is not known", pipe)
		}
		slot := c.declare(pipe.Decl[0].Ident[0])
		return func(s *execution, base int, dot reflect.Value) { s.slots[base+slot] = v(s, base, dot) }
	}
	escape := escapers[strings.Join(chain, "|")]
	if escape == nil {
		giveUp("%s escapes in a way that is not known", pipe)
	}
	return func(s *execution, base int, dot reflect.Value) { s.out = escape(s.out, textOf(v(s, base, dot))) }
}

func (c *compiler) branch(n *parse.BranchNode, with bool) step {
	seen := len(c.names)
	defer func() { c.names = c.names[:seen] }()
	v, slot := c.commands(n.Pipe.Cmds), -1
	if len(n.Pipe.Decl) == 1 && !n.Pipe.IsAssign {
		slot = c.declare(n.Pipe.Decl[0].Ident[0])
	} else if len(n.Pipe.Decl) > 0 {
		giveUp("%s is not known", n.Pipe)
	}
	then, otherwise := c.list(n.List), c.list(n.ElseList)
	return func(s *execution, base int, dot reflect.Value) {
		found := v(s, base, dot)
		if slot >= 0 {
			s.slots[base+slot] = found
		}
		switch {
		case !truth(found):
			runAll(otherwise, s, base, dot)
		case with:
			runAll(then, s, base, found)
		default:
			runAll(then, s, base, dot)
		}
	}
}

func (c *compiler) loop(n *parse.RangeNode) step {
	seen := len(c.names)
	defer func() { c.names = c.names[:seen] }()
	v, index, element := c.commands(n.Pipe.Cmds), -1, -1
	switch decl := n.Pipe.Decl; {
	case n.Pipe.IsAssign || len(decl) > 2:
		giveUp("%s is not known", n.Pipe)
	case len(decl) == 1:
		element = c.declare(decl[0].Ident[0])
	case len(decl) == 2:
		index = c.declare(decl[0].Ident[0])
		element = c.declare(decl[1].Ident[0])
	}
	each, none := c.list(n.List), c.list(n.ElseList)
	return func(s *execution, base int, dot reflect.Value) {
		all := behind(v(s, base, dot))
		if all.Kind() != reflect.Slice && all.Kind() != reflect.Array {
			giveUp("%s goes over a %s", n.Pipe, all.Kind())
		}
		for i := range all.Len() {
			one := all.Index(i)
			if index >= 0 {
				s.slots[base+index] = reflect.ValueOf(i)
			}
			if element >= 0 {
				s.slots[base+element] = one
			}
			runAll(each, s, base, one)
		}
		if all.Len() == 0 {
			runAll(none, s, base, dot)
		}
	}
}

func (c *compiler) call(n *parse.TemplateNode) step {
	block := c.block(n.Name)
	if n.Pipe == nil {
		return func(s *execution, _ int, _ reflect.Value) { block.run(s, reflect.Value{}) }
	}
	if len(n.Pipe.Decl) > 0 {
		giveUp("%s is not known", n.Pipe)
	}
	v := c.commands(n.Pipe.Cmds)
	return func(s *execution, base int, dot reflect.Value) { block.run(s, v(s, base, dot)) }
}
