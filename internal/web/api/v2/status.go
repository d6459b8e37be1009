package v2

import (
	"context"
	"net/http"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Status is how Koschei itself is.
type Status struct {
	Findings    []Finding          `json:"findings" doc:"of the self-check, those that last first"`
	Collections []CollectionStatus `json:"collections" doc:"in the order of pages"`
	Leases      []string           `json:"leases" doc:"held now"`
	Services    []ServiceStarts    `json:"services" doc:"that began within a day"`
	Sinks       []Sink             `json:"sinks" doc:"ways by which others are told"`
	Backlog     Backlog            `json:"backlog"`
}

// A Finding is something that needs attention, or did.
type Finding struct {
	Kind       string    `json:"kind"`
	Collection string    `json:"collection,omitempty"`
	Sentence   string    `json:"sentence"`
	Count      int       `json:"count" doc:"of packages, builds or whatever it is about"`
	FirstSeen  time.Time `json:"first_seen"`
	LastSeen   time.Time `json:"last_seen"`
	Ended      time.Time `json:"ended,omitzero" doc:"not there while it lasts"`
	Repair     string    `json:"repair,omitempty" doc:"what was done about it"`
}

// A CollectionStatus is what a collection has to do.
type CollectionStatus struct {
	Collection string                `json:"collection"`
	State      koschei.State         `json:"state" doc:"of the base buildroot"`
	Packages   map[koschei.State]int `json:"packages" doc:"by state"`
	Running    int                   `json:"running" doc:"builds under way"`
	Due        int                   `json:"due" doc:"packages that may be built now"`
	Held       int                   `json:"held" doc:"packages that are passed over for a while"`
	LeftOut    int                   `json:"left_out" doc:"entries of the repo's metadata that nobody can read"`
}

// A ServiceStarts is how often a service began.
type ServiceStarts struct {
	Service string  `json:"service"`
	Count   int     `json:"count"`
	Ago     float64 `json:"ago_seconds" doc:"since the last time, real seconds"`
}

// A Sink is a way by which others are told.
type Sink struct {
	Name    string  `json:"name"`
	Waiting int     `json:"waiting"`
	Oldest  float64 `json:"oldest_seconds" doc:"for how long the first of them has waited, real seconds"`
	Dead    int     `json:"dead" doc:"given up"`
}

// A Backlog is work that waits for a service.
type Backlog struct {
	Submitting     int `json:"submitting" doc:"builds of which it is not known that the hub has them"`
	BuildsPending  int `json:"builds_pending" doc:"builds whose dependencies are not known yet, though their repo is"`
	PackagesDue    int `json:"packages_due" doc:"tracked packages that were never resolved"`
	Deliveries     int `json:"deliveries" doc:"events that are still to be told"`
	DeadDeliveries int `json:"dead_deliveries" doc:"given up"`
}

// Statistics are numbers of all that Koschei does.
type Statistics struct {
	Since       time.Time            `json:"since" doc:"what builds are counted from"`
	Collections []CollectionPackages `json:"collections" doc:"in the order of pages"`
	Builds      []EndedBuilds        `json:"builds" doc:"scratch builds by the hour in which they ended"`
	Arches      []ArchTime           `json:"arches" doc:"what took longest first"`
	Longest     []PackageTime        `json:"longest" doc:"likewise, of packages"`
}

// CollectionPackages count the packages of a collection.
type CollectionPackages struct {
	Collection string `json:"collection"`
	All        int    `json:"all"`
	Tracked    int    `json:"tracked"`
	Blocked    int    `json:"blocked"`
}

// EndedBuilds are how many scratch builds ended in an hour.
type EndedBuilds struct {
	Hour     time.Time `json:"hour"`
	Complete int       `json:"complete"`
	Failed   int       `json:"failed"`
	Faults   int       `json:"faults" doc:"ended for no fault of the package"`
}

// An ArchTime is how much was built for an architecture.
type ArchTime struct {
	Arch    string  `json:"arch"`
	Tasks   int     `json:"tasks"`
	Seconds float64 `json:"seconds" doc:"of builders, all together"`
}

// A PackageTime is how much time of builders a package took.
type PackageTime struct {
	Package string  `json:"package"`
	Arch    string  `json:"arch"`
	Tasks   int     `json:"tasks"`
	Seconds float64 `json:"seconds"`
	Share   float64 `json:"share" doc:"of all time of builders"`
}

const (
	statusLasts  = 5 * time.Second  // real time: it takes long to find out
	numbersLast  = 10 * time.Minute // likewise; the whole record is looked at
	numberedDays = 7                // of which builds are told
	longestTold  = 20
)

func (a *API) addStatus() {
	add(a, http.MethodGet, "/status", "How Koschei itself is, as it was some seconds ago", a.getStatus, fresh)
	add(a, http.MethodGet, "/statistics", "Numbers of packages, and of the builds of a week, as they were some minutes ago", a.getStatistics, fresh)
}

func (a *API) getStatus(r *web.Request, _ *nothing) (Status, error) {
	status, err := a.status.Get(r.Context(), "", func(ctx context.Context) (*view.Status, error) {
		return r.View.Status(ctx, schema.Ranking{Rules: a.Rules, Now: r.Now})
	})
	if err != nil {
		return Status{}, err
	}
	b := status.Backlog
	told := Status{
		Leases:  make([]string, 0, len(status.Leases)),
		Backlog: Backlog{b.Submitting, b.BuildsPending, b.PackagesDue, b.Deliveries, b.DeadDeliveries},
		Findings: each(status.Findings, func(f *koschei.Finding) Finding {
			return Finding{string(f.Kind), f.Collection, f.Sentence, f.Count, f.FirstSeen, f.LastSeen, f.Ended, f.Repair}
		}),
		Collections: each(status.Collections, func(c *view.CollectionStatus) CollectionStatus {
			return CollectionStatus{c.Name, c.State, c.States, c.Running, c.Due, c.Held, c.LeftOut}
		}),
		Services: each(status.Starts, func(s *schema.ServiceStarts) ServiceStarts {
			return ServiceStarts{string(s.Service), s.Count, s.Ago.Seconds()}
		}),
		Sinks: each(status.Sinks, func(s *view.SinkStatus) Sink { return Sink{s.Name, s.Waiting, s.Oldest.Seconds(), s.Dead} }),
	}
	for _, l := range status.Leases {
		told.Leases = append(told.Leases, l.Name)
	}
	return told, nil
}

func (a *API) getStatistics(r *web.Request, _ *nothing) (Statistics, error) {
	told, err := a.numbers.Get(r.Context(), "", func(ctx context.Context) (Statistics, error) {
		since := r.Now.AddDate(0, 0, -numberedDays)
		s, err := r.View.Stats(ctx, since, longestTold)
		if err != nil {
			return Statistics{}, err
		}
		return Statistics{
			Since: since,
			Builds: each(s.Ended, func(h *view.EndedHour) EndedBuilds {
				return EndedBuilds{h.Hour, h.Complete, h.Failed, h.Faults}
			}),
			Arches: each(s.Arches, func(t *view.ArchTime) ArchTime { return ArchTime{t.Arch, t.Tasks, t.Time.Seconds()} }),
			Longest: each(s.Longest, func(t *view.PackageTime) PackageTime {
				return PackageTime{t.Package, t.Arch, t.Tasks, t.Time.Seconds(), t.Share}
			}),
			Collections: packagesOf(r, s),
		}, nil
	})
	return told, err
}

func packagesOf(r *web.Request, s *view.Stats) []CollectionPackages {
	counted := map[int64]view.PackageStats{}
	for _, n := range s.Packages {
		counted[n.CollectionID] = n
	}
	return each(r.All, func(c *view.FrameCollection) CollectionPackages {
		n := counted[c.ID]
		return CollectionPackages{c.Name, n.All, n.Tracked, n.Blocked}
	})
}
