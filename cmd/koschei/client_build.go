package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

func (c *client) buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "build NUMBER",
		Short:   "Ask a server about a build, compared with the one before it",
		Example: "  koschei build 91040 --server https://koschei.example.org",
		Args:    exactly(1, "the number of a build"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := strconv.ParseInt(args[0], 10, 64); err != nil {
				return badInput(fmt.Errorf("build %q: it must be a whole number", args[0]))
			}
			return c.tellComparison(cmd, "/builds/"+args[0], nil)
		},
	}
}

func (c *client) compareCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "compare BUILD BUILD|now",
		Short:   "Ask a server what two builds of a package, or a build and one now, have otherwise",
		Example: "  koschei compare 91040 now --server https://koschei.example.org",
		Args:    exactly(2, "two numbers of builds, of which the second may be \"now\""),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.tellComparison(cmd, "/compare", url.Values{"a": {args[0]}, "b": {args[1]}})
		},
	}
}

func (c *client) tellComparison(cmd *cobra.Command, path string, query url.Values) error {
	if err := c.checkOutput(); err != nil {
		return err
	}
	var compared v2.Comparison
	if err := c.get(cmd.Context(), path, query, &compared); err != nil {
		return err
	}
	return c.print(cmd.OutOrStdout(), &compared, func(t *table) {
		t.columns("package", "build", "outcome", "version", "started", "repo", "buildroot")
		for _, side := range []*v2.Side{compared.A, compared.B} {
			switch {
			case side == nil:
			case side.Build == nil:
				t.row(compared.Package, "now", "", "", "", side.RepoID, side.Size)
			default:
				t.row(compared.Package, side.Build.ID, outcomeCell(side.Build.Outcome), side.Build.Version, t.ago(side.Build.Started), side.RepoID, side.Size)
			}
		}
		if b := compared.B.Build; b != nil && b.Fault != "" {
			t.line("%s", printable(b.Fault))
		}
		if e := compared.Excerpt; e != nil {
			for _, line := range e.Lines {
				t.line("%7d  %s", line.Number, printable(line.Text))
			}
		}
		switch {
		case !compared.Known:
			t.line("It is not known what both were made with.")
		case len(compared.Changes) == 0:
			t.line("Nothing: the same packages in both.")
		default:
			c.tellChanges(t, compared.Changes)
		}
	}, func() []string { return []string{compared.Package} })
}

func (c *client) queueCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "queue",
		Short:   "Ask a server what is built now, what comes next and what is held",
		Example: "  koschei queue --server https://koschei.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			query := url.Values{}
			if c.collection != "" {
				query.Set("collection", c.collection)
			}
			var q v2.Queue
			if err := c.get(cmd.Context(), "/queue", query, &q); err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), &q, func(t *table) { c.tellQueue(t, &q) }, func() []string {
				var names []string
				for _, p := range q.Next {
					names = append(names, p.Package)
				}
				return names
			})
		},
	}
}

func (c *client) tellQueue(t *table, q *v2.Queue) {
	waiting := 0
	for _, n := range q.Waiting {
		waiting += n
	}
	t.line("%d built now, %d wait.", len(q.Running), waiting)
	t.columns("running", "collection", "build", "version", "since", "ends")
	for _, b := range q.Running {
		t.row(b.Package, b.Collection, b.ID, b.Version, t.ago(b.Started), t.ago(b.Expected))
	}
	t.columns("next", "collection", "priority")
	for _, p := range q.Next {
		t.row(p.Package, p.Collection, fmt.Sprintf("%.0f", p.Priority))
	}
	t.columns("held", "collection", "until", "reason")
	for _, h := range q.Held {
		t.row(h.Packages, h.Collection, t.ago(h.Until), h.Reason)
	}
}

func (c *client) updatesCommand() *cobra.Command {
	var since time.Duration
	cmd := &cobra.Command{
		Use:     "updates",
		Short:   "Ask a server which updates came, and what they broke",
		Example: "  koschei updates --since 24h --server https://koschei.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			collection, err := c.one(cmd.Context())
			if err != nil {
				return err
			}
			var list v2.ListOf[v2.Update]
			query := url.Values{"collection": {collection}, "since": {c.now().Add(-since).UTC().Format(time.RFC3339)}, "limit": {"1000"}}
			if err := c.get(cmd.Context(), "/updates", query, &list); err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), list.Items, func(t *table) {
				t.columns("update", "before", "after", "came", "repo", "reached", "broke", "unmet")
				for _, u := range list.Items {
					t.row(u.Source, u.Before, u.After, t.ago(u.Created), u.RepoID, u.Reached, u.Broke, u.Unmet)
				}
				if list.Next != "" {
					t.line("There are more; say a shorter --since.")
				}
			}, func() []string {
				var names []string
				for _, u := range list.Items {
					names = append(names, u.Source)
				}
				return names
			})
		},
	}
	cmd.Flags().DurationVar(&since, "since", 24*time.Hour, "how far back to look")
	return cmd
}

func (c *client) followCommand() *cobra.Command {
	var every time.Duration
	var after string
	cmd := &cobra.Command{
		Use:     "follow",
		Short:   "Print changes of states as a server tells them, until interrupted",
		Example: "  koschei follow --collection f44 --server https://koschei.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			if every < time.Second {
				return badInput(errors.New("--every: it must be a second at least"))
			}
			return c.follow(cmd, cmp.Or(after, "newest"), every)
		},
	}
	cmd.Flags().DurationVar(&every, "every", 10*time.Second, "how often the server is asked")
	cmd.Flags().StringVar(&after, "after", "", "begin behind this change, and not with what comes from now on")
	return cmd
}

func (c *client) follow(cmd *cobra.Command, after string, every time.Duration) error {
	query := url.Values{"after": {after}}
	if c.collection != "" {
		query.Set("collection", c.collection)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var list v2.ListOf[v2.StateChange]
		if err := c.get(cmd.Context(), "/changes", query, &list); err != nil {
			if cmd.Context().Err() != nil {
				return nil
			}
			return err
		}
		query.Set("after", list.Next)
		for i := range list.Items {
			change := &list.Items[i]
			err := c.print(cmd.OutOrStdout(), change, func(t *table) {
				t.row(change.At.UTC().Format(time.RFC3339), change.Collection, change.Package, stateCell(change.Before), "->", stateCell(change.State))
			}, func() []string { return []string{change.Package} })
			if err != nil {
				return err
			}
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-tick.C:
		}
	}
}
