package koschei

import (
	"reflect"
	"testing"
)

// TestSameRepos changes each field of a collection in turn. A new field must be
// put into one of the two lists.
func TestSameRepos(t *testing.T) {
	t.Parallel()
	otherRepos := map[string]bool{}
	for other, fields := range map[bool][]string{
		true: {"SecondaryMode", "BuildTag", "BuildGroup", "WeakDeps", "Lenient"},
		false: {
			"ID", "Name", "DisplayName", "Order", "Target", "DestTag", "BugzillaProduct", "BugzillaVersion",
			"PriorityCoefficient", "Weight", "MaxBuilds", "Paused", "PollUntracked",
			"LatestRepoID", "LatestRepoEvent", "LatestRepoResolved",
		},
	} {
		for _, field := range fields {
			otherRepos[field] = other
		}
	}
	for i := range reflect.TypeFor[Collection]().NumField() {
		name := reflect.TypeFor[Collection]().Field(i).Name
		want, listed := otherRepos[name]
		if !listed {
			t.Errorf("%s is in neither list: is a collection resolved in other repos, or otherwise, when it changes?", name)
			continue
		}
		var before, after Collection
		change(t, reflect.ValueOf(&after).Elem().Field(i))
		if got := !before.SameRepos(&after); got != want {
			t.Errorf("%s: other repos %v, want %v", name, got, want)
		}
	}
}

// change gives v, which is zero, another value.
func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("other")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	default:
		t.Fatalf("no other value is known of a %s", v.Kind())
	}
}
