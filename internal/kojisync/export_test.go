package kojisync

import (
	"context"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

// What the tests, which live outside the package to use a scenario's stage, see of it.

func (s *Sync) FollowBuilds(ctx context.Context, builds []record.RunningBuild) error {
	return s.followBuilds(ctx, builds)
}

func (s *Sync) SaveTagged(ctx context.Context, c *koschei.Collection, builds []koji.TaggedBuild, about []string, event int64) (left []string, err error) {
	return s.saveTagged(ctx, c, builds, about, event)
}

func ListTagged(ctx context.Context, hub *koji.Client, tag string) ([]koji.TaggedBuild, error) {
	return listTagged(ctx, hub, tag)
}
