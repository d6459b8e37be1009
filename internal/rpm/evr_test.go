package rpm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEVR(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want EVR
		err  string
	}{
		{in: "1", want: EVR{0, "1", ""}},
		{in: "1-2", want: EVR{0, "1", "2"}},
		{in: "3:1-2.fc40", want: EVR{3, "1", "2.fc40"}},
		{in: "0:1-2", want: EVR{0, "1", "2"}},
		{in: ":1", want: EVR{0, "1", ""}},
		{in: "1-2-3", want: EVR{0, "1-2", "3"}},
		{in: "a:1", want: EVR{0, "a:1", ""}},
		{in: "4294967295:1", want: EVR{1<<32 - 1, "1", ""}},
		{in: "4294967296:1", err: `version "4294967296:1": the epoch is larger than 4294967295`},
		{in: "", err: `version "": the version is empty`},
		{in: "1:", err: `version "1:": the version is empty`},
		{in: "-1", err: `version "-1": the version is empty`},
		{in: "1-", err: `version "1-": the release after "-" is empty`},
	}
	for _, tt := range tests {
		got, err := ParseEVR(tt.in)
		if message(err) != tt.err {
			t.Errorf("ParseEVR(%q) error %q, want %q", tt.in, message(err), tt.err)
		}
		if got != tt.want {
			t.Errorf("ParseEVR(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
		if err != nil {
			continue
		}
		if again, err := ParseEVR(got.String()); err != nil || again != got {
			t.Errorf("%q printed is %q, read again %+v, %v", tt.in, got, again, err)
		}
	}
}

func TestEVRCompare(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b           string
		compare, order int
	}{
		{"1-1", "1-1", 0, 0},
		{"1-1", "1-2", -1, -1},
		{"1-1", "1", 0, 1},
		{"1", "1-2", 0, -1},
		{"1", "1", 0, 0},
		{"1:1", "2", 1, 1},
		{"0:2", "1:1", -1, -1},
		{"1~rc1-5", "1-1", -1, -1},
	}
	for _, tt := range tests {
		a, b := mustEVR(t, tt.a), mustEVR(t, tt.b)
		if got := signOf(a.Compare(b)); got != tt.compare {
			t.Errorf("%s compared with %s = %d, want %d", a, b, got, tt.compare)
		}
		if got := signOf(a.Order(b)); got != tt.order {
			t.Errorf("%s ordered with %s = %d, want %d", a, b, got, tt.order)
		}
		if a.Compare(b) != -b.Compare(a) || signOf(a.Order(b)) != -signOf(b.Order(a)) {
			t.Errorf("%s and %s compare differently the other way round", a, b)
		}
	}
}

func TestNEVRA(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, short, long string
		want            NEVRA
	}{
		{
			in: "bash-5.2.26-3.fc40.x86_64", short: "bash-5.2.26-3.fc40.x86_64", long: "bash-0:5.2.26-3.fc40.x86_64",
			want: NEVRA{"bash", EVR{0, "5.2.26", "3.fc40"}, "x86_64"},
		},
		{
			in: "a-b-c-2:1-1.src.rpm", short: "a-b-c-2:1-1.src", long: "a-b-c-2:1-1.src",
			want: NEVRA{"a-b-c", EVR{2, "1", "1"}, "src"},
		},
	}
	for _, tt := range tests {
		got, err := ParseNEVRA(tt.in)
		if err != nil {
			t.Errorf("ParseNEVRA(%q): %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ParseNEVRA(%q) (-want +got):\n%s", tt.in, diff)
		}
		if got.String() != tt.short || got.Long() != tt.long {
			t.Errorf("%q is printed as %q and %q, want %q and %q", tt.in, got, got.Long(), tt.short, tt.long)
		}
	}
	for _, bad := range []string{"", "bash", "bash-1", "bash-1-2", "bash-1.x86_64", "-1-2.x86_64", "bash-1-2.", "bash--2.x", ".rpm", "bash-1-.x"} {
		if got, err := ParseNEVRA(bad); err == nil {
			t.Errorf("ParseNEVRA(%q) = %+v, want an error", bad, got)
		}
	}
}

func mustEVR(t *testing.T, s string) EVR {
	t.Helper()
	e, err := ParseEVR(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
