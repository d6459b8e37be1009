package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/cluster"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A demo is a whole Koschei around a simulated hub.
type demo struct {
	address  string
	packages int
	seed     int64
	speed    float64
	from     string
}

// demoSpeed makes a day of the simulated world last half a minute.
const demoSpeed = 2880

func newDemoCommand(g *globals) *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run all of Koschei on a simulated distribution",
		Long: "Runs a simulated Koji hub, a private PostgreSQL, all services and the pages in one process.\n" +
			"Packagers of the simulated distribution update, break and mend packages all day.\n" +
			"A demo begins anew each time: what an earlier one left in the data directory is emptied.",
		Example: "  koschei demo\n  koschei demo --packages 1000 --speed 600\n  koschei demo --from DIR   # DIR/binary and DIR/source hold rpm-md",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := d.check(); err != nil {
				return badInput(err)
			}
			c, err := g.config()
			if err != nil {
				return err
			}
			if g.dataDir == "" && os.Getenv("KOSCHEI_DATA_DIR") == "" {
				c.DataDir = filepath.Join(c.DataDir, "demo")
			}
			return d.run(cmd.Context(), c, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&d.address, "listen", "127.0.0.1:8080", "address to serve pages on")
	flags.IntVar(&d.packages, "packages", 300, "source packages of the made-up distribution")
	flags.Int64Var(&d.seed, "seed", 1, "same seed, same world")
	flags.Float64Var(&d.speed, "speed", demoSpeed, "simulated seconds in a second")
	flags.StringVar(&d.from, "from", "", "directory with the metadata of a distribution, in binary/ and source/")
	return cmd
}

func (d *demo) check() error {
	switch {
	case d.packages < 50 || d.packages > 100_000:
		return fmt.Errorf("--packages %d: it must be from 50 to 100000", d.packages)
	case !(d.speed >= 1 && d.speed <= 100_000): // NaN is neither
		return fmt.Errorf("--speed %v: it must be from 1 to 100000", d.speed)
	}
	if d.from == "" {
		return nil
	}
	for _, sub := range []string{"binary", "source"} {
		file := filepath.Join(d.from, sub, "repodata", "repomd.xml")
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	return nil
}

// run ends with ctx, as if nothing had been there.
func (d *demo) run(ctx context.Context, c config, out io.Writer) (err error) {
	if c.Log.Level == defaultConfig().Log.Level {
		c.Log.Level = "warn" // the address is all there is to read
	}
	log := newLogger(c.Log)
	listener, err := listen(ctx, "--listen", d.address)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	started := listeners{site: listener}.starting("its distribution is made.")
	var world *kojisim.World
	var db *database
	g, starting := errgroup.WithContext(ctx)
	g.Go(func() (err error) { world, err = d.world(starting); return err })
	g.Go(func() (err error) { db, err = d.database(ctx, c, log); return err })
	err = g.Wait()
	started()
	if db != nil {
		defer func() { err = errors.Join(err, db.close(ctx)) }()
	}
	if err != nil {
		return asked(ctx, err)
	}
	return ended(ctx, d.live(ctx, c, log, db, world, listener, out))
}

// ended is nil for what only says that somebody pressed Ctrl-C.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (d *demo) world(ctx context.Context) (*kojisim.World, error) {
	o := distro.Options{Packages: d.packages, Seed: d.seed}
	if d.from == "" {
		return distro.Generate(ctx, o)
	}
	world, err := distro.Load(ctx, d.from, o)
	runtime.GC() // what reading left behind is large
	if err != nil {
		return nil, badInput(err)
	}
	return world, nil
}

// demoMarker is the file that says that a data directory is a demo's.
const demoMarker = "demo"

// demoPassword is the file with the password at its hub.
const demoPassword = "hub-password"

// database starts a private cluster with an empty record. It empties no record
// but a demo's.
func (d *demo) database(ctx context.Context, c config, log *slog.Logger) (*database, error) {
	c.Database.URL = ""
	_, err := os.Stat(filepath.Join(c.DataDir, "postgres"))
	used := err == nil
	_, err = os.Stat(filepath.Join(c.DataDir, demoMarker))
	if used && err != nil {
		return nil, badInput(fmt.Errorf("%s holds a record that is not a demo's; give the demo another --data-dir", c.DataDir))
	}
	db, err := startDatabase(ctx, c, log)
	if err != nil {
		if !errors.Is(err, cluster.ErrRunning) {
			err = errors.Join(err, markDemo(c.DataDir)) // what was begun is a demo's as well
		}
		return nil, err
	}
	if err = markDemo(c.DataDir); err == nil {
		err = os.RemoveAll(repoCache(c.DataDir)) // another hub's, with the same ids
	}
	if err == nil {
		err = db.Reset(ctx)
	}
	if err == nil {
		err = db.migrate(ctx, log)
	}
	if err != nil {
		return nil, errors.Join(err, db.close(ctx))
	}
	return db, nil
}

