package selfcheck

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

const (
	// longestHold is longer than any hold that a service makes.
	longestHold = 8 * 24 * time.Hour

	// dueLimit bounds how many packages that could be resolved are looked at.
	dueLimit = 10000
)

// duePackages finds packages that could be resolved now and could be in the
// pass before: the repo-resolver does not get to them.
func (s *Service) duePackages(ctx context.Context, db *postgres.DB, _ time.Time) ([]koschei.Finding, error) {
	due, err := db.DuePackages(ctx, dueLimit)
	if err != nil {
		return nil, err
	}
	before := s.due
	s.due = map[int64]bool{}
	byCollection := map[int64]*postgres.Stuck{}
	var order []*postgres.Stuck
	for _, p := range due {
		s.due[p.ID] = true
		if !before[p.ID] {
			continue
		}
		x := byCollection[p.CollectionID]
		if x == nil {
			x = &postgres.Stuck{CollectionID: p.CollectionID, Collection: p.Collection}
			byCollection[p.CollectionID] = x
			order = append(order, x)
		}
		if x.Count++; x.Count <= 3 {
			x.Examples = append(x.Examples, p.Name)
		}
	}
	if len(order) == 0 {
		return nil, nil
	}
	fresh, err := db.Freshness(ctx)
	var findings []koschei.Finding
	for _, x := range order {
		f := fresh[x.CollectionID]
		findings = append(findings, about(koschei.FindingDue, x, "",
			"All is known that is needed to resolve %s, and nobody does%s.",
			packages(x), because(f.Report("repo-resolver"))))
	}
	return findings, err
}

// untried makes packages due that count as resolved without having an answer.
func (s *Service) untried(ctx context.Context, db *postgres.DB, _ time.Time) ([]koschei.Finding, error) {
	mended, err := db.MendUntried(ctx)
	var findings []koschei.Finding
	for _, x := range mended {
		findings = append(findings, about(koschei.FindingUntried, &x, "they are resolved as soon as the repo-resolver gets to them",
			"There was no answer for %s, and nobody would have looked for one.", packages(&x)))
	}
	return findings, err
}

// holds ends holds whose reason is gone.
func (s *Service) holds(ctx context.Context, db *postgres.DB, now time.Time) ([]koschei.Finding, error) {
	mended, err := db.MendHolds(ctx, now, longestHold)
	var findings []koschei.Finding
	for _, x := range mended {
		findings = append(findings, about(koschei.FindingHold, &x, "they are held no longer",
			"The reason is gone for which the scheduler passed over %s.", packages(&x)))
	}
	return findings, err
}

// columns makes columns follow from builds that did not.
func (s *Service) columns(ctx context.Context, db *postgres.DB, now time.Time) ([]koschei.Finding, error) {
	mended, err := db.MendColumns(ctx, now)
	var findings []koschei.Finding
	for _, x := range mended {
		findings = append(findings, about(koschei.FindingColumns, &x, "they were worked out anew",
			"Last builds or states of %s did not follow from their builds: that is a mistake in Koschei.", packages(&x)))
	}
	return findings, err
}
