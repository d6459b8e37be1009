package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/scheduler"
)

func (a *console) submitBuild() *cobra.Command {
	return &cobra.Command{
		Use:   "submit-build NAME...",
		Short: "Submit scratch builds of packages at once",
		Long: "Submits a scratch build of each package, whatever its priority, the number of builds under way and\n" +
			"the load of the hosts. The collection's base buildroot must be installable. A package that cannot\n" +
			"be built is reported and does not keep the others from it; the exit code is then 1.",
		Example: "  koschei-admin submit-build --collection f28 bash coreutils",
		Args:    atLeast(1, "package names"),
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := errors.Join(a.checkOutput(), a.needCollection()); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				return a.submit(ctx, cmd, c, db, names)
			})
		},
	}
}

// A submitted build is what is said of a package by submit-build.
type submitted struct {
	Package string `json:"package"`
	Build   int64  `json:"build,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (a *console) submit(ctx context.Context, cmd *cobra.Command, c config, db *store, names []string) error {
	act := a.act(c)
	collection, err := db.Record.Collection(ctx, a.collection)
	if err != nil {
		return err
	}
	packages, err := db.View.Packages.Named(ctx, a.collection, names)
	if err != nil {
		return err
	}
	results := []submitted{}
	err = withHubs(ctx, c, func(hubs koji.Hubs) error {
		s := &scheduler.Service{
			DB: db.Record, Hub: hubs.Primary, Secondary: hubs.Secondary, Log: newLogger(logConfig{Level: "warn"}), Clock: c.Clock.clock(),
			Config: schedulerConfig(c),
		}
		p := newProgress(cmd.ErrOrStderr(), "submitting builds", len(packages))
		defer p.end()
		return s.SubmitNow(ctx, collection, packages, func(pkg *koschei.PackageStatus, err error) {
			p.step()
			r := submitted{Package: pkg.Name}
			if err != nil {
				r.Error = err.Error()
			}
			results = append(results, r)
		})
	})
	if class := koji.ClassOf(err); class == koji.Transient || class == koji.Auth {
		err = missing(fmt.Errorf("hub: %w", err))
	}
	if len(results) == 0 && err != nil {
		return err
	}
	if noted := noteSubmitted(ctx, db, act, a.collection, results); err == nil {
		err = noted
	}
	if printed := a.printSubmitted(cmd, results); err == nil {
		err = printed
	}
	if err == nil && slices.ContainsFunc(results, func(r submitted) bool { return r.Error != "" }) {
		return &exitError{exitNo, errors.New("not every build was submitted")}
	}
	return err
}

// noteSubmitted finds the builds that were submitted and writes into the audit
// log who wanted them.
func noteSubmitted(ctx context.Context, db *store, act audit.Act, collection string, results []submitted) error {
	var names []string
	for _, r := range results {
		if r.Error == "" {
			names = append(names, r.Package)
		}
	}
	packages, err := db.View.Packages.Named(ctx, collection, names)
	if err != nil {
		return err
	}
	for _, p := range packages {
		i := slices.IndexFunc(results, func(r submitted) bool { return r.Package == p.Name })
		results[i].Build = p.LastBuildID
		message := fmt.Sprintf("package %s (collection %s): build %d submitted by hand", p.Name, collection, p.LastBuildID)
		if err := db.Edit.Note(ctx, act, collection, p.Name, message); err != nil {
			return err
		}
	}
	return nil
}

func (a *console) printSubmitted(cmd *cobra.Command, results []submitted) error {
	out := cmd.OutOrStdout()
	if a.output == "json" {
		return printJSON(out, map[string]any{"submitted": results})
	}
	for _, r := range results {
		var err error
		if r.Error == "" {
			_, err = fmt.Fprintf(out, "package %s: build %d submitted\n", r.Package, r.Build)
		} else {
			_, err = fmt.Fprintf(out, "package %s: not submitted: %s\n", r.Package, r.Error)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
