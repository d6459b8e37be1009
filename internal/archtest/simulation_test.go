package archtest

import (
	"go/parser"
	"path/filepath"
	"strings"
	"testing"
)

// TestSimulationIsOfTheDemo wants only the demo's own files of cmd/koschei to
// import the simulated hub: the services know nothing of it.
func TestSimulationIsOfTheDemo(t *testing.T) {
	const simulation = module + "/internal/kojisim"
	demos := 0
	walkGo(t, func(file string) {
		if filepath.Dir(file) != filepath.Join(root, "cmd", "koschei") || strings.HasSuffix(file, "_test.go") {
			return
		}
		demo := strings.HasPrefix(filepath.Base(file), "demo")
		for _, spec := range parse(t, file, parser.ImportsOnly).Imports {
			imp := strings.Trim(spec.Path.Value, `"`)
			switch {
			case imp != simulation && !strings.HasPrefix(imp, simulation+"/"):
			case demo:
				demos++
			default:
				t.Errorf("%s imports %s, which is for files named demo*.go", file, imp)
			}
		}
	})
	if demos == 0 {
		t.Error("no file of the demo imports the simulated hub: has it moved?")
	}
}
