package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei"
)

// SubmitNow submits builds of packages of a collection in their order, whatever
// their priority, the builds under way and the load of the hosts: somebody asks
// for them. done is told how each fared, with nil if the hub took its build.
//
// It works beside a running scheduler and needs no lease: the schema does not
// let two builds of a package be under way, and what this process leaves open
// the scheduler settles.
func (s *Service) SubmitNow(ctx context.Context, c *koschei.Collection, packages []koschei.PackageStatus, done func(p *koschei.PackageStatus, err error)) error {
	if c.LatestRepoResolved != koschei.Resolved {
		return fmt.Errorf("collection %s: its base buildroot is not known to be installable (it is %s): %w", c.Name, c.State(), koschei.ErrInvalid)
	}
	if _, err := s.Hub.LoggedInUser(ctx); err != nil {
		return err
	}
	unbounded := *s
	unbounded.LoadThreshold = 1
	one := &submitter{service: &unbounded, db: s.DB, collection: *c}
	if err := one.prepare(ctx); err != nil {
		return err
	}
	for p := range slices.Values(packages) {
		err := one.submit(ctx, &p)
		if errors.Is(err, koschei.ErrConflict) { // perhaps only a source that was news
			err = one.submit(ctx, &p)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(&p, err)
	}
	return nil
}
