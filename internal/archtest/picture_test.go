package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPicture holds the table of packages in ARCHITECTURE.md to layers.txt: the
// same packages, in the same order of layers.
func TestPicture(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	layers := parseLayers(t, layersText)
	missing := slices.Clone(layers.order)
	at := 0
	for _, row := range pictureRows(string(text)) {
		for _, name := range picturePackages(row, layers.order) {
			i := slices.Index(missing, name)
			if i < 0 {
				t.Errorf("ARCHITECTURE.md tells of %s, which is not in layers.txt or was told of before", name)
				continue
			}
			missing = slices.Delete(missing, i, i+1)
			if layers.of[name] < at {
				t.Errorf("ARCHITECTURE.md: %s stands below a package of a lower layer", name)
			}
			at = max(at, layers.of[name])
		}
	}
	if len(missing) > 0 {
		t.Errorf("ARCHITECTURE.md does not tell of %s", strings.Join(missing, ", "))
	}
}

// pictureRows are the second columns of the table of packages.
func pictureRows(text string) (rows []string) {
	_, text, _ = strings.Cut(text, "## Packages")
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if columns := strings.Split(line, "|"); len(columns) > 3 && strings.Contains(columns[2], "`") {
			rows = append(rows, columns[2])
		}
	}
	return rows
}

var inTicks = regexp.MustCompile("`([^`]+)`")

// picturePackages are the packages that a column names: as such, below one
// before in brackets, or all below one by "...".
func picturePackages(column string, all []string) (names []string) {
	outside, inside, _ := strings.Cut(column, "(+")
	for _, m := range inTicks.FindAllStringSubmatch(outside, -1) {
		if prefix, many := strings.CutSuffix(m[1], "..."); many {
			for _, name := range all {
				if strings.HasPrefix(name, prefix) {
					names = append(names, name)
				}
			}
		} else {
			names = append(names, m[1])
		}
	}
	for _, m := range inTicks.FindAllStringSubmatch(inside, -1) {
		names = append(names, names[0]+"/"+m[1])
	}
	return names
}
