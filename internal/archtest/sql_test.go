package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// schemaOwners are the packages that own tables. Their tests, and those of what
// is below them, speak SQL; all others fill and read a record through pgtest.
func schemaOwners() []string {
	return []string{"internal/postgres", "internal/schema", "internal/record", "internal/view", "internal/edit"}
}

// sqlExceptions are other files with SQL, each with the reason.
func sqlExceptions() map[string]string {
	return map[string]string{
		"cmd/koschei/script_world_test.go": "it runs the statements that scripts have, as an operator would with psql",
		"internal/web/site/seed_test.go":   "it fills nearly every table with rows made up for pages, in an order of its own",
	}
}

// TestNoSQL finds tests that know the schema although their package does not own
// it: a change of a table would have to change them too.
func TestNoSQL(t *testing.T) {
	owned, excepted := 0, sqlExceptions()
	walkGo(t, func(file string) {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "internal/scenario/") {
			return
		}
		found := sqlIn(t, file)
		_, exception := excepted[name]
		switch {
		case len(found) == 0:
		case ownsSchema(name):
			owned++
		case exception:
			delete(excepted, name)
		default:
			t.Errorf("%s speaks SQL, which only tests of %s do: let package pgtest do it (%q)", name, schemaOwners(), found[0])
		}
	})
	for name := range excepted {
		t.Errorf("%s speaks no SQL any more and needs no exception", name)
	}
	if owned == 0 {
		t.Error("no SQL was found even where there is some")
	}
}

func ownsSchema(file string) bool {
	for _, owner := range schemaOwners() {
		if strings.HasPrefix(file, owner+"/") {
			return true
		}
	}
	return false
}

// sqlIn returns what of a file speaks SQL: its statements, and what it uses of
// pgtest and pgx to run some.
func sqlIn(t *testing.T, file string) (found []string) {
	statement := regexp.MustCompile(`\b(INSERT\s+INTO|UPDATE\s+\w+(\s+\w+)?\s+SET|DELETE\s+FROM|TRUNCATE\s+\w|ALTER\s+TABLE|SELECT\s[^;]*\bFROM)\b`)
	ast.Inspect(parse(t, file, parser.SkipObjectResolution), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING && (statement.MatchString(n.Value) || strings.HasPrefix(n.Value, `"github.com/jackc/pgx`)) {
				found = append(found, n.Value)
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "pgtest" && slices.Contains([]string{"Console", "NewConsole", "Connect", "Sample", "NewSample", "SampleIn"}, n.Sel.Name) {
				found = append(found, "pgtest."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}
