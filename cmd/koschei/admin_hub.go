package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/record/audit"
)

func (a *console) accept() *cobra.Command {
	return &cobra.Command{
		Use:   "accept",
		Short: "Believe what Koji says of so many packages at once",
		Long: "When Koji says that many packages of a collection have no builds any more, or are blocked, nothing is changed and nobody is told: " +
			"its tag may be half filled, or somebody made a mistake. The self-check tells of it. This command says that it is true; it holds for a day.",
		Example: "  koschei-admin accept --collection f28",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.needCollection(); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.AcceptNews(ctx, act, a.collection)
			})
		},
	}
}

func (a *console) retryPinning() *cobra.Command {
	return &cobra.Command{
		Use:   "retry-pinning",
		Short: "Let builds ask for the repos of their verdicts again",
		Long: "When the hub's policy build_from_repo_id does not let builds choose their repo, they leave the choice to the hub for six hours. " +
			"After the policy was changed this command ends that.",
		Example: "  koschei-admin retry-pinning",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.RetryPinning(ctx, act)
			})
		},
	}
}
