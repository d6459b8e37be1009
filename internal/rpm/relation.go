package rpm

import (
	"fmt"
	"strings"
)

// String is the operator as RPM writes it; it is empty for any version.
func (o Op) String() string {
	switch o {
	case 0:
		return ""
	case Less:
		return "<"
	case Less | Equal:
		return "<="
	case Equal:
		return "="
	case Greater | Equal:
		return ">="
	case Greater:
		return ">"
	case Less | Greater:
		return "<>"
	case Less | Greater | Equal:
		return "<=>"
	case NoComparison:
		return "?"
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// ParseOp reads "<", "<=", "=", ">=", ">" and the old spellings "==", "=<"
// and "=>".
func ParseOp(s string) (Op, bool) {
	switch s {
	case "<":
		return Less, true
	case "<=", "=<":
		return Less | Equal, true
	case "=", "==":
		return Equal, true
	case ">=", "=>":
		return Greater | Equal, true
	case ">":
		return Greater, true
	}
	return 0, false
}

// Boolean reports whether r is a boolean dependency, for ParseDep to take
// apart.
func (r Relation) Boolean() bool { return strings.HasPrefix(r.Name, "(") }

// String is the relation as RPM writes it: name, or name op evr.
func (r Relation) String() string {
	if r.Op == 0 {
		return r.Name
	}
	dst := make([]byte, 0, len(r.Name)+len(r.EVR.Version)+len(r.EVR.Release)+8)
	dst = append(dst, r.Name...)
	dst = append(dst, ' ')
	dst = append(dst, r.Op.String()...)
	dst = append(dst, ' ')
	return string(r.EVR.append(dst, false))
}

// ParseRelation reads "name" or "name op evr", separated by white space, or a
// boolean dependency, which it keeps as text after checking it. Errors are of
// type *SyntaxError.
func ParseRelation(s string) (Relation, error) {
	if strings.HasPrefix(s, "(") {
		if _, err := ParseDep(s); err != nil {
			return Relation{}, err
		}
		return Relation{Name: s}, nil
	}
	p := depParser{text: s}
	r, err := p.relation(wholeRelation)
	if err != nil {
		return Relation{}, err
	}
	if p.skipSpace(); p.pos < len(s) {
		return Relation{}, p.errorf("text after the end of the relation")
	}
	return r, nil
}
