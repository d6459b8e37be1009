package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/letter"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
)

func (a *console) subscribe() *cobra.Command {
	s := koschei.Subscription{Sink: notifier.MailName}
	var tell, pace string
	var apart bool
	cmd := &cobra.Command{
		Use:   "subscribe USER package|group|owner|collection|buildroot NAME",
		Short: "Have a user be told by mail when something breaks",
		Long: "Has a user, who is made if need be, hear of one package, of the packages of a group or of a person, of all of\n" +
			"a collection, or of its base buildroot alone. With --collection only what happens in that collection counts.\n" +
			"Said again, it changes the subscription there is.",
		Example: "  koschei-admin subscribe alice owner alice\n" +
			"  koschei-admin subscribe bob group kettle-sig --tell mended --pace daily\n" +
			"  koschei-admin --collection f99 subscribe bob package teapot",
		Args: exactly(3, "a user, what to follow, and its name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.User, s.Scope, s.Name, s.Collection = args[0], koschei.Scope(args[1]), args[2], a.collection
			s.Tell, s.Pace, s.Together = koschei.Tell(tell), koschei.Pace(pace), !apart
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.Accounts.Subscribe(ctx, act, s)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&tell, "tell", string(koschei.TellMended), "what is told: broken, mended (that and what is ok again) or all")
	flags.StringVar(&pace, "pace", string(koschei.AtOnce), "how often: 'at once', daily or weekly")
	flags.BoolVar(&apart, "apart", false, "a letter for each package, even if many have one cause")
	return cmd
}

func (a *console) unsubscribe() *cobra.Command {
	return &cobra.Command{
		Use:     "unsubscribe USER NUMBER",
		Short:   "End a subscription of a user",
		Example: "  koschei-admin unsubscribe alice 17",
		Args:    exactly(2, "a user, and the number of a subscription that \"subscriptions\" shows"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return badInput(fmt.Errorf("subscription %q: it must be a whole number", args[1]))
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.Accounts.Unsubscribe(ctx, act, args[0], id)
			})
		},
	}
}

func (a *console) silence() *cobra.Command {
	var until string
	var end bool
	cmd := &cobra.Command{
		Use:   "silence USER package|group|cause NAME",
		Short: "Have a user hear nothing of something until a date",
		Long: "Has a user hear nothing of a package, a group, or a cause in the words of the letters, until a date. What\n" +
			"happens until then the user is never told of.",
		Example: "  koschei-admin silence alice package teapot --until 2026-12-24\n" +
			"  koschei-admin silence alice cause 'nothing provides libcup.so.3()(64bit)' --until 2026-12-24\n" +
			"  koschei-admin silence alice package teapot --end",
		Args: exactly(3, "a user, what is silenced, and its name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := koschei.Silence{User: args[0], What: koschei.SilenceKind(args[1]), Name: args[2]}
			if !slices.Contains(koschei.SilenceKinds(), s.What) {
				return badInput(fmt.Errorf("%q cannot be silenced: it must be package, group or cause", args[1]))
			}
			if end == (until != "") {
				return badInput(errors.New("say either --until DATE or --end"))
			}
			if until != "" {
				var err error
				if s.Until, err = time.Parse(time.DateOnly, until); err != nil {
					return badInput(fmt.Errorf("--until %s: it must be a date such as 2026-12-24", until))
				}
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if until != "" && !s.Until.After(act.Now) {
					return nil, badInput(fmt.Errorf("--until %s: it is over", until))
				}
				return db.Edit.Accounts.Silence(ctx, act, s)
			})
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "date on which it ends, at midnight UTC")
	cmd.Flags().BoolVar(&end, "end", false, "end it now")
	return cmd
}

func (a *console) setAddress() *cobra.Command {
	return &cobra.Command{
		Use:   "set-address USER [ADDRESS]",
		Short: "Say where mail to a user goes, and send it again",
		Long: "Has mail to a user go to an address, or without one to the address that the configuration says. If mail was\n" +
			"given up because the address was refused, it is sent again.",
		Example: "  koschei-admin set-address alice alice@example.org\n  koschei-admin set-address alice",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			address := ""
			if len(args) == 2 {
				address = args[1]
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.Accounts.SetAddress(ctx, act, args[0], address)
			})
		},
	}
}

