package rpm

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRelation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, out string
		want    Relation
	}{
		{"foo", "foo", Relation{Name: "foo"}},
		{" foo  >=\t1:2-3 ", "foo >= 1:2-3", Relation{"foo", Greater | Equal, EVR{1, "2", "3"}}},
		{"foo == 1", "foo = 1", Relation{"foo", Equal, EVR{0, "1", ""}}},
		{"foo =< 1", "foo <= 1", Relation{"foo", Less | Equal, EVR{0, "1", ""}}},
		{"foo => 1", "foo >= 1", Relation{"foo", Greater | Equal, EVR{0, "1", ""}}},
		{"foo < 1", "foo < 1", Relation{"foo", Less, EVR{0, "1", ""}}},
		{"foo > 1", "foo > 1", Relation{"foo", Greater, EVR{0, "1", ""}}},
		{"foo>=1", "foo>=1", Relation{Name: "foo>=1"}},
		{"lib.so.6(GLIBC_2.34)(64bit)", "lib.so.6(GLIBC_2.34)(64bit)", Relation{Name: "lib.so.6(GLIBC_2.34)(64bit)"}},
		{"(a or b)", "(a or b)", Relation{Name: "(a or b)"}},
	}
	for _, tt := range tests {
		got, err := ParseRelation(tt.in)
		if err != nil {
			t.Errorf("ParseRelation(%q): %v", tt.in, err)
		}
		if got != tt.want || got.String() != tt.out {
			t.Errorf("ParseRelation(%q) = %+v, %q, want %+v, %q", tt.in, got, got, tt.want, tt.out)
		}
	}
}

func TestParseDep(t *testing.T) {
	t.Parallel()
	leaf := func(name string) *Dep { return &Dep{Relation: Relation{Name: name}} }
	tests := []struct {
		in, out string
		want    *Dep
	}{
		{"a", "a", leaf("a")},
		{"(a)", "a", leaf("a")},
		{"((a))", "a", leaf("a")},
		{"(a and b)", "", &Dep{Op: And, Left: leaf("a"), Right: leaf("b")}},
		{"(a or b or c)", "", &Dep{Op: Or, Left: leaf("a"), Right: &Dep{Op: Or, Left: leaf("b"), Right: leaf("c")}}},
		{"(a or (b or c))", "(a or b or c)", &Dep{Op: Or, Left: leaf("a"), Right: &Dep{Op: Or, Left: leaf("b"), Right: leaf("c")}}},
		{"((a or b) or c)", "", &Dep{Op: Or, Left: &Dep{Op: Or, Left: leaf("a"), Right: leaf("b")}, Right: leaf("c")}},
		{"(a if b)", "", &Dep{Op: If, Left: leaf("a"), Right: leaf("b")}},
		{"(a if b else c)", "", &Dep{Op: If, Left: leaf("a"), Right: &Dep{Op: Else, Left: leaf("b"), Right: leaf("c")}}},
		{"(a unless b else c)", "", &Dep{Op: Unless, Left: leaf("a"), Right: &Dep{Op: Else, Left: leaf("b"), Right: leaf("c")}}},
		{"(a with b with c)", "", &Dep{Op: With, Left: leaf("a"), Right: &Dep{Op: With, Left: leaf("b"), Right: leaf("c")}}},
		{"(a without b)", "", &Dep{Op: Without, Left: leaf("a"), Right: leaf("b")}},
		{"(a if (b if c))", "", &Dep{Op: If, Left: leaf("a"), Right: &Dep{Op: If, Left: leaf("b"), Right: leaf("c")}}},
		{"(  a(b)  or c )", "(a(b) or c)", &Dep{Op: Or, Left: leaf("a(b)"), Right: leaf("c")}},
		{"(a if b if c)", "(a if (b if c))", &Dep{Op: If, Left: leaf("a"), Right: &Dep{Op: If, Left: leaf("b"), Right: leaf("c")}}},
		{"(a else b)", "", &Dep{Op: Else, Left: leaf("a"), Right: leaf("b")}},
		{"(a >< 1 or b)", "(a <> 1 or b)", &Dep{
			Op: Or, Left: &Dep{Relation: Relation{"a", Less | Greater, EVR{0, "1", ""}}}, Right: leaf("b"),
		}},
		{"(a or b(c )", "", &Dep{Op: Or, Left: leaf("a"), Right: leaf("b(c")}},
		{"(and or or)", "", &Dep{Op: Or, Left: leaf("and"), Right: leaf("or")}},
		{"(a >= 1:2-3 and b)", "", &Dep{
			Op: And, Left: &Dep{Relation: Relation{"a", Greater | Equal, EVR{1, "2", "3"}}}, Right: leaf("b"),
		}},
	}
	for _, tt := range tests {
		got, err := ParseDep(tt.in)
		if err != nil {
			t.Errorf("ParseDep(%q): %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ParseDep(%q) (-want +got):\n%s", tt.in, diff)
		}
		want := tt.out
		if want == "" {
			want = tt.in
		}
		if got.String() != want {
			t.Errorf("ParseDep(%q) printed is %q, want %q", tt.in, got, want)
		}
	}
}

func TestParseDepErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"", `dependency "", byte 1: a name is missing`},
		{"a b", `dependency "a b", byte 3: text after the end of the relation`},
		{"a =", `dependency "a =", byte 4: the version is empty`},
		{"a >< 1", `dependency "a >< 1", byte 3: no such comparison; known are < <= = >= >`},
		{"a = 1-", `dependency "a = 1-", byte 7: the release after "-" is empty`},
		{"= 1", `dependency "= 1", byte 1: a name is missing`},
		{"(", `dependency "(", byte 2: the closing ")" is missing`},
		{" (a)", `dependency " (a)", byte 2: text before the opening "("`},
		{"()", `dependency "()", byte 2: a dependency is missing before ")"`},
		{"(a", `dependency "(a", byte 3: the closing ")" is missing`},
		{"(a or", `dependency "(a or", byte 6: the closing ")" is missing`},
		{"(a or)", `dependency "(a or)", byte 4: "or)" is no boolean operator`},
		{"(a or )", `dependency "(a or )", byte 7: a dependency is missing before ")"`},
		{"(a b )", `dependency "(a b )", byte 4: "b" is no boolean operator`},
		{"(a OR b)", `dependency "(a OR b)", byte 4: "OR" is no boolean operator`},
		{"(a or b) c", `dependency "(a or b) c", byte 9: text after the closing ")"`},
		{"(a or b) ", `dependency "(a or b) ", byte 9: text after the closing ")"`},
		{"(a, b)", `dependency "(a, b)", byte 3: "," is no boolean operator`},
		{"(,a)", `dependency "(,a)", byte 2: a name is missing`},
		{"(a or\tb)", `dependency "(a or\tb)", byte 4: "or\tb)" is no boolean operator`},
		{"(a or b and c)", `dependency "(a or b and c)", byte 9: "or" and "and" in one pair of parentheses`},
		{"(a if b unless c)", `dependency "(a if b unless c)", byte 9: "if" and "unless" in one pair of parentheses`},
		{"(a or b else c)", `dependency "(a or b else c)", byte 9: "or" and "else" in one pair of parentheses`},
		{"(a >= 1: or b)", `dependency "(a >= 1: or b)", byte 9: the version is empty`},
		{strings.Repeat("(", 101), `dependency "` + strings.Repeat("(", 101) + `", byte 101: more than 100 levels of parentheses`},
	}
	for _, tt := range tests {
		got, err := ParseDep(tt.in)
		if message(err) != tt.want {
			t.Errorf("ParseDep(%q) = %v, error\n%s\nwant\n%s", tt.in, got, message(err), tt.want)
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("ParseDep(%q) error is a %T, want a *SyntaxError", tt.in, err)
		}
	}
	if _, err := ParseDep("(a" + strings.Repeat(" or a", MaxDepLength/5) + ")"); err == nil {
		t.Error("an expression above the limit is taken")
	}
}

func FuzzParseDep(f *testing.F) {
	for _, s := range []string{
		"a", "a >= 1:2-3", "(a or b or c)", "(a if b else (c and d))", "((a with b = 1) without c(d))", "(a,b)", "(a unless b)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDep(s)
		if err != nil {
			if d != nil {
				t.Errorf("ParseDep(%q) gives a dependency and an error", s)
			}
			return
		}
		if strings.ContainsAny(s, "\t\n\v\f\r") {
			return // is part of a name inside parentheses, and not outside
		}
		printed := d.String()
		again, err := ParseDep(printed)
		if err != nil {
			t.Fatalf("ParseDep(%q) printed is %q, which cannot be read: %v", s, printed, err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("ParseDep(%q) printed is %q, which reads differently:\n%s", s, printed, diff)
		}
	})
}
