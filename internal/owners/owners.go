// Package owners finds out whose packages are whose, and keeps groups of packages
// as lists elsewhere have them. It is one of the services; only the program imports
// it.
//
// What a source says is kept until it says something else. A source that does not
// answer, or that suddenly knows nobody or less than half of what it knew, changes
// nothing: an empty list once meant a fault on the other side, and would take what
// they follow from everybody.
package owners

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/admin"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/owner"
	"github.com/koschei-ci/koschei/internal/view"
)

// A Group is a group of packages that is kept as a list has it.
type Group struct {
	Name string // full name; the group must be there
	List Source
	Of   string // owner in the list whose packages they are, as @kettle-sig; "" for all in the list
}

// A Service keeps owners and groups.
type Service struct {
	DB     *owner.Owners
	View   *view.View
	Editor *edit.Editor
	Source Source // nil if nobody asks for owners
	Groups []Group
	Clock  koschei.Clock
	Log    *slog.Logger
}

// Run asks until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) { l.Run(ctx, s.pass) }

// pass asks for owners and brings groups up to date. What goes wrong with one
// keeps no other from being done.
func (s *Service) pass(ctx context.Context) error {
	var errs []error
	var asked []string
	if s.Source != nil {
		asked = append(asked, allOwners)
		errs = append(errs, s.Refresh(ctx, false))
	}
	for _, g := range s.Groups {
		asked = append(asked, doubtOf(&g))
		if err := s.sync(ctx, &g); err != nil {
			errs = append(errs, fmt.Errorf("group %s: %w", g.Name, err))
		}
	}
	return errors.Join(append(errs, s.DB.ForgetDoubts(ctx, asked))...)
}

// allOwners is what the self-check calls the list of owners.
const allOwners = "owners"

func doubtOf(g *Group) string { return "group " + g.Name }

// Refresh asks for owners. If believe is set, it takes any answer for true.
func (s *Service) Refresh(ctx context.Context, believe bool) error {
	known, err := s.DB.Known(ctx, s.Source.Address())
	if err != nil {
		return err
	}
	owners, tag, err := s.Source.Owners(ctx, known.ETag)
	if errors.Is(err, errSame) {
		return errors.Join(s.DB.Confirm(ctx, s.Source.Address()), s.DB.Believe(ctx, allOwners))
	}
	if err != nil {
		return s.staleFor(known, fmt.Errorf("asking for owners: %w", err))
	}
	if why := absurd(pairs(owners), known.Pairs); why != "" && !believe {
		err := fmt.Errorf("owners: %s, which is not believed; koschei-admin sync-owners --believe takes it for true", why)
		return errors.Join(s.staleFor(known, err), s.DB.Doubt(ctx, allOwners, why))
	}
	return errors.Join(s.DB.Store(ctx, s.Source.Address(), tag, owners), s.DB.Believe(ctx, allOwners))
}

// staleFor adds to an error how old is what is known instead.
func (s *Service) staleFor(known owner.Known, err error) error {
	if known.Fetched.IsZero() {
		return err
	}
	return fmt.Errorf("%w; what is known is %v old", err, known.Age.Round(time.Second))
}

func pairs(owners map[string][]string) (n int) {
	for _, people := range owners {
		n += len(people)
	}
	return n
}

// absurd says why an answer is not believed; "" if it is.
func absurd(now, before int) string {
	switch {
	case now == 0:
		return "nobody owns anything"
	case 2*now < before:
		return fmt.Sprintf("there are %d pairs of package and owner, and there were %d", now, before)
	}
	return ""
}

// sync makes a group as its list has it. A list that names less than half of the
// packages that are in the group is not believed.
func (s *Service) sync(ctx context.Context, g *Group) error {
	owners, _, err := g.List.Owners(ctx, "")
	if err != nil {
		return err
	}
	var names []string
	for name, people := range owners {
		if g.Of == "" {
			names = append(names, name)
			continue
		}
		for _, person := range people {
			if person == g.Of {
				names = append(names, name)
			}
		}
	}
	members, err := s.View.GroupMembers(ctx, g.Name)
	if err != nil {
		return err
	}
	if why := absurd(len(names), len(members)); why != "" {
		why = fmt.Sprintf("its list has %d packages, and it has %d", len(names), len(members))
		return errors.Join(fmt.Errorf("%s, which is not believed; koschei-admin sync-group takes it for true", why), s.DB.Doubt(ctx, doubtOf(g), why))
	}
	if err := s.DB.Believe(ctx, doubtOf(g)); err != nil {
		return err
	}
	act := audit.Act{Actor: koschei.Actor{Name: string(koschei.ServiceOwners), From: koschei.FromBackend, Admin: true}, Now: s.Clock.Now()}
	synced, err := admin.SyncGroup(ctx, s.View, s.Editor, act, g.Name, names)
	if err != nil {
		return err
	}
	if len(synced.Changes) > 0 {
		s.Log.InfoContext(ctx, "group brought up to date", "subject", g.Name, "count", len(synced.Changes))
	}
	return nil
}
