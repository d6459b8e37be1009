// Command kojisim is a Koji hub that simulates a whole build system: see
// package kojisim. It is for the development and tests of programs that talk to a
// hub; nothing is really built. One address serves the hub, its files and a status
// page. A second one, if asked for, says why builds fail, which the hub itself
// never says. Standard output has the addresses, and then what the configuration of
// koschei must say of the time here.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// Exit codes, as those of koschei.
const (
	exitDone  = 0
	exitNo    = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the command line.
type options struct {
	listen, truth string
	tls           string
	from, world   string
	packages      int
	seed          int64
	speed         float64
	bus           busOptions
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("kojisim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8081", "address of the hub (/kojihub), its files (/kojifiles) and the status page (/)")
	f.StringVar(&o.tls, "tls", "", "PEM file with certificate and key, for a hub that speaks TLS")
	f.StringVar(&o.truth, "truth", "", "address at which to tell why builds failed; nowhere if empty")
	f.StringVar(&o.from, "from", "", "directory with rpm-md repositories binary/ and source/ to make the world of")
	f.StringVar(&o.world, "world", "", "txtar file that describes the world")
	f.IntVar(&o.packages, "packages", 300, "source packages of a made-up distribution")
	f.Int64Var(&o.seed, "seed", 1, "same seed, same world")
	f.Float64Var(&o.speed, "speed", 1, "virtual seconds in a real one")
	o.bus.register(f)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.from != "" && o.world != "":
		return o, errors.New("-from and -world exclude each other")
	case o.packages < 100 || o.packages > 100_000:
		return o, errors.New("a distribution has from 100 to 100000 packages")
	case !(o.speed > 0 && o.speed <= 1_000_000): // NaN is neither
		return o, errors.New("the speed must be above 0 and at most 1000000")
	}
	return o, o.bus.check()
}

// run serves until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, io.Discard)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = parse(args, stdout)
		return exitDone
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "kojisim:", err)
		return exitUsage
	}
	world, err := o.load(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "kojisim:", err)
		return exitUsage
	}
	if err := o.serve(ctx, world, stdout, stderr); err != nil {
		_, _ = fmt.Fprintln(stderr, "kojisim:", err)
		return exitNo
	}
	return exitDone
}

// secure speaks TLS with the certificate and key in a file.
func secure(l net.Listener, file string) (net.Listener, error) {
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("-tls: %w", err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}

// load makes the world that the options ask for.
func (o options) load(ctx context.Context) (*kojisim.World, error) {
	made := distro.Options{Packages: o.packages, Seed: o.seed}
	switch {
	case o.from != "":
		return distro.Load(ctx, o.from, made)
	case o.world != "":
		data, err := os.ReadFile(o.world)
		if err != nil {
			return nil, err
		}
		return worldtext.Parse(data, o.seed)
	}
	return distro.Generate(ctx, made)
}

// serve runs the hub and the servers in front of it until ctx ends.
func (o options) serve(ctx context.Context, world *kojisim.World, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start, epoch := world.Now(), time.Now()
	clock := kojisim.NewClock(start, epoch, o.speed)
	log := slog.New(slog.NewTextHandler(stderr, nil))
	hub := kojihub.New(world, clock, log)
	mux := http.NewServeMux()
	for _, path := range []string{"/kojihub", "/kojihub/", "/kojifiles/", "/koji", "/koji/"} {
		mux.Handle(path, hub)
	}
	mux.Handle("/", statusPage(world, clock))
	parts := []func() error{func() error { return hub.Run(ctx) }}
	if send := o.bus.publish(ctx, hub, log); send != nil {
		parts = append(parts, send)
	}
	addresses := ""
	for _, s := range []struct {
		address, path string
		handler       http.Handler
	}{{o.listen, "/kojihub", mux}, {o.truth, "/", truthPage(world)}} {
		if s.address == "" {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
		if err != nil {
			return err
		}
		scheme := "http"
		if o.tls != "" {
			if l, err = secure(l, o.tls); err != nil {
				return err
			}
			scheme = "https"
		}
		addresses += fmt.Sprintf("%s://%s%s\n", scheme, l.Addr(), s.path)
		parts = append(parts, func() error { return serveUntil(ctx, l, s.handler) })
	}
	results := make(chan error)
	for _, part := range parts {
		go func() { results <- part() }()
	}
	_, _ = fmt.Fprintf(stdout, "%sclock: {start: %s, epoch: %s, speed: %v}\n",
		addresses, start.Format(time.RFC3339Nano), epoch.Format(time.RFC3339Nano), o.speed)
	var failure error
	for range parts {
		if err := <-results; err != nil {
			failure = errors.Join(failure, err)
			cancel()
		}
	}
	return failure
}

// serveUntil serves on l until ctx ends.
func serveUntil(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-stopped; errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return nil
}
