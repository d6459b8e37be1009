package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/admin"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// fetchTime bounds how long a list may take to come.
const fetchTime = time.Minute

func (a *console) syncGroup() *cobra.Command {
	var pattern, file, address string
	cmd := &cobra.Command{
		Use:   "sync-group [USER/]GROUP",
		Short: "Make a group hold what a pattern or a list names",
		Long: "Makes the packages that match a pattern, or that a list names, the members of a group, and removes\n" +
			"all others from it. A list is JSON, or names separated by white space. What it names that is no\n" +
			"package, or one that is blocked everywhere, is reported and passed over.",
		Example: "  koschei-admin sync-group ruby --pattern 'rubygem-*' --dry-run\n" +
			"  koschei-admin sync-group critpath --from-url https://example.com/critpath.json\n" +
			"  koschei-admin sync-group critpath --from-file list.txt",
		Args: exactly(1, "the name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var skipped []string
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				names, err := listed(ctx, cmd, db, pattern, file, address)
				if err != nil {
					return nil, err
				}
				synced, err := admin.SyncGroup(ctx, db.View, db.Edit, act, args[0], names)
				if err != nil {
					return nil, err
				}
				skipped = synced.Skipped
				if len(skipped) > 0 {
					_, err = fmt.Fprintf(cmd.ErrOrStderr(), "koschei: passed over, being no packages: %s\n", strings.Join(skipped, ", "))
				}
				return synced.Changes, err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&pattern, "pattern", "", "pattern of the shell that names must match")
	flags.StringVar(&file, "from-file", "", "file with names, - for standard input")
	flags.StringVar(&address, "from-url", "", "address of a list of names")
	cmd.MarkFlagsMutuallyExclusive("pattern", "from-file", "from-url")
	cmd.MarkFlagsOneRequired("pattern", "from-file", "from-url")
	return cmd
}

// listed returns the names that one of three options asks for.
func listed(ctx context.Context, cmd *cobra.Command, db *store, pattern, file, address string) ([]string, error) {
	switch {
	case pattern != "":
		return admin.Matching(ctx, db.View, pattern)
	case file != "":
		return readNames(cmd, file)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	names, err := admin.FetchNames(ctx, http.DefaultClient, address)
	switch {
	case errors.Is(err, koschei.ErrInvalid):
		return nil, badInput(fmt.Errorf("reading names: %w", err))
	case err != nil:
		return nil, missing(fmt.Errorf("reading names: %w", err))
	}
	return names, nil
}

func (a *console) export() *cobra.Command {
	return &cobra.Command{
		Use:     "export [FILE]",
		Short:   "Write groups and priorities as YAML",
		Long:    "Writes all groups and all static and manual priorities to a file or standard output, for import.",
		Example: "  koschei-admin export settings.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				s, err := db.View.Settings(ctx)
				if err != nil {
					return err
				}
				if len(args) == 0 {
					return a.writeSettings(cmd.OutOrStdout(), s)
				}
				f, err := os.Create(args[0])
				if err != nil {
					return badInput(err)
				}
				if err := a.writeSettings(f, s); err != nil {
					_ = f.Close()
					return err
				}
				return f.Close()
			})
		},
	}
}

// writeSettings writes YAML, or JSON of the same shape, which is YAML as well.
func (a *console) writeSettings(w io.Writer, s *schema.Settings) error {
	if a.output == "json" {
		return printJSON(w, newSettingsReport(s))
	}
	return admin.WriteSettings(w, s)
}

// A settingsReport is what "export --output json" prints, in the shape of the YAML.
type settingsReport struct {
	Groups     map[string]groupReport               `json:"groups"`
	Priorities map[string]map[string]priorityReport `json:"priorities"` // by collection and package
}

type groupReport struct {
	Maintainers []string `json:"maintainers"`
	Packages    []string `json:"packages"`
}

type priorityReport struct {
	Manual int `json:"manual"`
	Static int `json:"static"`
}

func newSettingsReport(s *schema.Settings) *settingsReport {
	r := &settingsReport{Groups: map[string]groupReport{}, Priorities: map[string]map[string]priorityReport{}}
	for _, g := range s.Groups {
		r.Groups[g.FullName] = groupReport{Maintainers: g.Maintainers, Packages: g.Packages}
	}
	for _, p := range s.Priorities {
		if r.Priorities[p.Collection] == nil {
			r.Priorities[p.Collection] = map[string]priorityReport{}
		}
		r.Priorities[p.Collection][p.Package] = priorityReport{Manual: p.Manual, Static: p.Static}
	}
	return r
}

func (a *console) importSettings() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Set groups and priorities from YAML",
		Long: "Makes groups and priorities what a file, - for standard input, says of them, all of them or none.\n" +
			"A group that is named gets exactly these packages and maintainers and is made if need be; a priority\n" +
			"that is left out of a named package is 0. What is not named stays as it is.",
		Example: "  koschei-admin import settings.yaml --dry-run\n  koschei-admin import settings.yaml",
		Args:    exactly(1, "the name of a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return badInput(err)
				}
				defer func() { _ = f.Close() }()
				in = f
			}
			s, err := admin.ReadSettings(in)
			if err != nil {
				return badInput(fmt.Errorf("%s: %w", args[0], err))
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.ApplySettings(ctx, act, s)
			})
		},
	}
}
