package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/postgres"
)

func (a *admin) deleteCollection() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "delete-collection NAME",
		Short:   "Delete a collection",
		Long:    "Deletes a collection. With --force it may have packages, whose builds and history go with it.",
		Example: "  koschei-admin delete-collection f25 --force --yes",
		Args:    exactly(1, "the name of a collection"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(cmd, fmt.Sprintf("Delete collection %s for good?", args[0])); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *postgres.DB, author postgres.Author) ([]string, error) {
				return db.DeleteCollection(ctx, author, args[0], force)
			})
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "delete its packages and builds as well")
	return cmd
}
