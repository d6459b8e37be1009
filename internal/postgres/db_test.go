package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// Two transactions that deadlock are both done in the end.
func TestTransactRepeatsDeadlocks(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, pool := pgtest.Open(t, cfg).PG, pgtest.Connect(t, cfg)
	if _, err := pool.Exec(t.Context(), `INSERT INTO cursor (name, event) VALUES ('a', 0), ('b', 0)`); err != nil {
		t.Fatal(err)
	}
	var met, wg sync.WaitGroup // both have their first lock before either takes its second
	met.Add(2)
	attempts := make(chan struct{}, 100)
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			var once sync.Once
			err := db.Transact(t.Context(), func(tx pgx.Tx) error {
				attempts <- struct{}{}
				for _, name := range order {
					if _, err := tx.Exec(t.Context(), `UPDATE cursor SET event = event + 1 WHERE name = $1`, name); err != nil {
						return err
					}
					once.Do(func() { met.Done(); met.Wait() })
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(attempts) != 3 {
		t.Errorf("%d attempts, want 3: the loser's twice", len(attempts))
	}
	var sum int
	if err := pool.QueryRow(t.Context(), `SELECT sum(event)::int FROM cursor`).Scan(&sum); err != nil || sum != 4 {
		t.Errorf("the events' sum is %d (%v), want 4", sum, err)
	}
}

// TestTransactRepeatsWhatWasCutOff loses its connection in the middle.
func TestTransactRepeatsWhatWasCutOff(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, sql := pgtest.Open(t, cfg).PG, pgtest.NewConsole(t, cfg)
	attempts := 0
	err := db.Transact(t.Context(), func(tx pgx.Tx) error {
		attempts++
		if _, err := tx.Exec(t.Context(), `INSERT INTO users (name) VALUES ('someone')`); err != nil {
			return err
		}
		if attempts == 1 {
			sql.Exec(`SELECT pg_terminate_backend($1, 10000)`, tx.Conn().PgConn().PID())
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO users (name) VALUES ('else')`)
		return err
	})
	if err != nil || attempts != 2 {
		t.Errorf("%d attempts: %v, want one more after the first was cut off", attempts, err)
	}
	if n := sql.Number(`SELECT count(*) FROM users`); n != 2 {
		t.Errorf("%d rows written, want 2", n)
	}
}

// TestTransactRepeatsWhatCouldNotBegin finds the connection of the pool dead.
func TestTransactRepeatsWhatCouldNotBegin(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	cfg.MaxConns = 1
	db, sql := pgtest.Open(t, cfg).PG, pgtest.NewConsole(t, cfg)
	var pid uint32
	remember := func(tx pgx.Tx) error { pid = tx.Conn().PgConn().PID(); return nil }
	if err := db.Transact(t.Context(), remember); err != nil {
		t.Fatal(err)
	}
	first := pid
	sql.Exec(`SELECT pg_terminate_backend($1, 10000)`, first)
	if err := db.Transact(t.Context(), remember); err != nil || pid == first {
		t.Errorf("after its connection was lost: %v, want another connection", err)
	}
}

func TestTransactDoesNotRepeatOtherErrors(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).PG
	attempts, mistake := 0, errors.New("a mistake")
	err := db.Transact(t.Context(), func(pgx.Tx) error { attempts++; return mistake })
	if !errors.Is(err, mistake) || attempts != 1 {
		t.Errorf("got %v after %d attempts, want %v after 1", err, attempts, mistake)
	}
}

// Who reads cannot write, in a transaction or outside.
func TestReaderCannotWrite(t *testing.T) {
	t.Parallel()
	reader, err := postgres.OpenReader(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	write := func(q postgres.Querier) error {
		var id int64
		return q.QueryRow(t.Context(), `INSERT INTO users (name) VALUES ('someone') RETURNING id`).Scan(&id)
	}
	for what, err := range map[string]error{
		"outside of transactions": write(reader),
		"in one":                  reader.Read(t.Context(), write),
	} {
		if pg := new(pgconn.PgError); !errors.As(err, &pg) || pg.Code != "25006" {
			t.Errorf("writing %s: %v, want that the server refuses", what, err)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	var now time.Time
	err := pgtest.New(t).PG.QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&now)
	if err != nil || now.Location() != time.UTC || now.IsZero() {
		t.Errorf("got %v (%v), want a time in UTC", now, err)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).PG
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	db.Close()
	if err := db.Ping(t.Context()); err == nil {
		t.Error("a closed record answers")
	}
}

func TestOpenNothing(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Empty(t)
	cfg.ConnConfig.Database = "no_such_database"
	if _, err := postgres.Open(t.Context(), cfg); err == nil {
		t.Error("a database that is not there was opened")
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	if _, err := postgres.ParseURL("postgres://host:not-a-port/db"); err == nil {
		t.Error("a bad URL was accepted")
	}
	cfg, err := postgres.ParseURL("postgres://somebody@example.com/record")
	if err != nil || cfg.ConnConfig.Database != "record" {
		t.Errorf("got %v, want database record", err)
	}
}
