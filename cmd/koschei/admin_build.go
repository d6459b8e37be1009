package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/explain"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/view"
)

func (a *console) why() *cobra.Command {
	return &cobra.Command{
		Use:     "why PACKAGE",
		Short:   "Explain why a package is built now, or is not",
		Example: "  koschei-admin why --collection f28 bash",
		Args:    exactly(1, "the name of a package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(a.checkOutput(), a.needCollection()); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				collection, err := db.Record.Collection(ctx, a.collection)
				if err != nil {
					return err
				}
				page, err := db.View.Packages.Page(ctx, args[0], collection.ID, view.HistoryQuery{Limit: 1})
				if err != nil {
					return err
				}
				if page.Package == nil {
					return fmt.Errorf("package %s in collection %s: %w", args[0], a.collection, koschei.ErrNotFound)
				}
				fresh, err := db.View.HowFresh(ctx, collection.ID)
				if err != nil {
					return err
				}
				p := page.Package
				w := explain.Package(c.Priorities.rules(), p, collection, fresh.Report(koschei.ServiceScheduler), c.Clock.clock().Now())
				r := reasonOf(p, w)
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), r)
				}
				return r.print(cmd.OutOrStdout())
			})
		},
	}
}

// A reason is why a package is scheduled or not.
type reason struct {
	Package   string                       `json:"package"`
	State     koschei.State                `json:"state"`
	Due       bool                         `json:"due"`
	Waits     string                       `json:"waits"` // what the whole collection waits for, "" if nothing
	Because   []string                     `json:"because"`
	Priority  float64                      `json:"priority"`
	Threshold float64                      `json:"threshold"`
	Terms     map[explain.TermKind]float64 `json:"terms"`

	sum string
}

func reasonOf(p *koschei.PackageStatus, w explain.Why) reason {
	r := reason{
		Package: p.Name, State: p.State(), Due: w.Verdict == explain.Due, Waits: w.Wait.Phrase(), Because: w.Phrases(),
		Priority: w.Priority.Total(), Threshold: w.Threshold, Terms: termsOf(w.Priority), sum: sum(w.Priority),
	}
	if p.LastBuildStarted.IsZero() {
		r.sum += ", the most there is: it was never built"
	}
	return r
}

// termsOf is what adds up to a priority, by name.
func termsOf(p koschei.Priority) map[explain.TermKind]float64 {
	terms := map[explain.TermKind]float64{}
	for _, t := range explain.Terms(p) {
		terms[t.Kind] = t.Points
	}
	return terms
}

func sum(p koschei.Priority) string {
	terms := termsOf(p)
	return fmt.Sprintf("manual %.0f + static %.0f + dependencies %.1f + last build %.1f + time %.1f",
		terms[explain.Manual], terms[explain.Static], terms[explain.Dependencies], terms[explain.LastBuild], terms[explain.Time])
}

func (r reason) print(w io.Writer) error {
	verdict := "is due: it is built when its turn comes"
	if !r.Due {
		verdict = "is not built now: " + strings.Join(r.Because, "; ")
	} else if r.Waits != "" {
		verdict += "; the collection waits: " + r.Waits
	}
	_, err := fmt.Fprintf(w, "%s (%s) %s\npriority %.1f = %s\n", r.Package, r.State, verdict, r.Priority, r.sum)
	return err
}

func (a *console) retry() *cobra.Command {
	var first bool
	cmd := &cobra.Command{
		Use:   "retry NAME...",
		Short: "Build packages again as soon as their turn comes",
		Long: "Forgets what holds packages back and raises their manual priority for one build: so far that they\n" +
			"are due, or with --first, above all others.",
		Example: "  koschei-admin retry --collection f28 bash",
		Args:    atLeast(1, "package names"),
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := a.needCollection(); err != nil {
				return err
			}
			c, err := a.config()
			if err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.RetryPackages(ctx, act, a.collection, names, edit.Turn{Rules: c.Priorities.rules(), First: first})
			})
		},
	}
	cmd.Flags().BoolVar(&first, "first", false, "build them before all others that wait")
	return cmd
}

func (a *console) cancelBuild() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel-build BUILD",
		Short:   "Cancel a running scratch build",
		Long:    "Asks for a build, by the number in its page's address, to be canceled; the scheduler does it.",
		Example: "  koschei-admin cancel-build 12345",
		Args:    exactly(1, "the number of a build"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := buildID(args[0])
			if err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.RequestCancel(ctx, act, id)
			})
		},
	}
}

func buildID(arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id <= 0 {
		return 0, badInput(fmt.Errorf("build %q: it must be a positive whole number", arg))
	}
	return id, nil
}

