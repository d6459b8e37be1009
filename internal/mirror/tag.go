package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// prepare makes what the collection's builds need at the primary hub, as far as
// it is not there. The target comes last: where it is, all the rest is.
func (m *Mirror) prepare(ctx context.Context, c *koschei.Collection) error {
	_, err := m.Hubs.Primary.BuildTarget(ctx, c.Target)
	if !errors.Is(err, koschei.ErrNotFound) {
		return err
	}
	for _, tag := range []string{c.BuildTag, c.DestTag} {
		if err := m.makeTag(ctx, tag); err != nil {
			return fmt.Errorf("tag %s: %w", tag, err)
		}
	}
	if err := m.copyGroups(ctx, c.BuildTag); err != nil {
		return fmt.Errorf("groups of tag %s: %w", c.BuildTag, err)
	}
	m.Log.InfoContext(ctx, "target made at the primary hub", "collection", c.Name, "target", c.Target)
	return m.Hubs.Primary.CreateBuildTarget(ctx, c.Target, c.BuildTag, c.DestTag)
}

func (m *Mirror) makeTag(ctx context.Context, name string) error {
	_, err := m.Hubs.Primary.Tag(ctx, name)
	if errors.Is(err, koschei.ErrNotFound) {
		_, err = m.Hubs.Primary.CreateTag(ctx, name, strings.Join(m.Arches, " "))
	}
	return err
}

// copyGroups adds to a tag of the primary hub what groups it has at the
// secondary hub, with those that they require brought in.
func (m *Mirror) copyGroups(ctx context.Context, tag string) error {
	secondary, err := m.Hubs.Client(koschei.Secondary)
	if err != nil {
		return err
	}
	groups, err := secondary.TagGroups(ctx, tag, 0)
	if err != nil {
		return err
	}
	ours, err := m.Hubs.Primary.TagGroups(ctx, tag, 0)
	if err != nil {
		return err
	}
	for _, g := range groups {
		members, err := secondary.BuildGroup(ctx, tag, g.Name, 0)
		if err != nil {
			return err
		}
		if err := m.copyGroup(ctx, tag, g.Name, members, ours); err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
	}
	return nil
}

func (m *Mirror) copyGroup(ctx context.Context, tag, name string, members []string, ours []koji.Group) error {
	has, exists := map[string]bool{}, false
	for _, g := range ours {
		if g.Name == name {
			exists = true
			for _, p := range g.Packages {
				has[p.Name] = true
			}
		}
	}
	if !exists {
		if err := m.Hubs.Primary.AddGroup(ctx, tag, name); err != nil {
			return err
		}
	}
	for _, pkg := range members {
		if !has[pkg] {
			if err := m.Hubs.Primary.AddGroupPackage(ctx, tag, name, pkg); err != nil {
				return err
			}
		}
	}
	return nil
}

// show makes a repo of the secondary hub the one external repo of the build tag
// at the primary one.
func (m *Mirror) show(ctx context.Context, c *koschei.Collection, repoID int64) error {
	name, url := fmt.Sprintf("%s-%d", c.Name, repoID), m.url(c.BuildTag, repoID)
	external, err := m.Hubs.Primary.ExternalRepo(ctx, name)
	if errors.Is(err, koschei.ErrNotFound) {
		external, err = m.Hubs.Primary.CreateExternalRepo(ctx, name, url)
	}
	if err != nil {
		return fmt.Errorf("external repo %s: %w", name, err)
	}
	if strings.TrimSuffix(external.URL, "/") != strings.TrimSuffix(url, "/") {
		return fmt.Errorf("external repo %s is %s at the primary hub, not %s", name, external.URL, url)
	}
	shown, err := m.Hubs.Primary.TagExternalRepos(ctx, c.BuildTag)
	if err != nil {
		return err
	}
	there := false
	for _, r := range shown {
		if r.Name == name {
			there = true
			continue
		}
		if err := m.Hubs.Primary.RemoveExternalRepo(ctx, c.BuildTag, r.Name); err != nil {
			return fmt.Errorf("taking external repo %s out of tag %s: %w", r.Name, c.BuildTag, err)
		}
	}
	if there {
		return nil
	}
	if err := m.Hubs.Primary.AddExternalRepo(ctx, c.BuildTag, name, 0, "koji"); err != nil {
		return fmt.Errorf("adding external repo %s to tag %s: %w", name, c.BuildTag, err)
	}
	return nil
}
