package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is longer is two things.
const (
	mostLines   = 500 // of a file
	mostMethods = 40  // of a type of those who own the schema
)

// TestSizes holds files to a length, and the types of the layers that store to a
// number of methods.
func TestSizes(t *testing.T) {
	methods := map[string]int{}
	walkGo(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > mostLines {
			t.Errorf("%s has %d lines, want at most %d", file, n, mostLines)
		}
		if strings.Contains(file, "/pgtest/") || !ownsSchema(strings.TrimPrefix(filepath.ToSlash(file), root+"/")) {
			return
		}
		for _, d := range parse(t, file, parser.SkipObjectResolution).Decls {
			if of := exportedMethodOf(d); of != "" {
				methods[filepath.Dir(file)+"."+of]++
			}
		}
	})
	for of, n := range methods {
		if n > mostMethods {
			t.Errorf("%s has %d exported methods, want at most %d", of, n, mostMethods)
		}
	}
}

// exportedMethodOf is the type that a declaration gives a method, if others see both.
func exportedMethodOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Recv == nil || !f.Name.IsExported() {
		return ""
	}
	of := f.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if id, ok := of.(*ast.Ident); ok && id.IsExported() {
		return id.Name
	}
	return ""
}
