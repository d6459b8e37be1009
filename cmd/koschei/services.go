package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
)

func newAllCommand(g *globals) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:     "all",
		Short:   "Run all services and the pages in one process",
		Long:    "Without a configured database a private one in the data directory is started and ends with the program.",
		Example: "  koschei all --config koschei.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := g.config()
			if err != nil {
				return err
			}
			if c.Koji.Server == "" {
				return badInput(errors.New("no hub is configured: set koji.server, or try \"koschei demo\""))
			}
			if address != "" {
				c.Frontend.Listen = address
			}
			ctx, log := cmd.Context(), newLogger(c.Log)
			listener, err := listen(ctx, c.Frontend.Listen)
			if err != nil {
				return err
			}
			db, err := ownDatabase(ctx, c, log)
			if err != nil {
				return errors.Join(err, listener.Close())
			}
			defer func() { err = errors.Join(err, db.close(ctx)) }()
			if err := db.migrate(ctx, log); err != nil {
				return err
			}
			p, err := newProcess(c, log, db)
			if err != nil {
				return err
			}
			log.InfoContext(ctx, "serving", "address", listener.Addr().String())
			return p.together(ctx, p.services(), listener)
		},
	}
	cmd.Flags().StringVar(&address, "listen", "", "address to serve pages, health and metrics on")
	return cmd
}

// newServiceCommands returns a command for each service and one for the pages.
func newServiceCommands(g *globals) []*cobra.Command {
	var cmds []*cobra.Command
	for _, s := range services() {
		cmds = append(cmds, newServiceCommand(g, s))
	}
	return append(cmds, newFrontendCommand(g))
}

func newServiceCommand(g *globals, s service) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   string(s.name),
		Short: s.short,
		Long: s.short + ".\n\nOf several replicas one at a time does what must be done once.\n" +
			"The database must be configured, or run by another process in the same data directory.",
		Example: "  koschei " + string(s.name) + " --config koschei.yaml --listen :9100",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runService(cmd, g, []service{s}, address)
		},
	}
	cmd.Flags().StringVar(&address, "listen", "", "address to serve /livez, /readyz and /metrics on; empty for none")
	return cmd
}

func newFrontendCommand(g *globals) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:     string(koschei.ServiceFrontend),
		Short:   "Serve the pages and the API",
		Example: "  koschei frontend --config koschei.yaml --listen :8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.config()
			if err != nil {
				return err
			}
			if address == "" {
				address = c.Frontend.Listen
			}
			return runService(cmd, g, nil, address)
		},
	}
	cmd.Flags().StringVar(&address, "listen", "", "address to serve on (default frontend.listen of the configuration)")
	return cmd
}

// runService runs services on a database that is there already, and serves
// HTTP if an address is given.
func runService(cmd *cobra.Command, g *globals, services []service, address string) (err error) {
	c, err := g.config()
	if err != nil {
		return err
	}
	if len(services) > 0 && c.Koji.Server == "" {
		return badInput(errors.New("no hub is configured: set koji.server"))
	}
	for _, s := range services {
		if s.needsBus && c.Bus.URL == "" {
			return badInput(fmt.Errorf("no message bus is configured: set bus.url; without a bus the %s is of no use", s.name))
		}
	}
	ctx, log := cmd.Context(), newLogger(c.Log)
	db, err := joinDatabase(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	waiting := func(why error) { log.WarnContext(ctx, "waiting for a migration", "error", why) }
	if err := db.AwaitSchema(ctx, schemaInterval, waiting); err != nil {
		return missing(fmt.Errorf("database: %w", err))
	}
	p, err := newProcess(c, log, db)
	if err != nil {
		return err
	}
	p.onlyServices = len(services) > 0
	if address == "" {
		return p.together(ctx, services, nil)
	}
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "serving", "address", listener.Addr().String())
	return p.together(ctx, services, listener)
}
