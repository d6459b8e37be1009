package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// checkTime bounds what check-config asks of the outside.
const checkTime = 20 * time.Second

func (a *admin) checkConfig() *cobra.Command {
	return &cobra.Command{
		Use:     "check-config",
		Short:   "Check the configuration against the database and the hub",
		Long:    "Reads the configuration, connects to the database and the hub, logs in, and looks up the target of\nevery collection. It changes nothing.",
		Example: "  koschei-admin --config koschei.yaml check-config",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *postgres.DB) error {
				ctx, cancel := context.WithTimeout(ctx, checkTime)
				defer cancel()
				out := cmd.OutOrStdout()
				say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
				say("database: ok")
				if c.Koji.Server == "" {
					return badInput(errNoHub)
				}
				hub, err := newHub(c.Koji, nil)
				if err != nil {
					return err
				}
				defer func() { _ = hub.Close(context.WithoutCancel(ctx)) }()
				return errors.Join(checkLogin(ctx, c, hub, say), checkTargets(ctx, db, hub, say))
			})
		},
	}
}

func checkLogin(ctx context.Context, c config, hub *koji.Client, say func(string, ...any)) error {
	if c.Koji.Login == "none" {
		say("hub: no login is configured: nothing will be built")
		return nil
	}
	user, err := hub.LoggedInUser(ctx)
	if err != nil {
		return missing(fmt.Errorf("hub: logging in: %w", err))
	}
	say("hub: logged in as %s", user.Name)
	return nil
}

func checkTargets(ctx context.Context, db *postgres.DB, hub *koji.Client, say func(string, ...any)) error {
	collections, err := db.Collections(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, c := range collections {
		target, err := hub.BuildTarget(ctx, c.Target)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("collection %s: target %s: %w", c.Name, c.Target, err))
		case target.BuildTag != c.BuildTag:
			problems = append(problems, fmt.Errorf("collection %s: target %s now has the build tag %s, not %s",
				c.Name, c.Target, target.BuildTag, c.BuildTag))
		default:
			say("collection %s: ok", c.Name)
		}
	}
	return errors.Join(problems...)
}
