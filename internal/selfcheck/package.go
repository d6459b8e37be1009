package selfcheck

import (
	"context"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

const (
	// longestHold is longer than any hold that a service makes.
	longestHold = 8 * 24 * time.Hour

	// duePatience is for the repo-resolver to get to a package; it needs seconds.
	duePatience = 5 * time.Minute
)

// duePackages finds packages that could be resolved and are not.
func (s *Service) duePackages(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	waiting, err := db.WaitingPackages(ctx, waitingLimit)
	if err != nil {
		return nil, err
	}
	found := s.due.overdue(waiting, now, s.patience(duePatience))
	return s.explain(ctx, db, nil, koschei.FindingDue, koschei.ServiceRepoResolver, found, func(x *maintain.Stuck) string {
		return fmt.Sprintf("All is known that is needed to resolve %s, and nobody does since %s", packages(x), since(x.Oldest))
	})
}

// untried makes packages due that count as resolved without having an answer.
func (s *Service) untried(ctx context.Context, db *maintain.Fenced, _ time.Time) ([]koschei.Finding, error) {
	mended, err := db.MendUntried(ctx)
	var findings []koschei.Finding
	for _, x := range mended {
		findings = append(findings, about(koschei.FindingUntried, &x, "they are resolved as soon as the repo-resolver gets to them",
			"There was no answer for %s, and nobody would have looked for one.", packages(&x)))
	}
	return findings, err
}

// holds ends holds whose reason is gone.
func (s *Service) holds(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	mended, err := db.MendHolds(ctx, now, longestHold)
	var findings []koschei.Finding
	for _, x := range mended {
		findings = append(findings, about(koschei.FindingHold, &x, "they are held no longer",
			"The reason is gone for which the scheduler passed over %s.", packages(&x)))
	}
	return findings, err
}

// columns makes columns follow from builds that did not.
func (s *Service) columns(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	mended, err := db.MendColumns(ctx, now)
	var findings []koschei.Finding
	for _, x := range mended {
		findings = append(findings, about(koschei.FindingColumns, &x, "they were worked out anew",
			"Last builds or states of %s did not follow from their builds: that is a mistake in Koschei.", packages(&x)))
	}
	return findings, err
}
