package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

func (a *console) deliveries() *cobra.Command {
	var f view.DeliveryFilter
	cmd := &cobra.Command{
		Use:     "deliveries",
		Short:   "Show what others were told, or are to be, the newest first",
		Example: "  koschei-admin deliveries --sink bus --limit 10\n  koschei-admin deliveries --dead\n  koschei-admin deliveries test bus",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Limit < 1 || f.Limit > mostEntries {
				return badInput(fmt.Errorf("--limit %d: it must be from 1 to %d", f.Limit, mostEntries))
			}
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				all, err := db.View.People.Deliveries(ctx, f)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), v2.DeliveriesOf(all))
				}
				return printDeliveries(cmd.OutOrStdout(), all)
			})
		},
	}
	cmd.Flags().StringVar(&f.Sink, "sink", "", "only those by this sink")
	cmd.Flags().BoolVar(&f.Dead, "dead", false, "only those that were given up")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "how many at most")
	cmd.AddCommand(a.testDelivery())
	return cmd
}

func (a *console) testDelivery() *cobra.Command {
	return &cobra.Command{
		Use:   "test SINK",
		Short: "Send a test message by a sink of the configuration",
		Long: "Sends a heartbeat to the message bus, or a ping to a web hook, and says what became of it. At the mail server\n" +
			"it only says hello, and logs in if need be. The database is\n" +
			"not needed.",
		Example: "  koschei-admin --config koschei.yaml deliveries test bus\n  koschei-admin --config koschei.yaml deliveries test 'webhook chat'",
		Args:    exactly(1, "the name of a sink"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			sinks, err := c.sinks(newLogger(c.Log))
			if err != nil {
				return badInput(fmt.Errorf("configuration: %w", err))
			}
			defer hangUp(sinks)
			i := slices.IndexFunc(sinks, func(s notifier.Sink) bool { return s.Name() == args[0] })
			if i < 0 {
				return badInput(fmt.Errorf("there is no sink %q in the configuration, but %s", args[0], sinkNames(sinks)))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), checkTime)
			defer cancel()
			if err := sinks[i].Ping(ctx); err != nil {
				return missing(fmt.Errorf("sink %s: %w", args[0], err))
			}
			done := "the receiver has taken the test message"
			if _, letters := sinks[i].(notifier.Post); letters {
				done = "the server lets us in; no letter was sent"
			}
			return a.printChanges(cmd.OutOrStdout(), []string{done})
		},
	}
}

func sinkNames(sinks []notifier.Sink) string {
	var names []string
	for _, s := range sinks {
		names = append(names, strconv.Quote(s.Name()))
	}
	if names == nil {
		return "none at all"
	}
	return strings.Join(names, ", ")
}

func (a *console) resend() *cobra.Command {
	var dead string
	cmd := &cobra.Command{
		Use:   "resend [DELIVERY...]",
		Short: "Send deliveries again",
		Long: "Has deliveries sent again, by the numbers that \"deliveries\" shows, or all that a sink has given up. Who\n" +
			"receives one twice can tell by its message id, which stays.",
		Example: "  koschei-admin resend 4711 4712\n  koschei-admin resend --dead bus",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (dead == "") == (len(args) == 0) {
				return badInput(errors.New("say either the numbers of deliveries or --dead SINK"))
			}
			var ids []int64
			for _, arg := range args {
				id, err := strconv.ParseInt(arg, 10, 64)
				if err != nil || id <= 0 {
					return badInput(fmt.Errorf("delivery %q: it must be a positive whole number", arg))
				}
				ids = append(ids, id)
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if dead != "" {
					return db.Edit.ResendDead(ctx, act, dead)
				}
				return db.Edit.Resend(ctx, act, ids)
			})
		},
	}
	cmd.Flags().StringVar(&dead, "dead", "", "all that this sink has given up")
	return cmd
}

func (a *console) forgetSink() *cobra.Command {
	return &cobra.Command{
		Use:   "forget-sink SINK",
		Short: "Remove a sink that is no longer configured",
		Long: "Removes a sink with all it was to deliver. A notifier that still has it in its configuration makes it anew,\n" +
			"for what happens from then on.",
		Example: "  koschei-admin forget-sink 'webhook chat' --yes",
		Args:    exactly(1, "the name of a sink"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(cmd, fmt.Sprintf("Remove sink %s with everything it has not delivered?", args[0])); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.ForgetSink(ctx, act, args[0])
			})
		},
	}
}

func printDeliveries(w io.Writer, all []view.Delivery) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	var troubles []error
	for i := range all {
		d, e := &all[i], &all[i].Event
		_, err := fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s -> %s\tattempts: %d\t%s\n",
			d.ID, d.Sink, d.State(), e.Kind, e.Subject(), orDash(e.Before), orDash(e.After), d.Attempts, d.Error)
		troubles = append(troubles, err)
	}
	return errors.Join(append(troubles, table.Flush())...)
}
