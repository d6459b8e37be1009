package selfcheck

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// doubts finds what Koji says of collections and nobody believes yet.
func doubts(ctx context.Context, db *maintain.Fenced, _ time.Time) ([]koschei.Finding, error) {
	found, err := db.Doubts(ctx)
	var findings []koschei.Finding
	for _, d := range found {
		x := maintain.Stuck{CollectionID: d.CollectionID, Collection: d.Collection, Count: d.Packages}
		f := about(koschei.FindingDoubt, &x, "",
			"Koji says that %d of its %d packages are %s, since %s. That is not believed at once, for a tag may be half filled. "+
				"If it is true, say so: koschei-admin accept --collection %s.", d.Packages, d.Total, d.What, since(d.Since), d.Collection)
		f.Subject += " " + d.What
		findings = append(findings, f)
	}
	return findings, err
}
