package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *console) sql() *cobra.Command {
	return &cobra.Command{
		Use:   "sql STATEMENT",
		Short: "Ask the database a question in SQL",
		Long: "Prints the answer to one statement, which can only read. It needs no psql, so it works where that is\n" +
			"not installed, such as in the container image.",
		Example: "  koschei-admin sql 'SELECT count(*) FROM build'",
		Args:    exactly(1, "one statement"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			return a.withDatabase(cmd, func(ctx context.Context, _ config, db *store) error {
				rows := [][]*string{}
				err := db.readers.operations.Answer(ctx, args[0], func(values []*string) error {
					rows = append(rows, values)
					return nil
				})
				if err != nil {
					return badInput(fmt.Errorf("the database says: %w", err))
				}
				if a.output == "json" {
					return printJSON(cmd.OutOrStdout(), objects(rows))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				for _, row := range rows {
					if _, err := fmt.Fprintln(w, cells(row)); err != nil {
						return err
					}
				}
				return w.Flush()
			})
		},
	}
}

// objects are rows by the names of their columns, which are the first row.
func objects(rows [][]*string) []map[string]*string {
	all := []map[string]*string{}
	for _, row := range rows[1:] {
		one := map[string]*string{}
		for i, value := range row {
			one[*rows[0][i]] = value
		}
		all = append(all, one)
	}
	return all
}

// cells are a row in columns. What would move them is not printed as it is.
func cells(row []*string) string {
	var texts []string
	for _, value := range row {
		text := ""
		if value != nil {
			text = strings.NewReplacer("\t", `\t`, "\n", `\n`).Replace(*value)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\t")
}
