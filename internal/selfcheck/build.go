package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

const (
	submissionSlack = time.Hour      // longer than a scheduler may leave a submission open
	cancelSlack     = 6 * time.Hour  // for a build that takes too long to be canceled
	depsPatience    = 6 * time.Hour  // for finding out what was in a buildroot
	sourcePatience  = 24 * time.Hour // for Koji to say what is in a source package
)

// submissions finds builds of which it is not known for too long whether the
// hub has them. While there is no scheduler it finds that out itself.
func (s *Service) submissions(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	found, err := db.StuckSubmissions(ctx, now.Add(-s.patience(s.LongestCall+submissionSlack)))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var done kojisync.Settlement
	err = s.DB.Record.Alone(ctx, postgres.SchedulerLease, s.Holder, func(ctx context.Context, db *record.Fenced) error {
		sync := *s.Sync
		sync.DB = db.Record
		var err error
		done, err = sync.Settle(ctx, s.LongestCall)
		return err
	})
	repair := ""
	switch {
	case errors.Is(err, koschei.ErrLeased): // the scheduler has them in hand
	case err != nil:
		return nil, err
	default:
		repair = fmt.Sprintf("Koji was asked: it has %d of them and has lost %d", done.Found, done.Lost)
	}
	var findings []koschei.Finding
	for _, x := range found {
		findings = append(findings, about(koschei.FindingSubmission, &x, repair,
			"It is not known whether Koji has %s, written down since %s.", builds(&x), since(x.Oldest)))
	}
	return findings, nil
}

// running finds builds that should have been canceled by now.
func (s *Service) running(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	found, err := db.StuckBuilds(ctx, now.Add(-s.patience(s.TaskTimeout+cancelSlack)))
	var findings []koschei.Finding
	for _, x := range found {
		findings = append(findings, about(koschei.FindingRunning, &x, "",
			"A build should end within %s, and the scheduler cancel it then, but still running: %s, since %s.",
			s.TaskTimeout, builds(&x), since(x.Oldest)))
	}
	return findings, err
}

// dependencies finds builds of which it is not found out what they were made
// with, and gives that up for those whose repo is not known.
func (s *Service) dependencies(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	before := now.Add(-s.patience(depsPatience))
	mended, err := db.MendDependencies(ctx, before)
	if err != nil {
		return nil, err
	}
	var findings []koschei.Finding
	for _, x := range mended {
		f := about(koschei.FindingDeps, &x, "it was given up: they count as not known",
			"The repo is not known of %s, so it cannot be found out what was in the buildroot.", builds(&x))
		f.Subject += " (no repo)"
		findings = append(findings, f)
	}
	waiting, err := db.WaitingDependencies(ctx, waitingLimit)
	if err != nil {
		return findings, err
	}
	found := s.deps.overdue(waiting, now, s.patience(depsPatience))
	return s.explain(ctx, db, findings, koschei.FindingDeps, koschei.ServiceBuildResolver, found, func(x *maintain.Stuck) string {
		return fmt.Sprintf("It was not found out what was in the buildroot of %s, since %s", builds(x), since(x.Oldest))
	})
}

// sources finds packages of whose source package Koji says nothing.
func (s *Service) sources(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	waiting, err := db.WaitingSources(ctx, waitingLimit)
	var findings []koschei.Finding
	for _, x := range s.unknown.overdue(waiting, now, s.patience(sourcePatience)) {
		findings = append(findings, about(koschei.FindingSource, &x, "",
			"Koji says nothing of the source package of %s, which therefore cannot be resolved, since %s.", packages(&x), since(x.Oldest)))
	}
	return findings, err
}
