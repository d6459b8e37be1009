package postgres_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// An ear is a listener at work, with what it hears for the scheduler.
type ear struct {
	t     *testing.T
	db    *postgres.DB
	alarm *postgres.Alarm
	lost  chan error
}

// listen runs a listener until t ends, and returns when it hears something.
func listen(t *testing.T, cfg *pgxpool.Config, silence time.Duration) *ear {
	t.Helper()
	db := pgtest.Open(t, cfg).PG
	l := db.NewListener(koschei.ServiceScheduler, koschei.ServicePolling)
	l.CheckEvery(silence)
	e := &ear{t: t, db: db, alarm: l.Alarm(koschei.ServiceScheduler), lost: make(chan error, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx, func(err error) { e.lost <- err }) }()
	t.Cleanup(func() { cancel(); <-done })
	e.hear(9999)
	return e
}

func (e *ear) wake(service koschei.Service, collection int64) {
	e.t.Helper()
	err := e.db.Transact(e.t.Context(), func(tx pgx.Tx) error { return postgres.Wake(e.t.Context(), tx, collection, service) })
	if err != nil {
		e.t.Fatal(err)
	}
}

// hear wakes for a collection until that is heard: only who listens hears.
func (e *ear) hear(collection int64) {
	e.t.Helper()
	for {
		e.wake(koschei.ServiceScheduler, collection)
		select {
		case <-e.alarm.Bell():
			if ids, all := e.alarm.Rung(); all || slices.Contains(ids, collection) {
				return
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// rung returns what was heard up to a mark that is made now.
func (e *ear) rung() []int64 {
	e.t.Helper()
	const mark = 123456
	e.wake(koschei.ServiceScheduler, mark)
	var heard []int64
	for {
		select {
		case <-e.alarm.Bell():
		case <-e.t.Context().Done():
			e.t.Fatalf("heard %v and no end", heard)
		case <-time.After(time.Minute):
			e.t.Fatalf("heard %v and no end in a minute", heard)
		}
		ids, all := e.alarm.Rung()
		if all {
			e.t.Fatal("rang for everything")
		}
		for _, id := range ids {
			if id == mark {
				return heard
			}
			if id != 9999 { // listen's, more than once perhaps
				heard = append(heard, id)
			}
		}
	}
}

func TestListener(t *testing.T) {
	t.Parallel()
	e := listen(t, pgtest.Database(t), time.Minute)
	for _, n := range []struct {
		service    koschei.Service
		collection int64
	}{
		{koschei.ServiceScheduler, 7}, {koschei.ServiceScheduler, 7}, {koschei.ServicePolling, 8}, {koschei.ServiceBuildResolver, 9}, {koschei.ServiceScheduler, 3},
	} {
		e.wake(n.service, n.collection)
	}
	if got := slices.Compact(slices.Sorted(slices.Values(e.rung()))); !slices.Equal(got, []int64{3, 7}) {
		t.Errorf("the scheduler was woken for %v, want 3 and 7", got)
	}
	if ids, all := e.alarm.Rung(); len(ids) > 0 || all {
		t.Errorf("rung for %v (all: %v) after that was heard", ids, all)
	}
}

// TestListenerAsks lets a connection be silent for long, again and again.
func TestListenerAsks(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	e := listen(t, cfg, 5*time.Millisecond)
	sql := pgtest.NewConsole(t, cfg)
	asked := func() bool {
		return sql.Number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '-- ping'`) > 0
	}
	for !asked() {
		if t.Context().Err() != nil {
			t.Fatal("never asked")
		}
	}
	e.hear(1)
	select {
	case err := <-e.lost:
		t.Errorf("the connection was lost: %v", err)
	default:
	}
}

// TestListenerRecovers kills the connection, and keeps new ones from being
// made for a while.
func TestListenerRecovers(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	e := listen(t, cfg, time.Minute)
	outside := cfg.Copy()
	outside.ConnConfig.Database = "postgres"
	sql := pgtest.NewConsole(t, outside)
	name := cfg.ConnConfig.Database

	sql.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS false`)
	sql.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'LISTEN %'`, name)
	for range 3 { // what was killed, and two that were refused
		t.Log(<-e.lost)
	}
	sql.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS true`)
	<-e.alarm.Bell() // nobody has woken the scheduler
	if _, all := e.alarm.Rung(); !all {
		t.Error("the alarm did not ring for everything that may have been missed")
	}
	e.hear(2)
}

func TestAlarm(t *testing.T) {
	t.Parallel()
	alarm := new(postgres.DB).NewListener("x").Alarm("x")
	tests := []struct {
		name     string
		payloads []string
		want     []int64
		all      bool
	}{
		{"nothing", nil, nil, false},
		{"some, twice", []string{"4", "2", "4"}, []int64{2, 4}, false},
		{"any", []string{"4", ""}, nil, true},
		{"what another version says", []string{"4", "everything!"}, nil, true},
	}
	for _, test := range tests {
		for _, p := range test.payloads {
			alarm.Ring(p)
		}
		if got, all := alarm.Rung(); !slices.Equal(got, test.want) || all != test.all {
			t.Errorf("%s: rung for %v (all: %v), want %v (all: %v)", test.name, got, all, test.want, test.all)
		}
		select {
		case <-alarm.Bell():
			t.Errorf("%s: the bell rings although what for was heard", test.name)
		default:
		}
	}
	for i := range 5000 {
		alarm.Ring(strconv.Itoa(i))
	}
	if ids, all := alarm.Rung(); !all || len(ids) > 0 {
		t.Errorf("after thousands of collections: %d of them (all: %v), want all", len(ids), all)
	}
}
