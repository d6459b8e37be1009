package kojihub

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// truthy is Python's notion of true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case xmlrpc.Struct:
		return len(v) > 0
	}
	return true
}

// pythonText writes a value as Python's repr does; Koji's faults quote values.
func pythonText(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return "'" + v + "'"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = pythonText(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case xmlrpc.Struct:
		parts := make([]string, len(v))
		for i, m := range v {
			parts[i] = "'" + m.Name + "': " + pythonText(m.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return fmt.Sprint(v)
}

// pythonType is the name of a value's type in Python.
func pythonType(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int, int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case xmlrpc.Struct:
		return "dict"
	}
	return "bytes"
}
