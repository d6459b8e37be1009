package pgtest

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// An Outage makes a database go away, and come back, for those who connect with
// the configuration that Breakable returns.
type Outage struct {
	mu   sync.Mutex
	on   bool
	open []net.Conn
}

// Breakable returns cfg, and what breaks the connections that are made with it.
func Breakable(cfg *pgxpool.Config) (*pgxpool.Config, *Outage) {
	o := &Outage{}
	cfg = cfg.Copy()
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.on {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		conn, err := dial(ctx, network, address)
		if err == nil {
			o.open = append(o.open, conn)
		}
		return conn, err
	}
	return cfg, o
}

// Begin ends all connections; no new ones are made.
func (o *Outage) Begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.on = true
	for _, conn := range o.open {
		_ = conn.Close() // whoever uses it finds out
	}
	o.open = nil
}

// End lets connections be made again.
func (o *Outage) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.on = false
}

// Locked runs f while somebody holds a table so that it cannot even be read.
func Locked(t testing.TB, cfg *pgxpool.Config, table string, f func()) {
	t.Helper()
	tx, err := Connect(t, cfg).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE `+pgx.Identifier{table}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	f()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}
