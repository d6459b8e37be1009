package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/takeover"
)

// An upstreamImport is one run of import-upstream.
type upstreamImport struct {
	*console
	address, zone string
	withoutBuilds bool

	notes io.Writer // for what was left out
	db    *store
	act   audit.Act
}

func (a *console) importUpstream() *cobra.Command {
	u := &upstreamImport{console: a}
	cmd := &cobra.Command{
		Use:   "import-upstream --from URL",
		Short: "Take over collections, packages, groups and builds from the original Koschei",
		Long: "Reads the database of the original Koschei, which may be running and is not changed.\n\n" +
			"First, all or nothing, what people decided: collections and groups of them, packages with their flags,\n" +
			"overrides and priorities, groups with maintainers, users and the notice. Collections, groups of them\n" +
			"and users that are there already stay; packages and groups become what the original says.\n\n" +
			"Then builds, with their tasks, what they were built with and what had changed, and since when packages\n" +
			"could be installed or not. The hub is asked for the place of each in its order of events.\n\n" +
			"What the hub does not know the place of, and what cannot be stored here, is named on standard error\n" +
			"and left out; names that are not allowed here are changed, and that is printed, too. All else is taken\n" +
			"over. This may be ended at any moment: run again it goes on. Done again it takes over what has come\n" +
			"since.",
		Example: "  koschei-admin import-upstream --from postgres://koschei@db.example.com/koschei --dry-run\n" +
			"  koschei-admin import-upstream --from 'host=db.example.com user=koschei dbname=koschei' --timezone UTC\n" +
			"  koschei-admin import-upstream --from postgres://koschei@db.example.com/koschei --without-builds",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := postgres.ParseURL(u.address); err != nil {
				return badInput(errors.New("--from: it must be a postgres:// address or libpq's key=value pairs"))
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				u.db, u.act, u.notes = db, act, cmd.ErrOrStderr()
				return u.run(ctx)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&u.address, "from", "", "address of the original's database")
	flags.StringVar(&u.zone, "timezone", "", "zone of the times in it (default: that of the database)")
	flags.BoolVar(&u.withoutBuilds, "without-builds", false, "take over what people decided alone, which needs no hub")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

// run asks the hub first, unless builds are left out.
func (u *upstreamImport) run(ctx context.Context) (changes []string, err error) {
	if u.withoutBuilds {
		return u.take(ctx, koji.Hubs{})
	}
	c, err := u.config()
	if err != nil {
		return nil, err
	}
	if c.Koji.Server == "" {
		return nil, badInput(fmt.Errorf("%w, which knows the order of builds, or say --without-builds", errNoHub))
	}
	err = withHubs(ctx, c, func(hubs koji.Hubs) error {
		if _, err := hubs.Primary.LastEvent(ctx); err != nil {
			return missing(fmt.Errorf("asking the hub for the order of builds: %w", err))
		}
		changes, err = u.take(ctx, hubs)
		return err
	})
	return changes, err
}

// take looks at everything that is needed before it changes anything.
func (u *upstreamImport) take(ctx context.Context, hubs koji.Hubs) ([]string, error) {
	original, err := upstream.Open(ctx, u.address, u.zone)
	if err != nil {
		return nil, classed(missing(err))
	}
	defer original.Close(ctx)
	decided, err := original.Decided(ctx)
	if err != nil {
		return nil, missing(err)
	}
	for i := range decided.Collections {
		if _, err := hubs.Source(&decided.Collections[i]); err != nil && !u.withoutBuilds {
			return nil, badInput(fmt.Errorf("collection %s is in secondary mode, and %w: set secondary_koji.server, or say --without-builds",
				decided.Collections[i].Name, err))
		}
	}
	for _, note := range decided.Notes {
		if _, err := fmt.Fprintf(u.notes, "koschei: %s\n", note); err != nil {
			return nil, err
		}
	}
	changes, err := u.db.Edit.TakeOver(ctx, u.act, decided)
	if err != nil || u.withoutBuilds {
		return changes, err
	}
	t := &takeover.Takeover{Pasts: u.db.Pasts, View: u.db.View, Original: original, Hubs: hubs}
	for i := range decided.Collections {
		name := decided.Collections[i].Name
		var change string
		if u.dryRun {
			change, err = u.countBuilds(ctx, t, name)
		} else {
			change, err = u.takeBuilds(ctx, t, name)
		}
		if err != nil {
			return nil, classed(fmt.Errorf("taking over builds of collection %s: %w", name, err))
		}
		if change != "" {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

func (u *upstreamImport) countBuilds(ctx context.Context, t *takeover.Takeover, name string) (string, error) {
	var id int64 // of none, if the collection is still to come
	switch c, err := u.db.Record.Collection(ctx, name); {
	case err == nil:
		id = c.ID
	case !errors.Is(err, koschei.ErrNotFound):
		return "", err
	}
	builds, transitions, err := t.Missing(ctx, name, id)
	if err != nil || builds+transitions == 0 {
		return "", err
	}
	return fmt.Sprintf("collection %s: %s to take over, as far as the hub knows the order", name, amounts(builds, transitions)), nil
}

// takeBuilds takes over a collection's builds and says how many, also in the
// audit log, and if it could not do all.
func (u *upstreamImport) takeBuilds(ctx context.Context, t *takeover.Takeover, name string) (string, error) {
	c, err := u.db.Record.Collection(ctx, name)
	if err != nil {
		return "", err
	}
	states, err := u.db.View.Packages.States(ctx, c.ID)
	if err != nil {
		return "", err
	}
	p := newProgress(u.notes, "taking over builds of "+name+", packages", len(states))
	t.Step = p.step
	report, err := t.Collection(ctx, c)
	p.end()
	message := ""
	if report.Builds+report.Transitions > 0 {
		message = fmt.Sprintf("collection %s: %s taken over", name, amounts(report.Builds, report.Transitions))
		noted := u.db.Edit.Note(context.WithoutCancel(ctx), u.act, name, "", message)
		if err == nil {
			err = noted
		}
	}
	switch {
	case err != nil && message != "":
		return "", fmt.Errorf("%w (%s are taken over: run it again to go on)", err, amounts(report.Builds, report.Transitions))
	case err != nil:
		return "", err
	}
	return message, u.name(c.Name, report)
}

// classed gives an unfit original and a hub that is away their exit codes.
func classed(err error) error {
	var unfit *upstream.Unfit
	switch {
	case errors.As(err, &unfit):
		return badInput(err)
	case koji.ClassOf(err) == koji.Transient:
		return missing(err)
	}
	return err
}

func amounts(builds, transitions int) string {
	plural := func(n int, one, more string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprint(n, " ", more)
	}
	return plural(builds, "build", "builds") + " and " +
		plural(transitions, "change of installability", "changes of installability")
}

// name names what was left out or put right, and what is otherwise now.
func (u *upstreamImport) name(collection string, report *takeover.Report) error {
	var lines []string
	lines = append(lines, report.Notes...)
	for _, b := range report.NotTaken {
		lines = append(lines, "not taken over: "+b.String())
	}
	for _, b := range report.Partly {
		lines = append(lines, "taken over in part: "+b.String())
	}
	for _, o := range report.Otherwise {
		lines = append(lines, "in another state than in the original: "+o.String())
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(u.notes, "koschei: collection %s: %s\n", collection, line); err != nil {
			return err
		}
	}
	return nil
}
