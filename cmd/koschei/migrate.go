package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/postgres"
)

func newMigrateCommand(g *globals) *cobra.Command {
	var planOnly bool
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the database's schema up to date",
		Long:    "Runs the migrations the database lacks, each in a transaction, and prints them.\nAny number of processes may run it at once.",
		Example: "  koschei migrate --plan\n  koschei migrate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withOwnDatabase(cmd.Context(), "", func(ctx context.Context, _ config, db *database) error {
				if planOnly {
					return printPlan(ctx, cmd.OutOrStdout(), db)
				}
				return runMigration(ctx, cmd.OutOrStdout(), db)
			})
		},
	}
	cmd.Flags().BoolVar(&planOnly, "plan", false, "only print what would be run")
	return cmd
}

func printPlan(ctx context.Context, w io.Writer, db *database) error {
	plan, err := db.PlanMigration(ctx)
	if err != nil {
		return err
	}
	for _, m := range plan {
		state := "to run"
		if !m.Applied.IsZero() {
			state = "run " + m.Applied.Format("2006-01-02 15:04:05Z")
		}
		if _, err := fmt.Fprintf(w, "%4d %-20s %s\n", m.Version, m.Name, state); err != nil {
			return err
		}
	}
	return nil
}

func runMigration(ctx context.Context, w io.Writer, db *database) error {
	steps := 0
	err := db.Migrate(ctx, func(m postgres.Migration) {
		steps++
		_, _ = fmt.Fprintf(w, "%4d %-20s done in %v\n", m.Version, m.Name, m.Took)
	})
	if err == nil && steps == 0 {
		_, err = fmt.Fprintln(w, "The schema is up to date.")
	}
	return err
}
