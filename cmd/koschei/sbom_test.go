package main

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"testing"
)

// The bill of materials names each module once, with what was really compiled in
// where a module was replaced, and Go itself.
func TestSBOM(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	err := printSBOM(&text, &debug.BuildInfo{
		GoVersion: "go1.26.10", Main: debug.Module{Path: "example.org/main"},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.2.3", Sum: "h1:abc="},
			{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v2.0.0"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []component
		Metadata   struct{ Component component }
	}
	if err := json.Unmarshal(text.Bytes(), &bom); err != nil {
		t.Fatal(err)
	}
	var purls []string
	for _, c := range bom.Components {
		purls = append(purls, c.PURL)
	}
	want := []string{"pkg:golang/example.org/a@v1.2.3", "pkg:golang/example.org/c@v2.0.0", "pkg:golang/std@1.26.10"}
	if len(purls) != 3 || purls[0] != want[0] || purls[1] != want[1] || purls[2] != want[2] || bom.Format != "CycloneDX" {
		t.Errorf("format %q, components %v, want %v", bom.Format, purls, want)
	}
	if bom.Components[0].Properties[0].Value != "h1:abc=" || bom.Metadata.Component.Type != "application" {
		t.Errorf("%+v", bom)
	}
}
