package selfcheck

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// metadata finds collections whose latest repo has entries that nobody can read.
// What depends on them is resolved without.
func metadata(ctx context.Context, db *maintain.Fenced, _ time.Time) ([]koschei.Finding, error) {
	found, err := db.LeftOut(ctx)
	var findings []koschei.Finding
	for i := range found {
		x := &found[i]
		entries := "1 entry of the metadata of its repo cannot be read and is left out"
		if x.Count > 1 {
			entries = "some entries of the metadata of its repo cannot be read and are left out"
		}
		findings = append(findings, about(koschei.FindingMetadata, x, "", "%s: %s.", entries, examples(x)))
	}
	return findings, err
}
