package admin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/admin"
	"github.com/koschei-ci/koschei/internal/schema"
)

func TestSettingsAgain(t *testing.T) {
	t.Parallel()
	want := &schema.Settings{
		Groups: []schema.GroupSettings{
			{FullName: "null"},
			{FullName: "someuser/mine", Packages: []string{"0xFFFF", "yes", "perl-1.0"}, Maintainers: []string{"another", "someuser"}},
		},
		Priorities: []schema.PrioritySettings{
			{Collection: "27", Package: "1e3", Static: -100},
			{Collection: "27", Package: "foo", Manual: 20},
			{Collection: "f28", Package: "foo", Static: 1, Manual: 2},
		},
	}
	var b strings.Builder
	if err := admin.WriteSettings(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := admin.ReadSettings(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings written and read (-want +got):\n%s\n%s", diff, b.String())
	}
}

func TestReadSettingsErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                        "invalid: it is empty",
		"# nothing\n":                             "invalid: it is empty",
		"groups:\n":                               "invalid: it holds no groups and no priorities",
		"a: [":                                    "invalid: yaml: line 1: ",
		"groups: {}\n---\ngroups: {}\n":           "invalid: it holds more than one document",
		"groups: {}\npackages: {}\n":              `line 2: invalid: "packages" is neither groups nor priorities`,
		"groups:\n  - a\n":                        "line 2: invalid: expected a mapping of groups",
		"groups:\n  a b: {}\n":                    `line 2: group name "a b": invalid: `,
		"groups:\n  a:\n    packages: foo\n":      "line 3: invalid: expected a list of names",
		"groups:\n  a:\n    packages:\n    - []":  "line 4: invalid: expected a name",
		"groups:\n  a:\n    packages: ['-']":      `line 3: package name "-": invalid: `,
		"priorities:\n  f27:\n    foo: 100\n":     "line 3: invalid: expected a mapping of static and manual priority",
		"priorities: {f27: {foo: {static: }}}":    `line 1: invalid: "" is no whole number from `,
		"priorities: {f27: {foo: {high: 1}}}":     `line 1: invalid: "high" is neither static nor manual`,
		"priorities: {f27: {foo: {manual: 1.5}}}": `line 1: invalid: "1.5" is no whole number from `,
		"priorities: {? [a] : b}":                 "line 1: invalid: expected a word",
	} {
		_, err := admin.ReadSettings(strings.NewReader(text))
		if !errors.Is(err, koschei.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestReadNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"foo":                       {"foo"},
		"foo bar\n\n\tbaz\r\n":      {"foo", "bar", "baz"},
		"\n [\"foo\", \"g++\"]\n":   {"foo", "g++"},
		"":                          nil,
		"[]":                        nil,
		"[1]":                       nil,
		"{\"foo\": 1}":              nil,
		"<html><body>":              nil,
		strings.Repeat("a ", 9<<20): nil,
	} {
		got, err := admin.ReadNames(strings.NewReader(text))
		if want == nil && !errors.Is(err, koschei.ErrInvalid) {
			t.Errorf("%.20q: error %v, want %v", text, err, koschei.ErrInvalid)
		}
		if diff := cmp.Diff(want, got); diff != "" || want != nil && err != nil {
			t.Errorf("%.20q: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

func FuzzReadSettings(f *testing.F) {
	f.Add("groups:\n  a:\n    packages: [foo]\npriorities: {f27: {foo: {static: 1}}}\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := admin.ReadSettings(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if err := admin.WriteSettings(&b, s); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.ReadSettings(strings.NewReader(b.String())); err != nil {
			t.Errorf("%v in\n%s", err, b.String())
		}
	})
}
