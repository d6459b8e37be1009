// Package statuspage shows operators how Koschei itself is: what the
// self-check found, how fresh collections are, what waits, and which processes
// run.
package statuspage

import (
	"context"
	"embed"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	rules koschei.PriorityRules
	clock koschei.Clock
	page  html.Page[content]
	known web.Memo[*view.Status] // which takes long to find out
}

// statusLasts is how long the page may tell what was so a moment ago, in real
// time.
const statusLasts = 5 * time.Second

// Routes are the addresses of the status. Of clock only the speed counts.
func Routes(t *html.Templates, rules koschei.PriorityRules, clock koschei.Clock) []web.Route {
	folder := t.Folder("statuspage", files)
	p := &pages{rules: rules, clock: clock, page: html.Whole[content](folder, "status.html"), known: web.Memo[*view.Status]{Lasts: statusLasts}}
	return []web.Route{web.PublicPage("/status", "status", p.show, web.ForAMoment)}
}

// A content is the page for operators.
type content struct {
	html.Layout
	Lasting     []finding
	Ended       []finding // newest first
	Collections []collection
	Leases      []string // held now
	Starts      []starts // of services
	Backlog     backlog
	Sinks       []sink
}

// A sink is a way by which others are told.
type sink struct {
	Name       string
	Waiting    int
	Dead       int
	Half, Most string // how long it took from a repo to half of the messages, and to 95 in 100; "" if it is not known
}

// A finding is something that needs attention, or did.
type finding struct {
	Kind      string // as people call it
	Sentence  string
	FirstSeen time.Time
	LastSeen  time.Time
	Ended     time.Time
	Repair    string // what was done about it; "" if nothing was
}

// A collection is one with how far it is behind.
type collection struct {
	Name        string
	DisplayName string
	MaxBuilds   int // 0 is no limit of its own
	Running     int
	Due         int
	Held        int
	Fresh       html.Fresh

	LeftOut      int // of the repo's metadata, as nobody can read it
	LeftOutFirst []string
}

type starts struct {
	Service koschei.Service
	Count   int
	Last    string
}

// A backlog is work that waits.
type backlog struct {
	Submitting     int
	BuildsPending  int
	PackagesDue    int
	Deliveries     int
	OldestDelivery string // how long ago it was stored
	DeadDeliveries int    // given up
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	status, err := p.known.For(r, "", func(ctx context.Context) (*view.Status, error) {
		return r.View.Status(ctx, schema.Ranking{Rules: p.rules, Now: r.Now})
	})
	if err != nil {
		return web.Answer{}, err
	}
	b := status.Backlog
	v := content{Layout: r.Layout("", "Status"), Backlog: backlog{
		b.Submitting, b.BuildsPending, b.PackagesDue, b.Deliveries, realAgo(b.OldestDelivery), b.DeadDeliveries,
	}}
	for _, f := range status.Findings {
		shown := finding{kindName(f.Kind), f.Sentence, f.FirstSeen, f.LastSeen, f.Ended, f.Repair}
		if f.Ended.IsZero() {
			v.Lasting = append(v.Lasting, shown)
		} else {
			v.Ended = append(v.Ended, shown)
		}
	}
	for _, c := range status.Collections {
		v.Collections = append(v.Collections, collection{
			c.Name, c.DisplayName, c.MaxBuilds, c.Running, c.Due, c.Held, html.FreshOf(&c.Fresh, r.Now, p.clock),
			c.LeftOut, c.LeftOutFirst,
		})
	}
	for i := range status.Sinks {
		v.Sinks = append(v.Sinks, p.sinkOf(&status.Sinks[i]))
	}
	for _, l := range status.Leases {
		v.Leases = append(v.Leases, l.Name)
	}
	for _, s := range status.Starts {
		v.Starts = append(v.Starts, starts{s.Service, s.Count, realAgo(s.Ago)})
	}
	return web.Page(p.page, &v)
}

func (p *pages) sinkOf(s *view.SinkStatus) sink {
	shown := sink{Name: s.Name, Waiting: s.Waiting, Dead: s.Dead}
	if half, known := s.Took(p.clock, 0.5); known {
		most, _ := s.Took(p.clock, 0.95)
		shown.Half, shown.Most = html.Span(max(0, half)), html.Span(max(0, most))
	}
	return shown
}

// realAgo is a past of real time; the clock of pages may be another.
func realAgo(d time.Duration) string { return html.Span(max(0, d)) + " ago" }

// kindName is what a kind of findings is called on pages.
func kindName(k koschei.FindingKind) string {
	switch k {
	case koschei.FindingSubmission:
		return "open submission"
	case koschei.FindingRunning:
		return "build runs too long"
	case koschei.FindingDeps:
		return "buildroot not known"
	case koschei.FindingSource:
		return "source not known"
	case koschei.FindingDue:
		return "not resolved"
	case koschei.FindingUntried:
		return "never tried"
	case koschei.FindingHold:
		return "held too long"
	case koschei.FindingQueue:
		return "queue stands still"
	case koschei.FindingLease:
		return "lease not taken over"
	case koschei.FindingRestarts:
		return "keeps restarting"
	case koschei.FindingColumns:
		return "columns were wrong"
	case koschei.FindingService:
		return "service is late"
	case koschei.FindingDoubt:
		return "not believed"
	case koschei.FindingLogs:
		return "logs are not read"
	case koschei.FindingMetadata:
		return "metadata left out"
	case koschei.FindingOwners:
		return "owners not believed"
	case koschei.FindingDelivery:
		return "deliveries wait"
	}
	return string(k)
}
