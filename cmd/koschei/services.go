package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
)

func newAllCommand(g *globals) *cobra.Command {
	var address, metricsAddress string
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
			ctx, log := cmd.Context(), newLogger(c.Log)
			supervisor := supervise(ctx, log)
			defer supervisor.stop()
			l, err := listenAll(ctx, cmp.Or(address, c.Frontend.Listen), cmp.Or(metricsAddress, c.Frontend.MetricsListen))
			if err != nil {
				return err
			}
			started := l.starting("the database is started and brought up to date.")
			db, err := ownDatabase(ctx, c, log)
			if err != nil {
				started()
				return errors.Join(asked(ctx, err), l.close())
			}
			defer func() { err = errors.Join(err, db.close(ctx)) }()
			err = db.migrate(ctx, log)
			started()
			if err != nil {
				return errors.Join(asked(ctx, err), l.close())
			}
			p, err := newProcess(c, log, db)
			if err != nil {
				return errors.Join(err, l.close())
			}
			p.supervisor = supervisor
			l.say(ctx, log)
			return p.together(ctx, p.services(), l)
		},
	}
	cmd.Flags().StringVar(&address, "listen", "", "address to serve on (default frontend.listen of the configuration)")
	metricsFlag(cmd, &metricsAddress)
	return cmd
}

func metricsFlag(cmd *cobra.Command, address *string) {
	cmd.Flags().StringVar(address, "metrics-listen", "",
		"address to serve /metrics, /livez and /readyz on instead (default frontend.metrics_listen of the configuration)")
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
			return runService(cmd, g, []service{s}, func(ctx context.Context, c config) (l listeners, err error) {
				if address := cmp.Or(address, c.Backend.Listen); address != "" {
					l.operations, err = listen(ctx, "--listen", address)
				}
				return l, err
			})
		},
	}
	cmd.Flags().StringVar(&address, "listen", "", "address to serve /livez, /readyz and /metrics on (default backend.listen of the configuration)")
	return cmd
}

func newFrontendCommand(g *globals) *cobra.Command {
	var address, metricsAddress string
	cmd := &cobra.Command{
		Use:     string(koschei.ServiceFrontend),
		Short:   "Serve the pages and the API",
		Example: "  koschei frontend --config koschei.yaml --listen :8080 --metrics-listen 127.0.0.1:9100",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runService(cmd, g, nil, func(ctx context.Context, c config) (listeners, error) {
				return listenAll(ctx, cmp.Or(address, c.Frontend.Listen), cmp.Or(metricsAddress, c.Frontend.MetricsListen))
			})
		},
	}
	cmd.Flags().StringVar(&address, "listen", "", "address to serve on (default frontend.listen of the configuration)")
	metricsFlag(cmd, &metricsAddress)
	return cmd
}

// runService runs services on a database that is there already, and serves
// HTTP on what open opens.
func runService(cmd *cobra.Command, g *globals, services []service, open func(context.Context, config) (listeners, error)) (err error) {
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
		if s.needsBus && !c.hasQueue() {
			return badInput(errors.New("configuration, section bus: queue: it is empty; without a queue the watcher hears nothing"))
		}
		if s.needsSink && !c.Notifier.hasSink() {
			return badInput(fmt.Errorf("nobody is to be told anything: set notifier.bus.publish, notifier.mail.server or notifier.webhooks; without them the %s is of no use", s.name))
		}
		if s.needsOwners && !c.Owners.asks() {
			return badInput(fmt.Errorf("nobody is asked for owners: set owners.url or owners.groups; without them the service %s is of no use", s.name))
		}
	}
	ctx, log := cmd.Context(), newLogger(c.Log)
	supervisor := supervise(ctx, log)
	defer supervisor.stop()
	db, err := joinDatabase(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	waiting := func(why error) {
		log.WarnContext(ctx, "waiting for a migration", "error", why)
		supervisor.ready(ctx, "waiting for a migration")
	}
	if err := db.AwaitSchema(ctx, schemaInterval, waiting); err != nil {
		return missing(fmt.Errorf("database: %w", err))
	}
	p, err := newProcess(c, log, db)
	if err != nil {
		return err
	}
	p.onlyServices, p.supervisor = len(services) > 0, supervisor
	l, err := open(ctx, c)
	if err != nil {
		return err
	}
	l.say(ctx, log)
	return p.together(ctx, services, l)
}
