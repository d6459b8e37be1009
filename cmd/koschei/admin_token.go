package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

func (a *console) token() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Make, list and revoke what programs of users show to the API",
		Example: "  koschei-admin token list",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	changing := []*cobra.Command{a.createToken(), a.revokeToken()}
	for _, c := range changing {
		c.Flags().BoolVar(&a.dryRun, "dry-run", false, "only say what would change")
	}
	cmd.AddCommand(changing...)
	cmd.AddCommand(a.listTokens())
	return cmd
}

func (a *console) createToken() *cobra.Command {
	var scopes []string
	var days int
	cmd := &cobra.Command{
		Use:   "create USER NAME",
		Short: "Make a token for a user and print it, this once",
		Long: "Makes a token for a user, who is made if need be, and prints it. It cannot be shown again: what is stored is a\n" +
			"hash. A token gives no right that its user has not got, and only those that its scopes name:\n" +
			"read (what takes a login to read), packages, groups, follow, and admin for what administrators do.",
		Example: "  umask 077; koschei-admin token create alice nightly --scope packages,groups --days 90 > token",
		Args:    exactly(2, "a user and a name for the token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			if days < 1 || days > 366 {
				return badInput(fmt.Errorf("--days %d: it must be from 1 to 366", days))
			}
			w := edit.TokenWish{User: args[0], Name: args[1], Made: time.Now()}
			w.Ends = w.Made.Add(time.Duration(days) * 24 * time.Hour)
			for _, s := range scopes {
				w.Scopes = append(w.Scopes, koschei.TokenScope(s))
			}
			return a.withDatabase(cmd, func(ctx context.Context, c config, db *store) error {
				token, changes, err := db.Edit.Accounts.CreateToken(ctx, a.act(c), w)
				if err != nil {
					return err
				}
				return a.printToken(cmd, token, changes)
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{string(koschei.TokenRead)}, "what it may be used for: read, packages, groups, follow, admin")
	cmd.Flags().IntVar(&days, "days", 90, "how long it lasts")
	return cmd
}

// printToken prints the token alone on standard output, so that it can be led into a
// file.
func (a *console) printToken(cmd *cobra.Command, token string, changes []string) error {
	if a.output == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{"token": token, "changes": changes, "dry_run": a.dryRun})
	}
	if err := a.printChanges(cmd.ErrOrStderr(), changes); err != nil || token == "" {
		return err
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), token)
	return err
}

func (a *console) revokeToken() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke USER NUMBER",
		Short:   "End a token of a user",
		Example: "  koschei-admin token revoke alice 17",
		Args:    exactly(2, "a user, and the number of a token that \"token list\" shows"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return badInput(fmt.Errorf("token %q: it must be a whole number", args[1]))
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.Accounts.RevokeToken(ctx, act, args[0], id)
			})
		},
	}
}

func (a *console) listTokens() *cobra.Command {
	return &cobra.Command{
		Use:     "list [USER]",
		Short:   "List the tokens of a user, or of all",
		Example: "  koschei-admin token list alice",
		Args:    atMost(1, "a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				tokens, err := db.View.People.Tokens(ctx, append(args, "")[0])
				if err != nil {
					return err
				}
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), v2.TokensOf(tokens))
				}
				return printTokens(cmd.OutOrStdout(), tokens)
			})
		},
	}
}

func printTokens(w io.Writer, tokens []view.Token) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	var troubles []error
	for _, t := range tokens {
		used := "never used"
		if !t.Used.IsZero() {
			used = "used " + t.Used.UTC().Format("2006-01-02 15:04Z")
		}
		var scopes []string
		for _, s := range t.Scopes {
			scopes = append(scopes, string(s))
		}
		_, err := fmt.Fprintf(table, "%d\t%s\t%s\t%s\tuntil %s\t%s\n", t.ID, t.User, t.Name, strings.Join(scopes, ","), t.Ends.UTC().Format(time.DateOnly), used)
		troubles = append(troubles, err)
	}
	return errors.Join(append(troubles, table.Flush())...)
}
