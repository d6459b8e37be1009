package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

func (a *console) status() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show how services, collections and queues stand",
		Example: "  koschei-admin status\n  koschei-admin status --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				clock := c.Clock.clock()
				now := clock.Now()
				s, err := db.View.Status(ctx, schema.Ranking{Rules: c.Priorities.rules(), Now: now})
				if err != nil {
					return err
				}
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), newStatusReport(s, now, clock))
				}
				return printStatus(cmd.OutOrStdout(), s, now, clock)
			})
		},
	}
}

// shownStates are the states that status counts, the worst first.
func shownStates() []koschei.State {
	return []koschei.State{
		koschei.StateUnresolved, koschei.StateFailing, koschei.StateOK, koschei.StateUnknown,
		koschei.StateUntracked, koschei.StateBlocked,
	}
}

func printStatus(w io.Writer, s *view.Status, now time.Time, clock koschei.Clock) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	if s.Notice != "" {
		line("notice:\t%s", s.Notice)
	}
	for _, c := range s.Collections {
		line("collection %s:\tbuildroot %s\t%s", c.Name, c.State, repoStatus(c, now))
		line("\t%d running%s, %d due, %d held", c.Running, limitOf(c), c.Due, c.Held)
		printFreshness(line, &c.Fresh, now, clock)
		if c.LeftOut > 0 {
			line("\t%d left out of the repo's metadata\tas nobody can read it:", c.LeftOut)
			for _, text := range c.LeftOutFirst {
				line("\t\t%s", text)
			}
		}
		for _, state := range shownStates() {
			if n := c.States[state]; n > 0 {
				line("\t%d %s", n, state)
			}
		}
	}
	for _, f := range s.Findings {
		printFinding(line, &f, now)
	}
	for _, x := range s.Starts {
		line("%s:\tstarts within a day: %d\tthe last %v ago as %s", x.Service, x.Count, x.Ago.Round(time.Second), x.Holder)
	}
	for _, l := range s.Leases {
		line("lease %s:\theld by %s\tterm %d, for another %v", l.Name, l.Holder, l.Term, l.Expires.Round(time.Second))
	}
	b := s.Backlog
	line("backlog:\t%d builds being submitted", b.Submitting)
	line("\t%d builds and %d packages to resolve", b.BuildsPending, b.PackagesDue)
	line("\t%d deliveries to send", b.Deliveries)
	line("\t%d deliveries given up", b.DeadDeliveries)
	for _, name := range s.Admins {
		line("administrator:\t%s", name)
	}
	return t.Flush()
}

func repoStatus(c view.CollectionStatus, now time.Time) string {
	if c.RepoID == 0 {
		return "no repo was looked at yet"
	}
	age := now.Sub(c.RepoCreated).Truncate(time.Second)
	if age > time.Minute {
		age = age.Truncate(time.Minute)
	}
	return fmt.Sprintf("repo %d of event %d, made %s ago", c.RepoID, c.RepoEvent, strings.Replace(age.String(), "m0s", "m", 1))
}

// A statusReport is what "status --output json" prints. Fields are in the order of
// their names in JSON, as in the types below.
type statusReport struct {
	Administrators []string           `json:"administrators"`
	Backlog        backlogReport      `json:"backlog"`
	Collections    []collectionReport `json:"collections"`
	Findings       []findingReport    `json:"findings"`
	Leases         []leaseReport      `json:"leases"`
	Notice         string             `json:"notice"`
	Starts         []startsReport     `json:"starts"`
	Time           time.Time          `json:"time"`
}

type backlogReport struct {
	BuildsPending         int     `json:"builds_pending"`
	Deliveries            int     `json:"deliveries"`
	DeliveriesDead        int     `json:"deliveries_dead"`
	OldestDeliverySeconds float64 `json:"oldest_delivery_seconds"`
	PackagesDue           int     `json:"packages_due"`
	Submitting            int     `json:"submitting"`
}

type collectionReport struct {
	Buildroot    koschei.State         `json:"buildroot"`
	Due          int                   `json:"due"`
	Freshness    freshnessReport       `json:"freshness"`
	Held         int                   `json:"held"`
	LeftOut      int                   `json:"left_out"`
	LeftOutFirst []string              `json:"left_out_first"`
	MaxBuilds    int                   `json:"max_builds"`
	Name         string                `json:"name"`
	RepoCreated  *time.Time            `json:"repo_created"`
	RepoEvent    int64                 `json:"repo_event"`
	RepoID       int64                 `json:"repo_id"`
	RepoSolved   *time.Time            `json:"repo_solved"`
	Running      int                   `json:"running"`
	States       map[koschei.State]int `json:"states"`
}

type leaseReport struct {
	ExpiresSeconds float64 `json:"expires_seconds"`
	Holder         string  `json:"holder"`
	Name           string  `json:"name"`
	Term           int64   `json:"term"`
}

type startsReport struct {
	Count          int     `json:"count"`
	LastHolder     string  `json:"last_holder"`
	LastSecondsAgo float64 `json:"last_seconds_ago"`
	Service        string  `json:"service"`
}

func newStatusReport(s *view.Status, now time.Time, clock koschei.Clock) *statusReport {
	r := &statusReport{
		Administrators: s.Admins,
		Backlog: backlogReport{
			BuildsPending: s.Backlog.BuildsPending, Deliveries: s.Backlog.Deliveries, DeliveriesDead: s.Backlog.DeadDeliveries,
			OldestDeliverySeconds: s.Backlog.OldestDelivery.Seconds(),
			PackagesDue:           s.Backlog.PackagesDue, Submitting: s.Backlog.Submitting,
		},
		Collections: []collectionReport{}, Findings: newFindingReports(s.Findings), Leases: []leaseReport{},
		Notice: s.Notice, Starts: []startsReport{}, Time: now,
	}
	for i := range s.Collections {
		r.Collections = append(r.Collections, newCollectionReport(&s.Collections[i], now, clock))
	}
	for _, l := range s.Leases {
		r.Leases = append(r.Leases, leaseReport{ExpiresSeconds: l.Expires.Seconds(), Holder: string(l.Holder), Name: l.Name, Term: l.Term})
	}
	for _, x := range s.Starts {
		r.Starts = append(r.Starts, startsReport{Count: x.Count, LastHolder: string(x.Holder), LastSecondsAgo: x.Ago.Seconds(), Service: string(x.Service)})
	}
	return r
}

func newCollectionReport(c *view.CollectionStatus, now time.Time, clock koschei.Clock) collectionReport {
	return collectionReport{
		Buildroot: c.State, Due: c.Due, Freshness: newFreshnessReport(&c.Fresh, now, clock), Held: c.Held,
		LeftOut: c.LeftOut, LeftOutFirst: c.LeftOutFirst, MaxBuilds: c.MaxBuilds, Name: c.Name, RepoCreated: ifKnown(c.RepoCreated), RepoEvent: c.RepoEvent,
		RepoID: c.RepoID, RepoSolved: ifKnown(c.RepoSolved), Running: c.Running, States: c.States,
	}
}

// ifKnown makes a time that is not known null in JSON.
func ifKnown(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
