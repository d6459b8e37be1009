package rpm

import (
	"fmt"
	"strings"
)

// Limits of a dependency expression.
const (
	MaxDepLength = 1 << 16 // bytes
	MaxDepDepth  = 100     // parentheses inside parentheses
)

// A BoolOp joins the two sides of a boolean dependency.
type BoolOp uint8

// The boolean operators of RPM. Else is the right side of If and Unless: (a if b
// else c) is a If (b Else c). RPM has it nowhere else, libsolv reads it anywhere.
const (
	And BoolOp = 1 + iota
	Or
	If
	Unless
	Else
	With
	Without
)

// String is the operator's keyword.
func (o BoolOp) String() string {
	switch o {
	case And:
		return "and"
	case Or:
		return "or"
	case If:
		return "if"
	case Unless:
		return "unless"
	case Else:
		return "else"
	case With:
		return "with"
	case Without:
		return "without"
	}
	return fmt.Sprintf("BoolOp(%d)", uint8(o))
}

func parseBoolOp(s string) (BoolOp, bool) {
	for o := And; o <= Without; o++ {
		if o.String() == s {
			return o, true
		}
	}
	return 0, false
}

// chains reports whether RPM writes three or more operands joined by o in one pair
// of parentheses.
func (o BoolOp) chains() bool { return o == And || o == Or || o == With }

// A Dep is a dependency taken apart. It is a plain relation if Op is 0, else
// two dependencies and what joins them. Chains nest to the right, as in RPM:
// (a or b or c) is a Or (b Or c).
type Dep struct {
	Op          BoolOp
	Left, Right *Dep
	Relation    Relation // if Op is 0
}

// String writes d as RPM does, with no more parentheses than it needs.
func (d *Dep) String() string {
	if d.Op == 0 {
		return d.Relation.String()
	}
	var b strings.Builder
	d.write(&b)
	return b.String()
}

func (d *Dep) write(b *strings.Builder) {
	if d.Op == 0 {
		b.WriteString(d.Relation.String())
		return
	}
	b.WriteByte('(')
	for {
		d.Left.write(b)
		b.WriteByte(' ')
		b.WriteString(d.Op.String())
		b.WriteByte(' ')
		next := d.Right
		chained := next.Op == d.Op && d.Op.chains()
		if !chained && next.Op != Else {
			next.write(b)
			if next.Op == 0 && endsOpen(b.String()) {
				b.WriteByte(' ')
			}
			break
		}
		d = next
	}
	b.WriteByte(')')
}

// endsOpen reports whether the last word of s has a "(" without its ")": a ")"
// that follows would be taken for part of the word.
func endsOpen(s string) bool {
	word := s[strings.LastIndexAny(s, spaces)+1:]
	return strings.Count(word, "(") > strings.Count(word, ")")
}

// A SyntaxError says what is wrong with a dependency, and at which byte.
type SyntaxError struct {
	Text   string // the whole dependency
	Pos    int    // byte offset in Text
	Reason string
}

// Error is one sentence; it counts bytes from 1, as people do.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("dependency %s, byte %d: %s", quote(e.Text), e.Pos+1, e.Reason)
}

// ParseDep takes a dependency apart: a boolean expression in parentheses or a
// plain relation. Operands of one pair of parentheses are joined by one operator
// only, but for "else" behind "if" and "unless". A boolean expression is read if
// and only if libsolv reads it: blanks are the only white space, and nothing may
// follow the last ")". Errors are of type *SyntaxError.
func ParseDep(s string) (*Dep, error) {
	if len(s) > MaxDepLength {
		return nil, &SyntaxError{s, MaxDepLength, fmt.Sprintf("it is longer than %d bytes", MaxDepLength)}
	}
	p := depParser{text: s}
	if !p.at('(') {
		r, err := ParseRelation(s)
		if err != nil {
			return nil, err
		}
		return &Dep{Relation: r}, nil
	}
	d, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.pos < len(s) {
		return nil, p.errorf(`text after the closing ")"`)
	}
	return d, nil
}

// A depParser reads text from pos on.
type depParser struct {
	text  string
	pos   int
	depth int
}

// expression reads from "(" through its ")".
func (p *depParser) expression() (*Dep, error) {
	if p.depth++; p.depth > MaxDepDepth {
		return nil, p.errorf("more than %d levels of parentheses", MaxDepDepth)
	}
	p.pos++
	first, err := p.operand()
	if err != nil {
		return nil, err
	}
	operands := []*Dep{first}
	var ops []BoolOp
	for p.skipBlanks(); !p.at(')'); p.skipBlanks() {
		op, err := p.operator(ops)
		if err != nil {
			return nil, err
		}
		next, err := p.operand()
		if err != nil {
			return nil, err
		}
		ops, operands = append(ops, op), append(operands, next)
	}
	p.pos++
	p.depth--
	return nestRight(ops, operands), nil
}

