package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  koschei version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "koschei", version())
			return err
		},
	}
}

// release is the version of a build that has no repository beside it, such as
// that of an image. The linker sets it: -ldflags "-X main.release=1.2".
var release string

// version is what the linker was told or the go command recorded at build time: a
// release's tag, or the commit with its date.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if rev := settings["vcs.revision"]; len(rev) >= 12 {
		return fmt.Sprintf("commit %s of %s", rev[:12], settings["vcs.time"])
	}
	return "development"
}
