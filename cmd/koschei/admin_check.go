package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// checkTime bounds what check-config asks of the outside.
const checkTime = time.Minute

func (a *console) checkConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration against the database, the hub and the message bus",
		Long: "Reads the configuration and looks at everything that it names: files; the database; the hub, its version, our user\n" +
			"and what it may; the target, the tags, the architectures and a repo of every collection; the web pages; the message\n" +
			"bus; the mail server. It changes nothing, and goes on after a failure. The exit code is 1 if anything is wrong, 3 if\n" +
			"something cannot be reached. Web hooks are not called; \"deliveries test\" does. Run it as the user of the services:\n" +
			"it looks at what that user can read and write.",
		Example: "  koschei-admin --config koschei.yaml check-config",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				ctx, cancel := context.WithTimeout(ctx, checkTime)
				defer cancel()
				r := &checkReport{Fine: []string{}, Problems: []string{}}
				r.fine("database: ok")
				r.look(ctx, c, db)
				return errors.Join(a.printReport(cmd.OutOrStdout(), r), r.verdict())
			})
		},
	}
}

// A checkReport is what check-config found.
type checkReport struct {
	Fine     []string `json:"fine"`
	Problems []string `json:"problems"`

	worst *exitError // of what could not be looked at; nil if all could
}

// look looks at all that the configuration names. db is nil if it has no tables yet.
func (r *checkReport) look(ctx context.Context, c config, db *store) {
	for _, check := range []func() error{
		func() error { return r.checkData(c) },
		func() error { return r.checkHub(ctx, c, db) },
		func() error { return r.checkBus(ctx, c) },
		func() error { return r.checkSinks(ctx, c) },
	} {
		if err := check(); err != nil {
			r.failure(err)
		}
	}
}

func (r *checkReport) fine(format string, args ...any) {
	r.Fine = append(r.Fine, fmt.Sprintf(format, args...))
}

func (r *checkReport) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// failure is a problem for which something could not be looked at.
func (r *checkReport) failure(err error) {
	r.problem("%v", err)
	exit := &exitError{exitMissing, err}
	errors.As(err, &exit)
	if r.worst == nil || exit.code > r.worst.code {
		r.worst = &exitError{exit.code, err}
	}
}

// verdict tells a single thing that is wrong again, since it ends the program.
func (r *checkReport) verdict() error {
	switch n := len(r.Problems); {
	case n == 0:
		return nil
	case n == 1 && r.worst != nil:
		return r.worst
	case n == 1:
		return &exitError{exitNo, errors.New("1 problem was found")}
	case r.worst != nil:
		return &exitError{r.worst.code, fmt.Errorf("%d problems were found", n)}
	default:
		return &exitError{exitNo, fmt.Errorf("%d problems were found", n)}
	}
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