func nestRight(ops []BoolOp, operands []*Dep) *Dep {
	d := operands[len(operands)-1]
	for i := len(ops) - 1; i >= 0; i-- {
		d = &Dep{Op: ops[i], Left: operands[i], Right: d}
	}
	return d
}

func (p *depParser) operand() (*Dep, error) {
	p.skipBlanks()
	switch {
	case p.pos == len(p.text):
		return nil, p.errorf(`the closing ")" is missing`)
	case p.at(')'):
		return nil, p.errorf(`a dependency is missing before ")"`)
	case p.at('('):
		return p.expression()
	}
	r, err := p.relation(insideParentheses)
	if err != nil {
		return nil, err
	}
	return &Dep{Relation: r}, nil
}

// operator reads the operator that follows those in before.
func (p *depParser) operator(before []BoolOp) (BoolOp, error) {
	start := p.pos
	if start == len(p.text) {
		return 0, p.errorf(`the closing ")" is missing`)
	}
	word := p.blankWord()
	op, known := parseBoolOp(word)
	p.pos = start // where errors point to
	if !known {
		return 0, p.errorf("%s is no boolean operator", quote(word))
	}
	var last BoolOp
	if len(before) > 0 {
		last = before[len(before)-1]
	}
	switch {
	case last == 0 || op == last:
	case op == Else && (last == If || last == Unless):
	default:
		return 0, p.errorf("%q and %q in one pair of parentheses", last.String(), op.String())
	}
	p.pos += len(word)
	return op, nil
}

// Where a word ends: at white space, inside parentheses at a blank, a comma and a
// ")" that the word itself has not opened.
const (
	wholeRelation     = false
	insideParentheses = true
)

// relation reads a name and, if a comparison follows, that and an EVR.
func (p *depParser) relation(inside bool) (Relation, error) {
	p.skip(inside)
	start := p.pos
	if !inside && p.at('(') {
		return Relation{}, p.errorf(`text before the opening "("`)
	}
	r := Relation{Name: p.word(inside)}
	if r.Name == "" || isComparison(r.Name[0]) {
		p.pos = start
		return Relation{}, p.errorf("a name is missing")
	}
	p.skip(inside)
	if p.pos == len(p.text) || !isComparison(p.text[p.pos]) {
		return r, nil
	}
	start = p.pos
	for p.pos < len(p.text) && isComparison(p.text[p.pos]) {
		p.pos++
	}
	var ok bool
	if r.Op, ok = ParseOp(p.text[start:p.pos]); inside {
		r.Op = anyOrder(p.text[start:p.pos])
	} else if !ok {
		p.pos = start
		return Relation{}, p.errorf("no such comparison; known are < <= = >= >")
	}
	p.skip(inside)
	start = p.pos
	evr, off, err := parseEVR(p.word(inside))
	if err != nil {
		p.pos = start + off
		return Relation{}, p.errorf("%v", err)
	}
	r.EVR = evr
	return r, nil
}

// anyOrder reads a comparison as libsolv does inside parentheses: the order of its
// signs means nothing.
func anyOrder(s string) (op Op) {
	for i := range len(s) {
		switch s[i] {
		case '<':
			op |= Less
		case '=':
			op |= Equal
		case '>':
			op |= Greater
		}
	}
	return op
}

func (p *depParser) word(inside bool) string {
	start, open := p.pos, 0
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		if inside && (c == ' ' || c == ',') || !inside && isSpace(c) {
			break
		}
		if c == '(' {
			open++
		} else if c == ')' {
			if open--; open < 0 && inside {
				break
			}
		}
	}
	return p.text[start:p.pos]
}

func (p *depParser) skip(inside bool) {
	if inside {
		p.skipBlanks()
	} else {
		p.skipSpace()
	}
}

func (p *depParser) skipSpace() {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
}

func (p *depParser) skipBlanks() {
	for p.at(' ') {
		p.pos++
	}
}

// blankWord reads up to a blank.
func (p *depParser) blankWord() string {
	start := p.pos
	for p.pos < len(p.text) && !p.at(' ') {
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *depParser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

func (p *depParser) errorf(format string, args ...any) error {
	return &SyntaxError{Text: p.text, Pos: p.pos, Reason: fmt.Sprintf(format, args...)}
}

const spaces = " \t\n\v\f\r"

func isSpace(c byte) bool { return strings.IndexByte(spaces, c) >= 0 }

func isComparison(c byte) bool { return c == '<' || c == '=' || c == '>' }
