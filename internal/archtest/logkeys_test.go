package archtest

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

//go:embed logkeys.txt
var logKeysText string

// logArgument says which argument of a logger's method is the first key.
var logArgument = map[string]int{
	"DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "With": 0,
}

// TestLogKeys holds the attributes of everything that is logged to
// logkeys.txt: one thing has one name, and is one thing.
func TestLogKeys(t *testing.T) {
	known, used := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(logKeysText) {
		line, _, _ = strings.Cut(line, "#")
		for _, key := range strings.Fields(line) {
			known[key] = true
		}
	}
	calls := 0
	walkGo(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		ast.Inspect(parse(t, file, parser.SkipObjectResolution), func(n ast.Node) bool {
			keys, ok := logKeys(n)
			if ok {
				calls++
			}
			for _, key := range keys {
				if used[key] = true; !known[key] {
					t.Errorf("%s logs attribute %q, which is not in logkeys.txt", file, key)
				}
			}
			return true
		})
	})
	if calls < 20 {
		t.Errorf("found only %d lines that log: has the way we log changed?", calls)
	}
	for key := range known {
		if !used[key] {
			t.Errorf("logkeys.txt names %q, which nothing logs", key)
		}
	}
}

// logKeys returns the keys of the attributes that a call logs; ok is false if n
// logs nothing.
func logKeys(n ast.Node) (keys []string, ok bool) {
	call, isCall := n.(*ast.CallExpr)
	if !isCall {
		return nil, false
	}
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod || !isLogger(method.X) {
		return nil, false
	}
	first, logs := logArgument[method.Sel.Name]
	if !logs {
		return nil, false
	}
	for i := first; i < len(call.Args); i += 2 {
		if key, isText := call.Args[i].(*ast.BasicLit); isText && key.Kind == token.STRING {
			if text, err := strconv.Unquote(key.Value); err == nil {
				keys = append(keys, text)
			}
		}
	}
	return keys, true
}

// isLogger goes by the name, which is Log or log everywhere.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "log")
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "log")
	}
	return false
}
