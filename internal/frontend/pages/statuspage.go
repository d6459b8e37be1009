package pages

import (
	"net/http"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A statusView is the page for operators: how Koschei itself fares.
type statusView struct {
	layout
	Lasting     []koschei.Finding // what does not go on by itself
	Ended       []koschei.Finding // what was found before, newest first
	Collections []statusCollection
	Leases      []postgres.LeaseStatus
	Starts      []postgres.ServiceStarts
	Backlog     postgres.Backlog
}

// A statusCollection is a collection with how far it is behind.
type statusCollection struct {
	postgres.CollectionStatus
	Fresh freshView
}

// Status shows how services, queues and collections stand.
func (s *Site) Status(w http.ResponseWriter, r *http.Request) error {
	f, err := s.frame(r, "", "Status")
	if err != nil {
		return err
	}
	status, err := s.db.Status(r.Context(), postgres.Ranking{Rules: s.rules, Now: s.now()})
	if err != nil {
		return err
	}
	view := statusView{layout: f.layout, Leases: status.Leases, Starts: status.Starts, Backlog: status.Backlog}
	for _, x := range status.Findings {
		if x.Ended.IsZero() {
			view.Lasting = append(view.Lasting, x)
		} else {
			view.Ended = append(view.Ended, x)
		}
	}
	for _, c := range status.Collections {
		view.Collections = append(view.Collections, statusCollection{c, s.fresh(c.Fresh)})
	}
	return s.render(w, http.StatusOK, "status", &view)
}

// kindName is what a kind of findings is called on pages.
func kindName(k koschei.FindingKind) string {
	switch k {
	case koschei.FindingSubmission:
		return "open submission"
	case koschei.FindingRunning:
		return "build runs too long"
	case koschei.FindingDeps:
		return "buildroot not found out"
	case koschei.FindingSource:
		return "source not known"
	case koschei.FindingDue:
		return "not resolved"
	case koschei.FindingUntried:
		return "without an answer"
	case koschei.FindingHold:
		return "held for no reason"
	case koschei.FindingQueue:
		return "queue stands still"
	case koschei.FindingLease:
		return "lease of the dead"
	case koschei.FindingRestarts:
		return "keeps restarting"
	case koschei.FindingColumns:
		return "columns were wrong"
	case koschei.FindingService:
		return "service is late"
	case koschei.FindingDelivery:
		return "deliveries wait"
	}
	return string(k)
}

// realAgo is a real time that has passed; the clock of pages may be another.
func realAgo(d time.Duration) string { return span(max(0, d)) + " ago" }
