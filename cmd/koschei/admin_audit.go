package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/view"
)

// mostEntries bounds what is read of the audit log at once.
const mostEntries = 10_000

func (a *console) audit() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "audit [PACKAGE]",
		Short:   "Tell who changed what, the newest first",
		Example: "  koschei-admin audit\n  koschei-admin audit bash --limit 10",
		Args:    atMost(1, "the name of a package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > mostEntries {
				return badInput(fmt.Errorf("--limit %d: it must be from 1 to %d", limit, mostEntries))
			}
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				entries, err := db.View.People.Audit(ctx, append(args, "")[0], limit)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), auditJSON(entries))
				}
				return printAudit(cmd.OutOrStdout(), entries)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many entries at most")
	return cmd
}

// An auditEntry is one of the log as JSON has it.
type auditEntry struct {
	ID         int64     `json:"id"`
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor"`
	Through    string    `json:"through"`
	Collection string    `json:"collection,omitempty"`
	Package    string    `json:"package,omitempty"`
	Message    string    `json:"message"`
}

func auditJSON(entries []view.AuditEntry) []auditEntry {
	out := make([]auditEntry, len(entries))
	for i, e := range entries {
		out[i] = auditEntry{e.ID, e.Logged, e.Actor, e.Environment, e.Collection, e.Package, e.Message}
	}
	return out
}

func printAudit(w io.Writer, entries []view.AuditEntry) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	var troubles []error
	for _, e := range entries {
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\n", e.Logged.Format("2006-01-02 15:04Z"), e.Actor, e.Message)
		troubles = append(troubles, err)
	}
	return errors.Join(append(troubles, table.Flush())...)
}
