package kojifiles

import (
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// OutputFile returns the content of one of a task's files. A package has one
// line that says what it is.
func OutputFile(w *kojisim.System, t *kojisim.Task, name string) ([]byte, bool) {
	if !slices.Contains(OutputNames(t), name) {
		return nil, false
	}
	if strings.HasSuffix(name, ".rpm") {
		return []byte("simulated package " + name + "\n"), true
	}
	return []byte(logText(w, t, name)), true
}