// markDemo says of the record in a data directory, if there is one, that it is a
// demo's.
func markDemo(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
		return nil //nolint:nilerr // there is none
	}
	return writeOwn(dir, demoMarker, []byte("A demo empties the record in this directory each time it starts.\n"))
}

// live runs hub, services and pages until ctx ends.
func (d *demo) live(ctx context.Context, c config, log *slog.Logger, db *database, world *kojisim.World, listener net.Listener, out io.Writer) error {
	c.Clock = clockConfig{Start: world.Now(), Epoch: time.Now(), Speed: d.speed}
	hub := kojihub.New(world, kojisim.NewClock(c.Clock.Start, c.Clock.Epoch, c.Clock.Speed), log)
	g, ctx := errgroup.WithContext(ctx)
	hubListener, err := listen(ctx, "hub", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if c.Frontend.Login.Method == "none" && checkLoopback(listener.Addr()) == nil {
		c.Frontend.Login.Method = "development"
	}
	if err := d.configure(&c, hubListener.Addr()); err != nil {
		return err
	}
	defer func() { _ = os.Remove(ownConfig(c.DataDir)) }()
	p, err := newProcess(c, log, db)
	if err != nil {
		return err
	}
	if err := addDemoCollection(ctx, db.store, c.Clock.Start); err != nil {
		return err
	}
	g.Go(func() error { return hub.Run(ctx) })
	g.Go(func() error { return serveHub(ctx, hub, hubListener) })
	g.Go(func() error { return trackAll(ctx, db.store, p.clock) })
	p.listenTo(ctx, hub)
	g.Go(func() error { return p.together(ctx, p.services(), listeners{site: listener}) })
	_, err = fmt.Fprintf(out, "Koschei runs at http://%s/ (data in %s). Ctrl-C ends it.\n", listener.Addr(), c.DataDir)
	return errors.Join(err, g.Wait())
}

// configure makes c the configuration of the demo and leaves it in the data
// directory, where koschei-admin finds it.
func (d *demo) configure(c *config, hub net.Addr) error {
	base := "http://" + hub.String()
	c.Koji.Server, c.Koji.TopURL = base+"/kojihub", base+"/kojifiles"
	c.Koji.WebURL = base + "/koji"
	c.Koji.BuildArches = []string{"x86_64", "aarch64"}
	c.Koji.Login, c.Koji.User = "password", distro.KoscheiUser
	c.Koji.PasswordFile = filepath.Join(c.DataDir, demoPassword)
	if err := writeOwn(c.DataDir, demoPassword, []byte(distro.KoscheiUser+"\n")); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := printConfig(&text, *c); err != nil {
		return err
	}
	return writeOwn(c.DataDir, filepath.Base(ownConfig(c.DataDir)), text.Bytes())
}

func serveHub(ctx context.Context, hub *kojihub.Hub, l net.Listener) error {
	server := &http.Server{Handler: hub, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the simulated hub: %w", err)
	}
	return nil
}

// operator is who sets a demo up.
func operator(now time.Time) audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: "demo", From: koschei.FromAdmin, Admin: true}, Now: now}
}

func addDemoCollection(ctx context.Context, db *store, now time.Time) error {
	_, err := db.Edit.CreateCollection(ctx, operator(now), &koschei.Collection{
		Name: distro.TargetName, DisplayName: "Demo 44", Order: koschei.DefaultOrder,
		Target: distro.TargetName, DestTag: distro.DestTagName, BuildTag: distro.BuildTagName,
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1, PollUntracked: true,
	})
	return err
}

// trackAll tracks the packages there are, as soon as polling has found them.
func trackAll(ctx context.Context, db *store, clock koschei.Clock) error {
	for {
		changes, err := db.Edit.TrackPackages(ctx, operator(clock.Now()), distro.TargetName, nil, true)
		if err != nil || len(changes) > 0 {
			return ended(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}
