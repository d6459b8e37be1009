package archtest

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestNamedParameters finds statements with more than five parameters that are
// told apart by numbers alone.
func TestNamedParameters(t *testing.T) {
	walkGo(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/pgtest/") {
			return
		}
		ast.Inspect(parse(t, file, 0), func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, "$6") {
				t.Errorf("%s: a statement has more than five parameters: name them (pgx.NamedArgs)", file)
			}
			return true
		})
	})
}
