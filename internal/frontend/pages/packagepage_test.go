package pages

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// TestBeforeNote says so when changes are not counted from the last build.
func TestBeforeNote(t *testing.T) {
	t.Parallel()
	site, err := New(nil, time.Now, koschei.DefaultPriorityRules(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for last, noted := range map[int64]bool{7: false, 9: true} {
		page := &postgres.PackagePage{
			Package: &koschei.PackageStatus{
				Package:    koschei.Package{Tracked: true},
				Resolution: koschei.Resolved, LastBuildID: last, LastCompleteBuildID: last,
			},
			Before: postgres.ComparedBuild{Build: &postgres.BuildRef{ID: 7}},
		}
		var v packageView
		site.fillPackage(&v, page)
		if (v.BeforeNote != "") != noted {
			t.Errorf("last build %d, changes counted from build 7: %q", last, v.BeforeNote)
		}
	}
}
