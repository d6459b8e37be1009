package kojihub

import (
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func number(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// Where a hub answers.
const (
	hubPath   = "/kojihub"
	loginPath = "/kojihub/ssllogin"
	filesPath = "/kojifiles"
)

// The forms in which the hub sends what may be absent.

func stringOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func boolOrNil(b *bool) any {
	if b == nil {
		return nil
	}
	return *b
}

func epochOrNil(epoch uint32) any {
	if epoch == 0 {
		return nil
	}
	return int64(epoch)
}

// idOrNil is an id; 0 is none.
func idOrNil(id int) any {
	if id == 0 {
		return nil
	}
	return id
}

func hostIDOrNil(h *kojisim.Host) any {
	if h == nil {
		return nil
	}
	return h.ID
}

func parentOrNil(t *kojisim.Task) any {
	if t.Parent == nil {
		return nil
	}
	return t.Parent.ID
}

// timeOrNil is a time as PostgreSQL prints it.
func timeOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999+00:00")
}

// stampOrNil is a time as seconds since 1970.
func stampOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func stamp(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func joinedArches(arches []string) string { return strings.Join(arches, " ") }

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func structs(list []xmlrpc.Struct) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// asStamp reads a time given as seconds since 1970 or as text.
func asStamp(v any) float64 {
	if text, ok := v.(string); ok {
		for _, layout := range []string{"2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, text); err == nil {
				return stamp(t)
			}
		}
		return 0
	}
	return number(v)
}

// wireValue is a value of the world's in the form in which the hub sends it.
func wireValue(v any) any {
	switch v := v.(type) {
	case kojisim.Options:
		out := make(xmlrpc.Struct, len(v))
		for i, o := range v {
			out[i] = xmlrpc.Member{Name: o.Name, Value: wireValue(o.Value)}
		}
		return out
	case []any:
		return wireList(v)
	}
	return v
}

func wireList(list []any) []any {
	if list == nil {
		return nil
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = wireValue(v)
	}
	return out
}

// optionsOf are the options that a call gave; nil if v is none.
func optionsOf(v any) kojisim.Options {
	s, _ := v.(xmlrpc.Struct)
	var out kojisim.Options
	for _, m := range s {
		out = append(out, kojisim.Option{Name: m.Name, Value: m.Value})
	}
	return out
}

// wireFault is a fault in the form in which the hub sends it.
func wireFault(f *fault.Fault) *xmlrpc.Fault { return &xmlrpc.Fault{Code: f.Code, String: f.Text} }

// userStatus is Koji's number for whether a user may log in.
func userStatus(u *kojisim.User) int {
	if u.Blocked {
		return 1
	}
	return 0
}
