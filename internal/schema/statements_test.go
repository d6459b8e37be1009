package schema_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// storage are the folders of the packages that know the tables.
func storage(t *testing.T) []string {
	t.Helper()
	folders := []string{"../postgres", "../schema", "../view", "../edit"}
	err := filepath.WalkDir("../record", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// TestStatements prepares every statement of the packages that know the tables
// against the migrated schema, those that no other test executes too. Statements
// that are put together at run time are for the tests of their methods; their
// number is told with -v.
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
	if len(statements) < 150 {
		t.Errorf("found only %d statements: has the way they are executed changed?", len(statements))
	}
	t.Logf("%d statements, and %d put together at run time: %s", len(statements), len(dynamic), strings.Join(dynamic, " "))
}

// sqlArgument says which argument of a call is SQL, by the function's name.
var sqlArgument = map[string]int{"Exec": 1, "Query": 1, "QueryRow": 1, "ExecOne": 1, "QueryNames": 2, "Queue": 0}

// readStatements finds the statements in all those packages, by their place, and
// the places of those that are not constant.
func readStatements(t *testing.T) (statements map[string]string, dynamic []string) {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, folder := range storage(t) {
		files = append(files, parseFolder(t, fset, folder)...)
	}
	constants := readConstants(files)
	statements = map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			arg := sqlOf(n)
			if arg == nil {
				return true
			}
			place := strings.TrimPrefix(fset.Position(arg.Pos()).String(), "../")
			if sql, ok := constants.value(f.Name.Name, arg); ok {
				statements[place] = sql
			} else if _, isParameter := arg.(*ast.Ident); !isParameter {
				dynamic = append(dynamic, place)
			}
			return true
		})
	}
	return statements, dynamic
}

// parseFolder reads the files of a package that are not tests.
func parseFolder(t *testing.T, fset *token.FileSet, folder string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
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

// constants are all string constants, by the names of package and constant.
type constants map[[2]string]ast.Expr

func readConstants(files []*ast.File) constants {
	all := constants{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
				for _, spec := range decl.Specs {
					for i, v := range spec.(*ast.ValueSpec).Values {
						all[[2]string{f.Name.Name, spec.(*ast.ValueSpec).Names[i].Name}] = v
					}
				}
			}
			return true
		})
	}
	return all
}

// value returns the text of a constant expression in a package.
func (c constants) value(in string, e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return c.value(in, e.X)
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		return c.named(in, e.Name)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return c.named(x.Name, e.Sel.Name)
		}
	case *ast.BinaryExpr:
		x, okX := c.value(in, e.X)
		y, okY := c.value(in, e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	}
	return "", false
}

func (c constants) named(pkg, name string) (string, bool) {
	v, ok := c[[2]string{pkg, name}]
	if !ok {
		return "", false
	}
	return c.value(pkg, v)
}