func (a *console) bounce() *cobra.Command {
	return &cobra.Command{
		Use:   "bounce",
		Short: "Note that a letter came back, as the message on standard input says",
		Long: "Reads a message that came back to the address of notifier.mail.bounce, as a mail server hands it to a program.\n" +
			"When three letters to a user came back with no month between them, nothing is sent to the user any more, until\n" +
			"set-address or the user's own page of subscriptions. A message that is no report of a letter that was given up\n" +
			"changes nothing.",
		Example: "  koschei-admin bounce < message\n  echo 'koschei-bounces: \"|/usr/bin/koschei-admin --config /etc/koschei/koschei.yaml bounce\"' >> /etc/aliases",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := letter.ReadBounce(cmd.InOrStdin())
			if errors.Is(err, letter.ErrNoBounce) {
				return a.printChanges(cmd.OutOrStdout(), []string{"nothing is noted: " + err.Error()})
			}
			if err != nil {
				return badInput(fmt.Errorf("standard input: %w", err))
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				user, disabled, err := db.Deliveries.MailBounced(ctx, b.MessageID, b.Reason)
				if errors.Is(err, koschei.ErrNotFound) {
					return a.printChanges(cmd.OutOrStdout(), []string{"nothing is noted: " + err.Error()})
				}
				if err != nil {
					return err
				}
				done := "a letter to user " + user + " came back"
				if disabled {
					done += "; nothing is sent to them any more"
				}
				return a.printChanges(cmd.OutOrStdout(), []string{done})
			})
		},
	}
}

func (a *console) subscriptions() *cobra.Command {
	return &cobra.Command{
		Use:     "subscriptions [USER]",
		Short:   "Show who wants to hear of what",
		Example: "  koschei-admin subscriptions alice",
		Args:    atMost(1, "the name of a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				if len(args) == 0 {
					all, err := db.View.People.Subscriptions(ctx, "")
					if err != nil {
						return err
					}
					return a.printReader(cmd.OutOrStdout(), &view.Reader{Subscriptions: all})
				}
				r, err := db.View.People.Reader(ctx, args[0], c.Clock.clock().Now())
				if err != nil {
					return err
				}
				return a.printReader(cmd.OutOrStdout(), r)
			})
		},
	}
}

// A subscriptionReport is a subscription as JSON has it. The token is nobody's
// business but its reader's.
type subscriptionReport struct {
	ID         int64         `json:"id"`
	User       string        `json:"user"`
	Sink       string        `json:"sink"`
	Scope      koschei.Scope `json:"scope"`
	Name       string        `json:"name"`
	Collection string        `json:"collection"`
	Tell       koschei.Tell  `json:"tell"`
	Pace       koschei.Pace  `json:"pace"`
	Together   bool          `json:"together"`
}

type silenceReport struct {
	What  koschei.SilenceKind `json:"what"`
	Name  string              `json:"name"`
	Until time.Time           `json:"until"`
}

func (a *console) printReader(w io.Writer, r *view.Reader) error {
	if a.output == "json" {
		subscriptions, silences := []subscriptionReport{}, []silenceReport{}
		for _, s := range r.Subscriptions {
			subscriptions = append(subscriptions, subscriptionReport{s.ID, s.User, s.Sink, s.Scope, s.Name, s.Collection, s.Tell, s.Pace, s.Together})
		}
		for _, s := range r.Silences {
			silences = append(silences, silenceReport{s.What, s.Name, s.Until})
		}
		return printJSON(w, map[string]any{
			"subscriptions": subscriptions, "silences": silences, "address": r.Address, "disabled": ifKnown(r.Disabled), "reason": r.Reason,
		})
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	var troubles []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(table, format+"\n", args...)
		troubles = append(troubles, err)
	}
	for _, s := range r.Subscriptions {
		together := "together"
		if !s.Together {
			together = "apart"
		}
		line("%d\t%s\t%s\t%s\t%s\t%s\t%s", s.ID, s.User, s.Followed(), s.Tell, s.Pace, together, s.Sink)
	}
	for _, s := range r.Silences {
		line("nothing of %s %s until %s", s.What, s.Name, s.Until.Format(time.DateOnly))
	}
	if r.Address != "" {
		line("mail goes to %s", r.Address)
	}
	if !r.Disabled.IsZero() {
		line("no mail is sent since %s: %s", r.Disabled.Format(time.DateTime), r.Reason)
	}
	return errors.Join(append(troubles, table.Flush())...)
}
