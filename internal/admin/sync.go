package admin

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
)

// Synced is what SyncGroup did.
type Synced struct {
	Changes []string
	Skipped []string // names that were listed but are no packages
}

// SyncGroup makes the listed packages the members of a group and removes all
// others from it. Lists from outside name what Koschei does not know, or what
// is blocked in every collection: that is passed over and returned. A list of
// nothing else is refused, as it would empty the group.
func SyncGroup(ctx context.Context, known *view.View, editor *edit.Editor, act audit.Act, group string, names []string) (*Synced, error) {
	packages, err := known.Packages.Names(ctx)
	if err != nil {
		return nil, err
	}
	s := &Synced{}
	var members []string
	for _, name := range names {
		if _, found := slices.BinarySearch(packages, name); found {
			members = append(members, name)
		} else {
			s.Skipped = append(s.Skipped, name)
		}
	}
	if len(members) == 0 {
		return nil, koschei.Refusal(koschei.ErrNotFound, fmt.Sprintf("group %s: none of the %d names is that of a package", group, len(names)))
	}
	s.Changes, err = editor.EditGroup(ctx, act, group, edit.GroupEdit{Packages: &members})
	return s, err
}

// Matching returns the names of packages that match a pattern of the shell, as
// "rubygem-*". An error wraps koschei.ErrInvalid if it is none, and
// koschei.ErrNotFound if nothing matches.
func Matching(ctx context.Context, known *view.View, pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("pattern %q: %w: a bracket is not closed or empty", pattern, koschei.ErrInvalid)
	}
	all, err := known.Packages.Names(ctx)
	if err != nil {
		return nil, err
	}
	matching := slices.DeleteFunc(all, func(name string) bool {
		ok, _ := path.Match(pattern, name) // the pattern was checked
		return !ok
	})
	if len(matching) == 0 {
		return nil, fmt.Errorf("packages that match %q: %w", pattern, koschei.ErrNotFound)
	}
	return matching, nil
}
