package kojihub

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// shapeOf describes a value by its types, members and what is nil. Of an array
// it keeps which shapes its elements have, not how many or in which order; of a
// struct keyed by numbers likewise.
func shapeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case xmlrpc.Struct:
		return structShape(v)
	case []any:
		return "[" + strings.Join(shapes(v), " | ") + "]"
	case []byte:
		return "bytes"
	case int64:
		return "int"
	}
	return fmt.Sprintf("%T", v)
}

func structShape(s xmlrpc.Struct) string {
	numbered := len(s) > 0
	var values []any
	for _, m := range s {
		numbered = numbered && strings.Trim(m.Name, "0123456789") == ""
		values = append(values, m.Value)
	}
	if numbered {
		return "{numbers: " + strings.Join(shapes(values), " | ") + "}"
	}
	names := make([]string, len(s))
	for i, m := range s {
		names[i] = m.Name + ": " + shapeOf(m.Value)
	}
	sort.Strings(names)
	return "{" + strings.Join(names, ", ") + "}"
}

func shapes(list []any) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = shapeOf(e)
	}
	sort.Strings(out)
	return slices.Compact(out)
}

// faultShape is what of a fault must be equal.
func faultShape(f *xmlrpc.Fault) string { return fmt.Sprintf("fault %d", f.Code) }
