package web

import (
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// BuildOf shows a build of the record.
func BuildOf(b *view.BuildRecord, links html.Links) *html.Build {
	return html.BuildOf(&b.Build, html.BuildHistory{
		Tasks: b.Tasks, Trigger: b.Trigger, Changes: b.Changes, Compared: b.PrevBuildID != 0,
	}, links)
}

// RefOf shows a build of the record that another thing mentions, nil for nil.
func RefOf(b *view.BuildRef) *html.BuildRef {
	if b == nil {
		return nil
	}
	return &html.BuildRef{ID: b.ID, EVR: b.EVR.String(), Outcome: b.Outcome, RepoID: b.RepoID, Started: b.Started}
}
