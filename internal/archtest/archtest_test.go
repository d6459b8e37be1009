package archtest

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/koschei-ci/koschei"
	root   = "../.." // of the repository
)

//go:embed layers.txt
var layersText string

// A pkg is what the tests need to know of one package of ours.
type pkg struct {
	comments int      // package comments
	imports  []string // packages of ours that its non-test files import
}

// TestLayers holds every import between our packages to layers.txt.
func TestLayers(t *testing.T) {
	layers := parseLayers(t, layersText)
	pkgs := readPackages(t)
	for name := range layers.of {
		if _, ok := pkgs[name]; !ok {
			t.Errorf("layers.txt names %s, which does not exist", name)
		}
	}
	for name, p := range pkgs {
		if layers.of[name] == 0 {
			t.Errorf("%s is not in layers.txt", name)
			continue
		}
		for _, imp := range p.imports {
			if layers.of[imp] >= layers.of[name] && !layers.has(" -> ", name, imp) || layers.has(" -/> ", name, imp) {
				t.Errorf("%s must not import %s (see layers.txt)", name, imp)
			}
		}
	}
}

// TestPackageComments wants exactly one comment for every package: what it is
// for, who uses it, what it does not do.
func TestPackageComments(t *testing.T) {
	for name, p := range readPackages(t) {
		if p.comments != 1 {
			t.Errorf("%s has %d package comments, want 1", name, p.comments)
		}
	}
}

// TestPackageNames refuses names that do not tell what a package holds.
func TestPackageNames(t *testing.T) {
	vague := strings.Fields("base common core helper helpers misc model models shared types util utils")
	for name := range readPackages(t) {
		if slices.Contains(vague, path.Base(name)) {
			t.Errorf("%s: name the package after what it does or holds", name)
		}
	}
}

// TestNoSleep finds tests that wait for time to pass instead of for a thing to
// happen.
func TestNoSleep(t *testing.T) {
	walkGo(t, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		f := parse(t, file, parser.SkipObjectResolution)
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
				t.Errorf("%s calls time.Sleep: wait for what must happen", file)
			}
			return true
		})
	})
}

type layering struct {
	of     map[string]int // layer of a package, counted from 1 at the top
	order  []string       // the packages as they are written
	arrows map[string]bool
}

// has says whether an arrow of a kind leads from one package to another.
func (l layering) has(kind, from, to string) bool {
	for arrow := range l.arrows {
		a, b, ok := strings.Cut(arrow, kind)
		if !ok {
			continue
		}
		begins, err := path.Match(a, from)
		ends, err2 := path.Match(b, to)
		if err == nil && err2 == nil && begins && ends {
			return true
		}
	}
	return false
}

func parseLayers(t *testing.T, text string) layering {
	l := layering{of: map[string]int{}, arrows: map[string]bool{}}
	n := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasSuffix(line, ":"):
			n++
		case strings.Contains(line, "->"), strings.Contains(line, "-/>"):
			l.arrows[line] = true
		case l.of[line] != 0:
			t.Fatalf("layers.txt names %s twice", line)
		default:
			l.of[line] = n
			l.order = append(l.order, line)
		}
	}
	return l
}

// readPackages parses the source itself. "go list" would answer as well, but
// the go command does not see what a child process reads and would go on to
// report a cached pass.
func readPackages(t *testing.T) map[string]*pkg {
	pkgs := map[string]*pkg{}
	walkGo(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		p := pkgs[dir]
		if p == nil {
			p = &pkg{}
			pkgs[dir] = p
		}
		f := parse(t, file, parser.ImportsOnly|parser.ParseComments)
		if f.Doc != nil {
			p.comments++
		}
		for _, spec := range f.Imports {
			imp := strings.Trim(spec.Path.Value, `"`)
			if imp == module {
				p.imports = append(p.imports, ".")
			} else if ours, ok := strings.CutPrefix(imp, module+"/"); ok {
				p.imports = append(p.imports, ours)
			}
		}
	})
	return pkgs
}

func parse(t *testing.T, file string, mode parser.Mode) *ast.File {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, mode)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// otherModule says that a directory is a module of its own.
func otherModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// walkGo calls visit for every Go file of the repository that is not test data.
func walkGo(t *testing.T, visit func(file string)) {
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")
		if d.IsDir() && (hidden || otherModule(file)) && file != root {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(file, ".go") {
			visit(file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
