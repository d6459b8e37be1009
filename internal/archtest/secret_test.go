package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// secretName is what variables are called that hold what others must not guess.
var secretName = regexp.MustCompile(`(?i)(secret|password|nonce|hash|bearer|^state|\.state)$`)

// compareSecrets are the packages that compare what somebody sends with a secret.
var compareSecrets = regexp.MustCompile(`internal/(record/session|web/signin|edit)/`)

// Secrets are compared in a time that tells nothing of them: with crypto/subtle, and
// never with == or a function that ends at the first difference.
func TestSecretsAreCompared(t *testing.T) {
	t.Parallel()
	constant := 0
	walkGo(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") || !compareSecrets.MatchString(file) {
			return
		}
		ast.Inspect(parse(t, file, 0), func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				equal := n.Op == token.EQL || n.Op == token.NEQ
				if equal && (isSecret(n.X) || isSecret(n.Y)) && !isEmpty(n.X) && !isEmpty(n.Y) {
					t.Errorf("%s compares %s %s %s: that takes crypto/subtle", file, nameOf(n.X), n.Op, nameOf(n.Y))
				}
			case *ast.CallExpr:
				switch name := nameOf(n.Fun); name {
				case "subtle.ConstantTimeCompare":
					constant++
				case "bytes.Equal", "bytes.Compare", "slices.Equal", "strings.EqualFold", "strings.Compare":
					if isSecret(n.Args[0]) || isSecret(n.Args[1]) {
						t.Errorf("%s compares a secret with %s: that takes crypto/subtle", file, name)
					}
				}
			}
			return true
		})
	})
	if constant < 4 {
		t.Errorf("only %d comparisons are made with crypto/subtle: this test looks at the wrong packages", constant)
	}
}

func isSecret(e ast.Expr) bool { return secretName.MatchString(nameOf(e)) }

// isEmpty is for what a secret that is not there is compared with.
func isEmpty(e ast.Expr) bool {
	literal, ok := e.(*ast.BasicLit)
	return ok && (literal.Kind == token.INT || literal.Value == `""`) || nameOf(e) == "nil"
}

// nameOf is the name of a variable, field or function.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	}
	return ""
}
