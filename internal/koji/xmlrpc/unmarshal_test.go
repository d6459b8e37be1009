package xmlrpc

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type words []string

func (w *words) UnmarshalXMLRPC(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("want words")
	}
	*w = words{s}
	return nil
}

type inner struct {
	Name string `koji:"name"`
}

type embedded struct {
	Deep string `koji:"deep"`
}

type outer struct {
	embedded
	ID     int            `koji:"id"`
	Epoch  *int           `koji:"epoch"`
	Load   float64        `koji:"load"`
	OK     bool           `koji:"ok"`
	Inner  *inner         `koji:"inner"`
	List   []inner        `koji:"list"`
	ByName map[string]int `koji:"by_name"`
	Raw    any            `koji:"raw"`
	Extra  Struct         `koji:"extra"`
	Arches words          `koji:"arches"`
	Data   []byte         `koji:"data"`
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	value := Struct{
		{"id", int64(7)},
		{"epoch", int64(0)},
		{"load", int64(3)},
		{"ok", true},
		{"inner", Struct{{"name", "a"}, {"unknown", nil}}},
		{"list", []any{Struct{{"name", "b"}}, nil}},
		{"by_name", Struct{{"x", int64(1)}}},
		{"deep", "d"},
		{"raw", []any{nil}},
		{"extra", Struct{{"a", nil}}},
		{"arches", "x86_64"},
		{"data", []byte("d")},
	}
	zero := 0
	want := outer{
		embedded: embedded{"d"},
		ID:       7, Epoch: &zero, Load: 3, OK: true, Inner: &inner{"a"}, List: []inner{{"b"}, {}},
		ByName: map[string]int{"x": 1}, Raw: []any{nil}, Extra: Struct{{"a", nil}}, Arches: words{"x86_64"}, Data: []byte("d"),
	}
	var got outer
	if err := Unmarshal(value, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outer{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	nils := Struct{{"id", nil}, {"epoch", nil}, {"inner", nil}, {"list", nil}, {"by_name", nil}, {"raw", nil}}
	if err := Unmarshal(nils, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != 0 || got.Epoch != nil || got.Inner != nil || got.List != nil || got.ByName != nil || got.Raw != nil {
		t.Errorf("nil left something: %+v", got)
	}
}

func TestUnmarshalMismatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value any
		want  string
	}{
		{"x", "a string where []xmlrpc.outer was expected"},
		{[]any{Struct{{"id", "7"}}}, "[0].id: a string where int was expected"},
		{[]any{Struct{}, Struct{{"list", []any{Struct{{"name", int64(1)}}}}}}, "[1].list[0].name: an integer where string was expected"},
		{[]any{Struct{{"inner", []any{}}}}, "[0].inner: an array where xmlrpc.inner was expected"},
		{[]any{Struct{{"by_name", Struct{{"x", nil}, {"y", 1.5}}}}}, `[0].by_name["y"]: a double where int was expected`},
		{[]any{Struct{{"arches", nil}}}, "[0].arches: want words"},
	}
	for _, test := range tests {
		var dst []outer
		if got := fmt.Sprint(Unmarshal(test.value, &dst)); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestUnmarshalTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value any
		want  string
	}{
		{nil, "0001-01-01T00:00:00Z"},
		{1795462605.573184, "2026-11-23T19:36:45.573184Z"},
		{int64(1795462605), "2026-11-23T19:36:45Z"},
		{"2026-11-23 19:36:45.570249+00:00", "2026-11-23T19:36:45.570249Z"},
		{"2026-11-23 20:36:45+01:00", "2026-11-23T19:36:45Z"},
		{"2026-11-23 19:36:45.5", "2026-11-23T19:36:45.5Z"},
	}
	for _, test := range tests {
		at := time.Now()
		if err := Unmarshal(test.value, &at); err != nil {
			t.Errorf("%v: %v", test.value, err)
		}
		if got := at.Format(time.RFC3339Nano); got != test.want {
			t.Errorf("%v: got %s, want %s", test.value, got, test.want)
		}
	}
	for _, bad := range []any{"yesterday", true, 1e300} {
		var at time.Time
		if err := Unmarshal(bad, &at); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
