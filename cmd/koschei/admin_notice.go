package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/record/audit"
)

func (a *console) setNotice() *cobra.Command {
	return &cobra.Command{
		Use:     "set-notice TEXT",
		Short:   "Put a notice on every page",
		Example: `  koschei-admin set-notice "Koschei operation is currently suspended due to scheduled Koji outage"`,
		Args:    exactly(1, "the text of the notice"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(args[0]) == "" {
				return badInput(fmt.Errorf("the notice is empty; clear-notice takes one off"))
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.SetNotice(ctx, act, args[0])
			})
		},
	}
}

func (a *console) clearNotice() *cobra.Command {
	return &cobra.Command{
		Use:     "clear-notice",
		Short:   "Take the notice off the pages",
		Example: "  koschei-admin clear-notice",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.SetNotice(ctx, act, "")
			})
		},
	}
}

func (a *console) grantAdmin() *cobra.Command {
	return a.adminRights("grant-admin", "Give a user the rights of an administrator", true)
}

func (a *console) revokeAdmin() *cobra.Command {
	return a.adminRights("revoke-admin", "Take the rights of an administrator from a user", false)
}

func (a *console) adminRights(name, short string, admin bool) *cobra.Command {
	return &cobra.Command{
		Use:     name + " USER",
		Short:   short,
		Example: "  koschei-admin " + name + " someuser",
		Args:    exactly(1, "a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.Accounts.SetAdmin(ctx, act, args[0], admin)
			})
		},
	}
}

func (a *console) endSessions() *cobra.Command {
	return &cobra.Command{
		Use:     "end-sessions USER",
		Short:   "Sign a user out everywhere",
		Example: "  koschei-admin end-sessions someuser",
		Args:    exactly(1, "a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.Accounts.EndSessions(ctx, act, args[0])
			})
		},
	}
}