func (a *console) explainBuild() *cobra.Command {
	return &cobra.Command{
		Use:     "explain-build BUILD",
		Short:   "Tell why a build was made, how it ended and what had changed",
		Example: "  koschei-admin explain-build 12345",
		Args:    exactly(1, "the number of a build"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := buildID(args[0])
			if err != nil {
				return err
			}
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				page, err := db.View.Builds.Compare(ctx, view.Pair{B: id})
				if err != nil {
					return err
				}
				e := explainedBuild(page)
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), e)
				}
				return e.print(cmd.OutOrStdout())
			})
		},
	}
}

// An explanation is what explain-build tells.
type explanation struct {
	Build    int64           `json:"build"`
	Package  string          `json:"package"`
	EVR      string          `json:"evr"`
	Origin   koschei.Origin  `json:"origin"`
	Outcome  koschei.Outcome `json:"outcome"`
	Fault    string          `json:"fault,omitempty"`
	TaskID   int64           `json:"task_id,omitempty"`
	RepoID   int64           `json:"repo_id,omitempty"`
	Trigger  *trigger        `json:"trigger,omitempty"`
	Against  int64           `json:"compared_with,omitempty"`
	Changes  []change        `json:"changes"`
	Packages int             `json:"packages"` // in its buildroot
}

// A trigger is the priority for which a build was submitted.
type trigger struct {
	Total       float64 `json:"total"`
	Manual      float64 `json:"manual"`
	Static      float64 `json:"static"`
	Dependency  float64 `json:"dependency"`
	Build       float64 `json:"build"`
	Time        float64 `json:"time"`
	Coefficient float64 `json:"coefficient"`

	sum string
}

func triggerOf(p *koschei.Priority) *trigger {
	if p == nil {
		return nil
	}
	return &trigger{p.Total(), p.Manual, p.Static, p.Dependency, p.Build, p.Time, p.Coefficient, sum(*p)}
}

type change struct {
	Name     string `json:"name"`
	Prev     string `json:"prev,omitempty"`
	Curr     string `json:"curr,omitempty"`
	Distance int    `json:"distance,omitempty"`
}

func explainedBuild(page *view.Comparison) explanation {
	b := page.B
	e := explanation{
		Build: b.ID, Package: page.PackageName, EVR: b.EVR.String(), Origin: b.Origin, Outcome: b.Outcome,
		Fault: b.Fault, TaskID: b.TaskID, RepoID: b.RepoID, Trigger: triggerOf(b.Trigger),
		Changes: []change{}, Packages: len(page.Set),
	}
	if page.A != nil {
		e.Against = page.A.ID
	}
	for _, c := range b.Changes {
		e.Changes = append(e.Changes, change{c.Name, evrOf(c.Prev), evrOf(c.Curr), c.Distance})
	}
	return e
}

func evrOf(n *rpm.NEVRA) string {
	if n == nil {
		return ""
	}
	return n.EVR.String()
}

func (e explanation) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "build %d: %s build of %s %s, %s", e.Build, e.Origin, e.Package, e.EVR, e.Outcome)
	if e.Fault != "" {
		fmt.Fprintf(&b, ": %s", e.Fault)
	}
	b.WriteByte('\n')
	if e.TaskID != 0 {
		fmt.Fprintf(&b, "task %d, ", e.TaskID)
	}
	if e.RepoID != 0 {
		fmt.Fprintf(&b, "repo %d, ", e.RepoID)
	}
	if e.Packages != 0 {
		fmt.Fprintf(&b, "%d packages in the buildroot\n", e.Packages)
	} else {
		b.WriteString("what it was built with is not known\n")
	}
	b.WriteString(e.submittedFor())
	switch {
	case e.Against != 0 && e.Packages != 0:
		fmt.Fprintf(&b, "%d dependency changes since build %d\n", len(e.Changes), e.Against)
	case len(e.Changes) > 0:
		fmt.Fprintf(&b, "%d dependency changes since the build before\n", len(e.Changes))
	}
	for _, c := range e.Changes {
		fmt.Fprintf(&b, "  %s %s -> %s", c.Name, orDash(c.Prev), orDash(c.Curr))
		if c.Distance != 0 {
			fmt.Fprintf(&b, " (distance %d)", c.Distance)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// submittedFor is the line on a scratch build's priority when it was chosen.
func (e explanation) submittedFor() string {
	if e.Trigger == nil {
		return ""
	}
	return fmt.Sprintf("submitted for priority %.1f = %s\n", e.Trigger.Total, e.Trigger.sum)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
