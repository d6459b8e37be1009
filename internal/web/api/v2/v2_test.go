package v2_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

// The description that is checked in is that of the types. UPDATE_GOLDEN=1 makes it
// anew.
func TestDescription(t *testing.T) {
	t.Parallel()
	api := v2.New(v2.Config{Rules: koschei.DefaultPriorityRules(), SignIn: true})
	description, err := api.Describe()
	if err != nil {
		t.Fatal(err)
	}
	const file = "openapi.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, description, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, description) {
		t.Errorf("%s is not what the types say; UPDATE_GOLDEN=1 makes it anew", file)
	}
	var document struct {
		Paths      map[string]map[string]struct{ OperationID string }
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(description, &document); err != nil {
		t.Fatal(err)
	}
	ids, n := map[string]bool{}, 0
	for _, methods := range document.Paths {
		for _, o := range methods {
			ids[o.OperationID] = true
			n++
		}
	}
	routes, err := api.Routes()
	if err != nil || n != len(routes)-1 || len(ids) != n {
		t.Errorf("%d operations with %d ids are described, of %d routes; %v", n, len(ids), len(routes)-1, err)
	}
	for part := range strings.SplitSeq(string(description), `"#/components/schemas/`) {
		if name, _, found := strings.Cut(part, `"`); found && !strings.HasPrefix(part, "{") && document.Components.Schemas[name] == nil {
			t.Errorf("schema %s is not there", name)
		}
	}
}
