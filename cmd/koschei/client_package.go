package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

// shownChanges is how many changes are printed, unless the result is wide.
const shownChanges = 10

func (c *client) packageCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "package NAME",
		Short:             "Ask a server how a package is, and why",
		Example:           "  koschei package git --server https://koschei.example.org",
		Args:              exactly(1, "the name of a package"),
		ValidArgsFunction: c.completePackages,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.packageOf(cmd, args[0])
			if err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), p, func(t *table) { c.tellPackage(t, p) }, func() []string { return []string{p.Name} })
		},
	}
}

func (c *client) packageOf(cmd *cobra.Command, name string) (*v2.Package, error) {
	if err := c.checkOutput(); err != nil {
		return nil, err
	}
	collection, err := c.one(cmd.Context())
	if err != nil {
		return nil, err
	}
	var p v2.Package
	err = c.get(cmd.Context(), "/packages/"+url.PathEscape(collection)+"/"+url.PathEscape(name), nil, &p)
	return &p, err
}

func (c *client) tellPackage(t *table, p *v2.Package) {
	t.columns("package", "collection", "state", "since", "groups")
	t.row(p.Name, p.Collection, stateCell(p.State), t.ago(p.Since), strings.Join(p.Groups, ","))
	for _, u := range p.Unmet {
		t.line("%s", printable(unmetSentence(&u)))
	}
	for _, problem := range p.Problems {
		t.line("%s", printable(problem))
	}
	if e := p.Excerpt; e != nil {
		t.line("%s %s %s: %s", e.Arch, e.Log, e.Phase, printable(e.Message))
		for _, line := range e.Lines[max(0, len(e.Lines)-8):] {
			t.line("%7d  %s", line.Number, printable(line.Text))
		}
	}
	if p.State == koschei.StateFailing && len(p.Broke) > 0 {
		t.line("Changed between the last success and the first failure:")
		c.tellChanges(t, p.Broke)
	}
	if len(p.Changes) > 0 {
		t.line("Changed since build %d:", p.Before.ID)
		c.tellChanges(t, p.Changes)
	}
	tellWhy(t, &p.Why)
	if len(p.Builds) > 0 {
		t.columns("build", "outcome", "version", "started", "repo", "changes")
		for i := range p.Builds {
			b := &p.Builds[i]
			t.row(b.ID, outcomeCell(b.Outcome), b.Version, t.ago(b.Started), b.RepoID, fmt.Sprintf("%d near, %d far", b.Near, b.Far))
		}
	}
}

func unmetSentence(u *v2.Unmet) string {
	sentence := fmt.Sprintf("Nothing provides %s", u.Dependency)
	if u.NeededBy != "" {
		sentence += ", which " + u.NeededBy + " needs"
	}
	if u.Source != "" {
		sentence += fmt.Sprintf(", since the update of %s from %s to %s", u.Source, u.Before, u.After)
	}
	return sentence + fmt.Sprintf(" (repo %d). %d packages want it.", u.RepoID, u.Packages)
}

func (c *client) tellChanges(t *table, changes []v2.Change) {
	shown := changes
	if c.output != "wide" && len(shown) > shownChanges {
		shown = shown[:shownChanges]
	}
	t.columns("distance", "package", "before", "after")
	for _, change := range shown {
		distance := "far"
		if change.Distance > 0 {
			distance = strconv.Itoa(change.Distance)
		}
		t.row(distance, change.Name, change.Before, change.After)
	}
	if more := len(changes) - len(shown); more > 0 {
		t.line("and %d more; -o wide prints all", more)
	}
}

func (c *client) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "why NAME",
		Short:             "Ask a server why a package is built now, or is not",
		Example:           "  koschei why git --server https://koschei.example.org",
		Args:              exactly(1, "the name of a package"),
		ValidArgsFunction: c.completePackages,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.packageOf(cmd, args[0])
			if err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), &p.Why, func(t *table) { tellWhy(t, &p.Why) }, func() []string { return []string{string(p.Why.Verdict)} })
		},
	}
}

func tellWhy(t *table, w *v2.Why) {
	sentence := string(w.Verdict)
	if len(w.Reasons) > 0 {
		sentence += ": " + strings.Join(w.Reasons, "; ")
	}
	t.line("%s", printable(sentence))
	if w.Waits != "" {
		t.line("%s", printable(w.Waits))
	}
	var terms []string
	for _, term := range w.Terms {
		if term.Points != 0 {
			terms = append(terms, fmt.Sprintf("%s %.0f", term.Kind, term.Points))
		}
	}
	if len(terms) > 0 {
		t.line("priority %.0f of %.0f: %s", w.Priority, w.Threshold, strings.Join(terms, ", "))
	}
	if !w.DueAt.IsZero() {
		t.line("due by time alone %s", t.ago(w.DueAt))
	}
}

func (c *client) packagesCommand() *cobra.Command {
	var states []string
	var group, prefix string
	var limit int
	cmd := &cobra.Command{
		Use:     "packages",
		Short:   "List packages that a server knows",
		Example: "  koschei packages --state failing --group rust-sig --server https://koschei.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			query := url.Values{"state": states, "limit": {"2000"}}
			for key, value := range map[string]string{"group": group, "prefix": prefix, "collection": c.collection} {
				if value != "" {
					query.Set(key, value)
				}
			}
			items := []v2.ListedPackage{}
			for more := true; more; {
				var list v2.ListOf[v2.ListedPackage]
				if err := c.get(cmd.Context(), "/packages", query, &list); err != nil {
					return err
				}
				items = append(items, list.Items...)
				query.Set("after", list.Next)
				more = list.Next != "" && (limit == 0 || len(items) < limit)
			}
			if limit > 0 && len(items) > limit {
				items = items[:limit]
			}
			return c.print(cmd.OutOrStdout(), items, func(t *table) { tellPackages(t, items) }, func() []string {
				var names []string
				for i := range items {
					names = append(names, items[i].Name)
				}
				return names
			})
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&states, "state", nil, "only packages in one of these states")
	flags.StringVar(&group, "group", "", "only members of a group")
	flags.StringVar(&prefix, "prefix", "", "only names that begin so")
	flags.IntVar(&limit, "limit", 0, "at most so many; 0 for all")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(
		[]string{"ok", "failing", "unresolved", "unknown", "untracked", "blocked"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func tellPackages(t *table, items []v2.ListedPackage) {
	t.columns("package", "collection", "state", "since", "version", "why")
	for i := range items {
		p := &items[i]
		t.row(p.Name, p.Collection, stateCell(p.State), t.ago(p.Since), p.Version, p.Why)
	}
}
