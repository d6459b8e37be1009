package kojihub

import (
	"cmp"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
)

// applyOptions does what a call's queryOpts ask of its rows.
func applyOptions(rows []xmlrpc.Struct, queryOpts any) any {
	opts, _ := queryOpts.(xmlrpc.Struct)
	if order, _ := opts.Get("order"); order != nil {
		sortRows(rows, pythonName(order))
	}
	if offset, _ := opts.Get("offset"); offset != nil {
		n := kojisim.Whole(offset)
		rows = rows[min(max(n, 0), len(rows)):]
	}
	if limit, _ := opts.Get("limit"); limit != nil {
		n := kojisim.Whole(limit)
		rows = rows[:min(max(n, 0), len(rows))]
	}
	if count, _ := opts.Get("countOnly"); truthy(count) {
		return len(rows)
	}
	return structs(rows)
}

func pythonName(v any) string {
	s, _ := v.(string)
	return s
}

// sortRows orders rows by columns such as "-id,name".
func sortRows(rows []xmlrpc.Struct, order string) {
	columns := strings.Split(order, ",")
	slices.SortStableFunc(rows, func(a, b xmlrpc.Struct) int {
		for _, col := range columns {
			name, down := strings.CutPrefix(col, "-")
			x, _ := a.Get(name)
			y, _ := b.Get(name)
			c := compareValues(x, y)
			if down {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// compareValues orders what a column may hold; nil comes last, as in SQL.
func compareValues(x, y any) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return 1
	case y == nil:
		return -1
	}
	if s, ok := x.(string); ok {
		t, _ := y.(string)
		return cmp.Compare(s, t)
	}
	return cmp.Compare(number(x), number(y))
}
