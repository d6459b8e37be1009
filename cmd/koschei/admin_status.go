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
	"github.com/koschei-ci/koschei/internal/postgres"
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
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *postgres.DB) error {
				now := c.Clock.clock().Now()
				s, err := db.Status(ctx, postgres.Ranking{Rules: c.Priorities.rules(), Now: now})
				if err != nil {
					return err
				}
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), statusJSON(s, now))
				}
				return printStatus(cmd.OutOrStdout(), s, now)
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

func printStatus(w io.Writer, s *postgres.Status, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	if s.Notice != "" {
		line("notice:\t%s", s.Notice)
	}
	for _, c := range s.Collections {
		line("collection %s:\tbuildroot %s\t%s", c.Name, c.State, repoStatus(c, now))
		line("\t%d running%s, %d due, %d held", c.Running, limitOf(c), c.Due, c.Held)
		printFreshness(line, &c.Fresh, now)
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

func repoStatus(c postgres.CollectionStatus, now time.Time) string {
	if c.RepoID == 0 {
		return "no repo was looked at yet"
	}
	return fmt.Sprintf("repo %d of event %d, made %s ago", c.RepoID, c.RepoEvent,
		strings.Replace(now.Sub(c.RepoCreated).Round(time.Minute).String(), "m0s", "m", 1))
}

func statusJSON(s *postgres.Status, now time.Time) any {
	type object = map[string]any
	collections, leases := []object{}, []object{}
	for _, c := range s.Collections {
		collections = append(collections, object{
			"name": c.Name, "buildroot": c.State, "repo_id": c.RepoID, "repo_event": c.RepoEvent,
			"repo_created": orNull(c.RepoCreated), "repo_solved": orNull(c.RepoSolved),
			"states": c.States, "running": c.Running, "max_builds": c.MaxBuilds, "due": c.Due, "held": c.Held,
			"freshness": freshnessJSON(&c.Fresh, now),
		})
	}
	for _, l := range s.Leases {
		leases = append(leases, object{"name": l.Name, "holder": l.Holder, "term": l.Term, "expires_seconds": l.Expires.Seconds()})
	}
	return object{
		"time": now, "notice": s.Notice, "administrators": s.Admins, "collections": collections, "leases": leases,
		"findings": findingsJSON(s.Findings), "starts": startsJSON(s.Starts),
		"backlog": object{
			"submitting": s.Backlog.Submitting, "builds_pending": s.Backlog.BuildsPending,
			"packages_due": s.Backlog.PackagesDue, "deliveries": s.Backlog.Deliveries,
			"oldest_delivery_seconds": s.Backlog.OldestDelivery.Seconds(), "deliveries_dead": s.Backlog.DeadDeliveries,
		},
	}
}

// orNull makes a time that is not known null in JSON.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
