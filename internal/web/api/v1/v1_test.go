package v1

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A document is what the tests need to know of the description.
type document struct {
	Paths      map[string]map[string]any
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]any
		}
	}
}

func describe(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Every route is described, and nothing else is.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	var served, described []string
	for _, r := range Routes() {
		served = append(served, strings.ToLower(r.Method)+" "+r.Pattern)
	}
	for path, methods := range describe(t).Paths {
		for method := range methods {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

// Every field of an answer is described as one that is always there.
func TestFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	schemas := describe(t).Components.Schemas
	for _, typ := range []reflect.Type{reflect.TypeFor[Package](), reflect.TypeFor[Build](), reflect.TypeFor[Difference]()} {
		var fields []string
		for i := range typ.NumField() {
			fields = append(fields, typ.Field(i).Tag.Get("json"))
		}
		slices.Sort(fields)
		schema := schemas[typ.Name()]
		if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(schema.Properties))); diff != "" {
			t.Errorf("%s (-fields +described):\n%s", typ.Name(), diff)
		}
		if diff := cmp.Diff(fields, slices.Sorted(slices.Values(schema.Required))); diff != "" {
			t.Errorf("%s (-fields +required):\n%s", typ.Name(), diff)
		}
	}
}

// Every reference leads to something.
func TestReferences(t *testing.T) {
	t.Parallel()
	var root any
	if err := json.Unmarshal(description, &root); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for key, e := range v {
				if ref, ok := e.(string); ok && key == "$ref" && !leads(root, ref) {
					t.Errorf("%s leads nowhere", ref)
				}
				walk(e)
			}
		}
	}
	walk(root)
}

func leads(root any, ref string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := root.(map[string]any)
		if root = m[part]; root == nil {
			return false
		}
	}
	return true
}
