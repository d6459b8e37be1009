package schema_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// TestStatements prepares every statement of this package against the
// migrated schema, those that no other test executes too. Statements that are
// put together at run time are for the tests of their methods; their number is
// told with -v.
func TestStatements(t *testing.T) {
	t.Parallel()
	pool := pgtest.Connect(t, pgtest.Database(t))
	statements, dynamic := readStatements(t)
	for _, place := range slices.Sorted(maps.Keys(statements)) {
		if strings.Contains(statements[place], ";") {
			continue // several commands cannot be prepared
		}
		sql, _, err := pgx.NamedArgs{}.RewriteQuery(t.Context(), nil, statements[place], nil)
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Conn().PgConn().Prepare(t.Context(), "", sql, nil)
		conn.Release()
		if pg := new(pgconn.PgError); errors.As(err, &pg) {
			t.Errorf("%s: %s\n%s", place, pg.Message, sql)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if len(statements) < 20 {
		t.Errorf("found only %d statements: has the way they are executed changed?", len(statements))
	}
	t.Logf("%d statements, and %d put together at run time: %s", len(statements), len(dynamic), strings.Join(dynamic, " "))
}

// sqlArgument says which argument of a call is SQL, by the function's name.
var sqlArgument = map[string]int{"Exec": 1, "Query": 1, "QueryRow": 1, "exec": 1, "Queue": 0}

// readStatements finds the statements in this package's files, by their place,
// and the places of those that are not constant.
func readStatements(t *testing.T) (statements map[string]string, dynamic []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	constants := readConstants(files)
	statements = map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			arg := sqlOf(n)
			if arg == nil {
				return true
			}
			place := fset.Position(arg.Pos()).String()
			if sql, ok := constants.value(arg); ok {
				statements[place] = sql
			} else if _, isParameter := arg.(*ast.Ident); !isParameter {
				dynamic = append(dynamic, place)
			}
			return true
		})
	}
	return statements, dynamic
}

// sqlOf returns the SQL argument of a call, nil if n is not such a call.
func sqlOf(n ast.Node) ast.Expr {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	i, ok := sqlArgument[fun.Sel.Name]
	if !ok || i >= len(call.Args) {
		return nil
	}
	return call.Args[i]
}

// constants are the package's string constants by name.
type constants map[string]ast.Expr

func readConstants(files []*ast.File) constants {
	all := constants{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
				for _, spec := range decl.Specs {
					for i, v := range spec.(*ast.ValueSpec).Values {
						all[spec.(*ast.ValueSpec).Names[i].Name] = v
					}
				}
			}
			return true
		})
	}
	return all
}

// value returns the text of a constant expression.
func (c constants) value(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return c.value(e.X)
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		v, ok := c[e.Name]
		if !ok {
			return "", false
		}
		return c.value(v)
	case *ast.BinaryExpr:
		x, okX := c.value(e.X)
		y, okY := c.value(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	}
	return "", false
}
