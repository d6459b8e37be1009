package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long each part of the cluster may take to start.
const patience = 2 * time.Minute

type options struct {
	dir, images, address string
	network              netip.Prefix
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("cluster", flag.ContinueOnError)
	f.StringVar(&o.dir, "dir", "", "directory for all that the cluster keeps; kubeconfig is there")
	f.StringVar(&o.images, "images", "", "directory with the root of each image, named by the digits of its digest")
	f.StringVar(&o.address, "listen", "127.0.0.1:6443", "address of the API server")
	network := f.String("network", "198.18.0.0/16", "addresses of pods; the first is that of this machine")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.dir == "" || o.images == "" || f.NArg() > 0 {
		return o, errors.New("say -dir and -images, and nothing else")
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return o, err
	}
	if o.images, err = filepath.Abs(o.images); err != nil {
		return o, err
	}
	o.network, err = netip.ParsePrefix(*network)
	return o, err
}

// run starts one part after the other, says "ready", and waits for the end.
func run(ctx context.Context, o options) (err error) {
	n, err := newNetwork(ctx, o.network)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	// What pods need goes on until they have ended, and then ends with the process: it
	// has nothing to keep.
	parts := context.WithoutCancel(ctx)
	etcd, err := startEtcd(parts, filepath.Join(o.dir, "etcd"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	api, err := startAPI(parts, o, etcd.Server.Cfg.ClientURLs[0].String(), n.host)
	if err != nil {
		return fmt.Errorf("API server: %w", err)
	}
	k, err := newKubelet(api, n, o)
	if err != nil {
		return fmt.Errorf("kubelet: %w", err)
	}
	if err := startControllers(parts, api); err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- k.run(ctx) }()
	if err := api.awaitNamespaces(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	return <-ended
}
