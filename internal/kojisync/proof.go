package kojisync

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record"
)

// proven asks about the packages of a tag that have changed, and then for everything.
// What only the latter brings was missed before: that is told and counted, for a
// round that asks for changes alone would have gone on without it.
func (r *Round) proven(ctx context.Context, c *koschei.Collection, n *tagNews, names []string) (left []string, err error) {
	_, err = r.someOf(ctx, c, n, names)
	if err != nil && !errors.Is(err, record.ErrDoubted) {
		return nil, err
	}
	before, err := r.sync.DB.Tags.TagMarks(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	left, doubt := r.everything(ctx, c, n)
	if doubt != nil && !errors.Is(doubt, record.ErrDoubted) {
		return nil, doubt
	}
	after, err := r.sync.DB.Tags.TagMarks(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var missed []string
	for name, mark := range after {
		if before[name] != mark {
			missed = append(missed, name)
		}
	}
	if missed, err = n.notSince(ctx, missed); err != nil {
		return nil, err
	}
	r.sync.tellMissed(ctx, c, missed)
	return left, doubt
}

// notSince leaves those packages out that have changed since the round began.
func (n *tagNews) notSince(ctx context.Context, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	changes, err := n.client.ChangedPackages(ctx, n.event, n.lineage.Names)
	if err != nil {
		return nil, err
	}
	late := map[string]bool{}
	for _, change := range changes {
		late[change.Name] = true
	}
	return slices.DeleteFunc(names, func(name string) bool { return late[name] }), nil
}

func (s *Sync) tellMissed(ctx context.Context, c *koschei.Collection, missed []string) {
	s.Metrics.missedChanges(c, len(missed))
	if len(missed) == 0 {
		return
	}
	const most = 10
	slices.Sort(missed)
	s.Log.WarnContext(ctx, "changes of a tag were missed until everything was asked for", "collection", c.Name,
		"packages", len(missed), "about", strings.Join(missed[:min(most, len(missed))], " "))
}
