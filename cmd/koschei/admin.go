package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/admin"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A console is what all commands of koschei-admin have in common: the options
// of whoever calls them.
type console struct {
	*globals
	collection string
	output     string
	yes        bool
	dryRun     bool
}

func newAdminCommand(g *globals) *cobra.Command {
	a := &console{globals: g}
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Administer collections, packages, groups and builds",
		Long: "Administers the database that --config or KOSCHEI_DATABASE_URL names or, without one, the private one\n" +
			"in --data-dir. Every change is logged with the name of the user who made it.\n\n" +
			"Exit codes: 0 done; 1 the answer is no, or something is not there or in use; 2 bad input or usage;\n" +
			"3 the database or the hub is missing. An error costs one sentence on standard error.",
		Example: "  koschei-admin status\n  koschei-admin --collection f28 set-priority --static foo 100",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVarP(&a.collection, "collection", "c", "", "collection to work on")
	flags.StringVar(&a.output, "output", "text", "form of the result: text or json")
	flags.BoolVar(&a.yes, "yes", false, "do not ask before something is destroyed")
	changing := []*cobra.Command{
		a.cleanup(), a.setNotice(), a.clearNotice(),
		a.addPackages(), a.removePackages(), a.skipResolution(), a.setPriority(), a.setArchOverride(),
		a.createGroup(), a.addGroup(), a.editGroup(), a.deleteGroup(), a.syncGroup(), a.importSettings(), a.importUpstream(),
		a.createCollection(), a.editCollection(), a.pause(true), a.pause(false), a.branchCollection(), a.forkCollection(), a.deleteCollection(),
		a.createCollectionGroup(), a.editCollectionGroup(), a.deleteCollectionGroup(),
		a.retry(), a.cancelBuild(), a.accept(), a.retryPinning(), a.grantAdmin(), a.revokeAdmin(), a.endSessions(), a.resend(), a.forgetSink(),
		a.subscribe(), a.unsubscribe(), a.silence(), a.setAddress(), a.bounce(),
	}
	for _, c := range changing {
		c.Flags().BoolVar(&a.dryRun, "dry-run", false, "only say what would change")
	}
	cmd.AddCommand(changing...)
	cmd.AddCommand(
		a.createDB(), a.psql(), a.sql(), a.export(), a.submitBuild(),
		a.status(), a.why(), a.explainBuild(), a.audit(), a.checkConfig(), a.deliveries(), a.subscriptions(), a.syncOwners(), a.token(),
	)
	return cmd
}

// A changer makes a change of the record and says, a sentence each, what it
// changed.
type changer func(ctx context.Context, db *store, act audit.Act) ([]string, error)

// change is how every command that changes the record runs: it opens the
// database, makes the change in the operator's name and prints what it was.
func (a *console) change(cmd *cobra.Command, make changer) error {
	if err := a.checkOutput(); err != nil {
		return err
	}
	return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
		changes, err := make(ctx, db, a.act(c))
		if err != nil {
			return err
		}
		return a.printChanges(cmd.OutOrStdout(), changes)
	})
}

// withDatabase runs f on the database, brought up to date if it is ours.
func (a *console) withDatabase(cmd *cobra.Command, f func(ctx context.Context, c config, db *store) error) error {
	return a.withOwnDatabase(cmd.Context(), "warn", func(ctx context.Context, c config, db *database) error {
		if c.Database.URL == "" {
			if err := db.migrate(ctx, newLogger(c.Log)); err != nil {
				return err
			}
		}
		if err := db.Ready(ctx); err != nil {
			return missing(err)
		}
		return f(ctx, c, db.store)
	})
}

func (a *console) checkOutput() error {
	if a.output != "text" && a.output != "json" {
		return badInput(fmt.Errorf("--output %s: it must be text or json", a.output))
	}
	return nil
}

// act is in the name of the person who runs the command. Who can reach the
// database is an admin.
func (a *console) act(c config) audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: author(), From: koschei.FromAdmin, Admin: true}, Now: c.Clock.clock().Now(), DryRun: a.dryRun}
}

// author is who called sudo, if anybody did, or else the user who runs this. A
// container may have a user that no file knows; the number is all there is then.
func author() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

func (a *console) printChanges(w io.Writer, changes []string) error {
	if a.output == "json" {
		if changes == nil {
			changes = []string{}
		}
		return printJSON(w, map[string]any{"changes": changes, "dry_run": a.dryRun})
	}
	if len(changes) == 0 {
		changes = []string{"nothing changed"}
	}
	if a.dryRun {
		changes = append(changes, "this was a dry run: nothing was changed")
	}
	_, err := fmt.Fprintln(w, strings.Join(changes, "\n"))
	return err
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// needCollection says what is wrong if --collection was not given.
func (a *console) needCollection() error {
	if a.collection == "" {
		return badInput(fmt.Errorf("which collection? Say --collection NAME"))
	}
	return nil
}

// confirm asks on the terminal before something is destroyed. Without one,
// --yes must be said. A dry run destroys nothing.
func (a *console) confirm(cmd *cobra.Command, question string) error {
	if a.yes || a.dryRun {
		return nil
	}
	if !isTerminal(os.Stdin) {
		return badInput(fmt.Errorf("%s Say --yes if so", question))
	}
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question); err != nil {
		return err
	}
	var answer string
	if _, err := fmt.Fscanln(cmd.InOrStdin(), &answer); err != nil || !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return &exitError{exitNo, fmt.Errorf("nothing was changed")}
	}
	return nil
}

// readNames reads names from a file, "-" being standard input.
func readNames(cmd *cobra.Command, file string) ([]string, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, badInput(fmt.Errorf("reading names: %w", err))
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	names, err := admin.ReadNames(in)
	if err != nil {
		return nil, badInput(fmt.Errorf("%s: %w", file, err))
	}
	return names, nil
}

// negativeLast moves a negative priority to the end of the arguments, after
// "--": to pflag it would be a flag. "set-priority foo -100 --static" is what
// operators type.
func negativeLast(args []string) []string {
	if !slices.Contains(args, "set-priority") {
		return args
	}
	for i, arg := range args {
		if _, err := strconv.Atoi(arg); err == nil && strings.HasPrefix(arg, "-") {
			rest := append(append([]string{}, args[:i]...), args[i+1:]...)
			return append(rest, "--", arg)
		}
		if arg == "--" {
			break
		}
	}
	return args
}

// isTerminal says whether a person is at f.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// exactly is cobra.ExactArgs with a sentence that says what is asked for.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("expected %s, got %d arguments", what, len(args))
		}
		return nil
	}
}

// atLeast is cobra.MinimumNArgs with a sentence that says what is asked for.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("expected %s, got %d arguments", what, len(args))
		}
		return nil
	}
}

func atMost(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("expected at most %s, got %d arguments", what, len(args))
		}
		return nil
	}
}
