package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// createDB is "koschei migrate" under the handbook's name.
func (a *console) createDB() *cobra.Command {
	cmd := newMigrateCommand(a.globals)
	cmd.Use = "create-db"
	cmd.Aliases = []string{"migrate"}
	cmd.Short = "Make the tables of a new database, or bring those of an older one up to date"
	cmd.Example = "  koschei-admin create-db\n  koschei-admin create-db --plan"
	asText := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := a.checkOutput(); err != nil {
			return err
		}
		if a.output == "text" {
			return asText(cmd, args)
		}
		if plan, _ := cmd.Flags().GetBool("plan"); plan {
			return badInput(errors.New("--plan is for people: it has no --output json"))
		}
		return a.migrateJSON(cmd)
	}
	return cmd
}

func (a *console) migrateJSON(cmd *cobra.Command) error {
	return a.withOwnDatabase(cmd.Context(), "", func(ctx context.Context, _ config, db *database) error {
		migrations := []map[string]any{}
		err := db.Migrate(ctx, func(m postgres.Migration) {
			migrations = append(migrations, map[string]any{"version": m.Version, "name": m.Name})
		})
		if err != nil {
			return err
		}
		return printJSON(cmd.OutOrStdout(), map[string]any{"migrations": migrations})
	})
}

func (a *console) cleanup() *cobra.Command {
	var months int
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Forget old builds and transitions",
		Long: "Removes builds, transitions of states and repos older than the given number of months, but never\n" +
			"what a package's state or its next comparison stands on, and then dependency sets that nothing\n" +
			"refers to any more.",
		Example: "  koschei-admin cleanup --older-than 12 --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if months < 2 || months > 1200 {
				return badInput(fmt.Errorf("--older-than %d: it must be from 2 to 1200 months", months))
			}
			if err := a.confirm(cmd, fmt.Sprintf("Forget what is older than %d months?", months)); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				before := act.Now.AddDate(0, -months, 0)
				retention := maintain.Retention{Builds: before, Transitions: before, Repos: before, Events: before}
				if a.dryRun {
					plan, err := db.Maintain.CleanupPlan(ctx, retention)
					return []string{fmt.Sprintf("would remove %d builds, %d transitions, %d repos, %d events, and sets that nothing then refers to",
						plan.Builds, plan.Transitions, plan.Repos, plan.Events)}, err
				}
				done, err := db.Maintain.Cleanup(ctx, act, retention)
				return []string{fmt.Sprintf("removed %d builds, %d transitions, %d repos, %d events, %d dependency sets, %d package names",
					done.Builds, done.Transitions, done.Repos, done.Events, done.Sets, done.NEVRAs)}, err
			})
		},
	}
	cmd.Flags().IntVar(&months, "older-than", 6, "age in months")
	return cmd
}

// maxSocketPath is how long the path of a socket may be for libpq.
const maxSocketPath = 107

func (a *console) psql() *cobra.Command {
	return &cobra.Command{
		Use:     "psql [-- ARGUMENT...]",
		Short:   "Open psql on the database",
		Example: "  koschei-admin psql\n  koschei-admin psql -- -c 'SELECT count(*) FROM build'",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd, func(ctx context.Context, c config, _ *store) error {
				address, err := psqlAddress(c)
				if err != nil {
					return err
				}
				psql := exec.CommandContext(ctx, "psql", append([]string{address}, args...)...)
				psql.Stdin, psql.Stdout, psql.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
				err = psql.Run()
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					return &exitError{code: exitNo}
				}
				if err != nil {
					return missing(err)
				}
				return nil
			})
		},
	}
}

// psqlAddress is the database as libpq names it. A password in it would be seen
// by everybody who lists processes, so that goes through the environment.
func psqlAddress(c config) (string, error) {
	if c.Database.URL != "" {
		return libpqAddress(c.Database.URL, c.Database.PasswordFile)
	}
	run, err := filepath.Abs(filepath.Join(c.DataDir, "postgres", "run"))
	if err != nil {
		return "", err
	}
	if len(run)+len("/.s.PGSQL.5432") > maxSocketPath {
		return "", badInput(fmt.Errorf("the path %s is too long for psql; make --data-dir shorter", run))
	}
	return "host=" + quote(run) + " user=koschei dbname=koschei", nil
}

func libpqAddress(address, passwordFile string) (string, error) {
	rest, password, err := withoutPassword(address)
	if err != nil {
		return "", badInput(err)
	}
	if passwordFile != "" {
		text, err := os.ReadFile(passwordFile)
		if err != nil {
			return "", badInput(fmt.Errorf("database.password_file: %w", err))
		}
		password = strings.TrimSpace(string(text))
	}
	if password != "" {
		err = os.Setenv("PGPASSWORD", password)
	}
	return rest, err
}
