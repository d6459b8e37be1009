package main

import "github.com/spf13/cobra"

// newIdleCommand is for a container that operators run commands in.
func newIdleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "idle",
		Short: "Do nothing until told to end",
		Long: "Keeps a container running in which operators run koschei-admin. An image without a shell has nothing\n" +
			"else that sleeps.",
		Example: "  koschei idle",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			<-cmd.Context().Done()
			return nil
		},
	}
}
