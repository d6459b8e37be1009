package postgres_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

const (
	// holderOf makes TestLeaseHolder a process that holds a lease in the
	// database that the variable tells how to connect to.
	holderOf  = "KOSCHEI_TEST_LEASE_HOLDER"
	holderTTL = 500 * time.Millisecond
)

// TestLeaseHolder is the process of TestTakeover: it writes under its lease,
// over and over, until it is refused.
func TestLeaseHolder(t *testing.T) {
	where := os.Getenv(holderOf)
	if where == "" {
		t.Skip("a part of TestTakeover")
	}
	cfg, err := postgres.ParseURL(where)
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.Open(t, cfg).PG.Leasing(holderTTL)
	lease, err := db.Acquire(t.Context(), "scheduler", "process")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if err := db.RenewLease(t.Context(), lease); err != nil {
			break
		}
		err := db.Under(lease).Transact(t.Context(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO users (name) VALUES ($1)`, fmt.Sprintf("write %d", i)); err != nil {
				return err
			}
			fmt.Println("inside")
			_, err := tx.Exec(t.Context(), `SELECT pg_sleep(0.02)`)
			return err
		})
		if err != nil {
			break
		}
	}
	// Whatever ended it, from now on it is refused.
	if err := insertUser(t, db.Under(lease), "late"); !errors.Is(err, koschei.ErrLeased) {
		t.Errorf("a write after the takeover: %v, want ErrLeased", err)
	}
	fmt.Println("refused")
}

// A holder that is killed, or frozen in the middle of a transaction and thawed
// when another has taken over, leaves nothing behind that it wrote after that.
func TestTakeover(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		signal syscall.Signal
	}{
		{"killed", syscall.SIGKILL},
		{"frozen", syscall.SIGSTOP},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := pgtest.Database(t)
			db, pool := pgtest.Open(t, cfg).PG, pgtest.Connect(t, cfg)
			holder, said := startHolder(t, cfg.ConnConfig.Database)
			for range 5 {
				waitFor(t, said, "inside")
			}
			if err := holder.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			lease := acquireSoon(t, db, "scheduler", "successor")
			t.Logf("taken over %v after the holder was %s, with a lease of %v", time.Since(began), test.name, holderTTL)
			var before, after int
			if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM users`).Scan(&before); err != nil {
				t.Fatal(err)
			}
			if test.signal == syscall.SIGSTOP {
				if err := holder.Process.Signal(syscall.SIGCONT); err != nil {
					t.Fatal(err)
				}
				waitFor(t, said, "refused")
			}
			_ = holder.Wait() // killed, or done
			if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM users`).Scan(&after); err != nil || after != before {
				t.Errorf("%d writes when taken over, %d in the end (%v)", before, after, err)
			}
			if err := insertUser(t, db.Under(lease), "successor"); err != nil {
				t.Errorf("the successor: %v", err)
			}
		})
	}
}

func startHolder(t *testing.T, database string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLeaseHolder$")
	cmd.Env = append(os.Environ(), holderOf+"=host="+pgtest.SocketDir(t)+" user=koschei dbname="+database)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func waitFor(t *testing.T, said *bufio.Scanner, line string) {
	t.Helper()
	for said.Scan() {
		if strings.TrimSpace(said.Text()) == line {
			return
		}
		if strings.Contains(said.Text(), "FAIL") {
			break
		}
	}
	t.Fatalf("the holder never said %q", line)
}
