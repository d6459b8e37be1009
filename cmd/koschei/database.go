package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/cluster"
)

// A database is the open record and, if it is ours to run, its server.
type database struct {
	*store
	cluster *cluster.Cluster // nil with a configured database

	// joined says that the cluster was to be ours but is another process's: when
	// that ends, there is none for this process to go on with.
	joined bool
}

// schemaInterval is how often a service looks whether somebody has migrated.
const schemaInterval = 2 * time.Second

// stopTimeout bounds a clean shutdown of the private cluster; after it the
// server is stopped at once and recovers at its next start.
const stopTimeout = 3 * time.Second

// ownDatabase opens the configured database or, without one, the private
// cluster, which it starts unless another process of ours already runs it.
func ownDatabase(ctx context.Context, c config, log *slog.Logger) (*database, error) {
	if c.Database.URL != "" {
		return configuredDatabase(ctx, c)
	}
	db, err := startDatabase(ctx, c, log)
	if !errors.Is(err, cluster.ErrRunning) {
		return db, err
	}
	if db, err = joinDatabase(ctx, c); err == nil {
		db.joined = true
	}
	return db, err
}

// withOwnDatabase runs f on ownDatabase and closes it. A level other than ""
// is logged at instead of the configured one.
func (g *globals) withOwnDatabase(ctx context.Context, level string, f func(ctx context.Context, c config, db *database) error) (err error) {
	c, err := g.config()
	if err != nil {
		return err
	}
	if level != "" {
		c.Log = logConfig{Level: level}
	}
	db, err := ownDatabase(ctx, c, newLogger(c.Log))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.close(ctx); err == nil {
			err = closeErr
		}
	}()
	return f(ctx, c, db)
}

// startDatabase starts the private cluster, which must not be running.
func startDatabase(ctx context.Context, c config, log *slog.Logger) (*database, error) {
	private, err := cluster.Start(ctx, c.DataDir, log)
	return openPrivate(ctx, c, private, err)
}

// joinDatabase opens the configured database or, without one, the private
// cluster that another process runs in the data directory.
func joinDatabase(ctx context.Context, c config) (*database, error) {
	if c.Database.URL != "" {
		return configuredDatabase(ctx, c)
	}
	private, err := cluster.Join(ctx, c.DataDir)
	if errors.Is(err, cluster.ErrNotRunning) {
		err = fmt.Errorf("%w: start one with \"koschei all\" or \"koschei demo\", or configure database.url", err)
	}
	return openPrivate(ctx, c, private, err)
}

func configuredDatabase(ctx context.Context, c config) (*database, error) {
	cfg, err := postgres.ParseURL(c.Database.URL)
	if err != nil {
		return nil, badInput(err)
	}
	if file := c.Database.PasswordFile; file != "" {
		password, err := os.ReadFile(file)
		if err != nil {
			return nil, badInput(fmt.Errorf("configuration, section database: password_file: %w", err))
		}
		cfg.ConnConfig.Password = strings.TrimSpace(string(password))
	}
	db, err := openStore(ctx, cfg, c)
	if err != nil {
		return nil, missing(err)
	}
	return &database{store: db}, nil
}

func openPrivate(ctx context.Context, c config, private *cluster.Cluster, err error) (*database, error) {
	if err != nil {
		return nil, missing(err)
	}
	db, err := openStore(ctx, private.PoolConfig(), c)
	if err != nil {
		return nil, errors.Join(missing(err), private.Stop(ctx))
	}
	return &database{store: db, cluster: private}, nil
}

// lost is closed when a server that this process runs has ended on its own.
func (d *database) lost() <-chan struct{} {
	if d.cluster == nil {
		return nil
	}
	return d.cluster.Done()
}

// close ends all connections and, if it is ours, the server.
func (d *database) close(ctx context.Context) error {
	d.Close()
	if d.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return d.cluster.Stop(ctx)
}

// migrate brings the schema up to date and logs each step.
func (d *database) migrate(ctx context.Context, log *slog.Logger) error {
	return d.Migrate(ctx, func(m postgres.Migration) {
		log.InfoContext(ctx, "schema migrated", "version", m.Version, "name", m.Name, "took", m.Took)
	})
}
