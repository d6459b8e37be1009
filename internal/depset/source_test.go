package depset_test

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/depset"
)

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]depset.Source{
		"openldap-2.6.11-1.fc44.src.rpm":       {Name: "openldap", Version: "2.6.11-1.fc44"},
		"python-foo-bar-1~rc1-2.el9.nosrc.rpm": {Name: "python-foo-bar", Version: "1~rc1-2.el9"},
		"":                                     {Name: "libfoo"},
		"odd.src.rpm":                          {Name: "libfoo"},
		"only-one.src.rpm":                     {Name: "libfoo"},
		"-1-2.src.rpm":                         {Name: "libfoo"},
	} {
		if got := depset.SourceOf("libfoo", file); got != want {
			t.Errorf("%q: %+v, want %+v", file, got, want)
		}
	}
}
