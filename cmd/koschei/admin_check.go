package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// checkTime bounds what check-config asks of the outside.
const checkTime = 20 * time.Second

func (a *console) checkConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration against the database, the hub and the message bus",
		Long: "Reads the configuration, connects to the database, the hub and the message bus if there is one, logs\n" +
			"in, and looks up the target of every collection. It changes nothing. The exit code is 1 if anything is\n" +
			"wrong, 3 if the database, the hub or the bus cannot be reached. Sinks are not called; \"deliveries test\" does.",
		Example: "  koschei-admin --config koschei.yaml check-config",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				ctx, cancel := context.WithTimeout(ctx, checkTime)
				defer cancel()
				r := &checkReport{Problems: []string{}}
				r.fine("database: ok")
				err := errors.Join(r.checkHub(ctx, c, db), r.checkBus(ctx, c), r.checkSinks(c))
				return errors.Join(a.printReport(cmd.OutOrStdout(), r), err, r.verdict())
			})
		},
	}
}

// A checkReport is what check-config found.
type checkReport struct {
	Fine     []string `json:"fine"`
	Problems []string `json:"problems"`
}

func (r *checkReport) fine(format string, args ...any) {
	r.Fine = append(r.Fine, fmt.Sprintf(format, args...))
}

func (r *checkReport) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *checkReport) verdict() error {
	switch len(r.Problems) {
	case 0:
		return nil
	case 1:
		return &exitError{exitNo, errors.New("1 problem was found")}
	}
	return &exitError{exitNo, fmt.Errorf("%d problems were found", len(r.Problems))}
}

// checkHub returns an error if the hub cannot be asked.
func (r *checkReport) checkHub(ctx context.Context, c config, db *store) error {
	return withHubs(ctx, c, func(hubs koji.Hubs) error {
		if err := r.checkLogin(ctx, c, hubs); err != nil {
			return err
		}
		return r.checkTargets(ctx, db, hubs)
	})
}

func (r *checkReport) checkLogin(ctx context.Context, c config, hubs koji.Hubs) error {
	if c.Koji.Login == "none" {
		r.fine("hub: no login is configured: nothing will be built")
	} else {
		user, err := hubs.Primary.LoggedInUser(ctx)
		if err != nil {
			return missing(fmt.Errorf("hub: logging in: %w", err))
		}
		r.fine("hub: logged in as %s", user.Name)
	}
	if hubs.Secondary != nil {
		if _, err := hubs.Secondary.LastEvent(ctx); err != nil {
			return missing(fmt.Errorf("secondary hub: %w", err))
		}
		r.fine("secondary hub: ok")
	}
	return nil
}

func (r *checkReport) checkTargets(ctx context.Context, db *store, hubs koji.Hubs) error {
	collections, err := db.Record.Collections(ctx)
	if err != nil {
		return err
	}
	for _, c := range collections {
		hub, err := hubs.Source(&c)
		if err != nil {
			r.problem("collection %s is in secondary mode, but %v", c.Name, err)
			continue
		}
		target, err := hub.BuildTarget(ctx, c.Target)
		switch {
		case errors.Is(err, koschei.ErrNotFound):
			r.problem("collection %s: target %s does not exist at the hub", c.Name, c.Target)
		case err != nil:
			return missing(fmt.Errorf("collection %s: looking up target %s: %w", c.Name, c.Target, err))
		case target.BuildTag != c.BuildTag:
			r.problem("collection %s: target %s now has the build tag %s, not %s", c.Name, c.Target, target.BuildTag, c.BuildTag)
		default:
			r.fine("collection %s: ok", c.Name)
		}
	}
	return nil
}

func (a *console) printReport(w io.Writer, r *checkReport) error {
	if a.output == "json" {
		return printJSON(w, r)
	}
	for _, line := range append(r.Fine, r.Problems...) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
