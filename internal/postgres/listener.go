package postgres

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/koschei-ci/koschei"
)

// A Listener rings the alarms of a process when there is work for its services
// (see Wake), over a connection of its own. It saves waiting and nothing else:
// a notification may be lost, doubled or late, a database may be reached
// through what cannot pass notifications on, and everything is still done when
// the loops' intervals are over.
type Listener struct {
	db      *DB
	alarms  map[koschei.Service][]*Alarm
	check   time.Duration // how long a connection may be silent before it is asked whether it is one
	hearing atomic.Bool   // what is notified arrives here
}

// NewListener has an alarm for each of the services.
func (db *DB) NewListener(services ...koschei.Service) *Listener {
	l := &Listener{db: db, alarms: map[koschei.Service][]*Alarm{}, check: listenCheck}
	for _, s := range services {
		l.Another(s)
	}
	return l
}

// Alarm returns the alarm of one of the services that NewListener was given,
// nil for any other.
func (l *Listener) Alarm(service koschei.Service) *Alarm {
	if alarms := l.alarms[service]; len(alarms) > 0 {
		return alarms[0]
	}
	return nil
}

// Another returns a new alarm of a service, for one more who wants to be woken for
// it. It must be called before Run.
func (l *Listener) Another(service koschei.Service) *Alarm {
	a := &Alarm{bell: make(chan struct{}, 1), collections: map[int64]bool{}, hearing: &l.hearing}
	l.alarms[service] = append(l.alarms[service], a)
	return a
}

// ring rings the alarms of a service.
func (l *Listener) ring(service koschei.Service, payload string) {
	for _, alarm := range l.alarms[service] {
		alarm.ring(payload)
	}
}

// echoChannel is where a listener tells itself something, to find out whether it
// hears: there are poolers through which nobody does.
const echoChannel = "koschei echo"

const (
	listenCheck  = time.Minute
	listenAnswer = 10 * time.Second // that it has to say so

	firstReconnect = 100 * time.Millisecond
	lastReconnect  = 30 * time.Second
)

// Run listens until ctx ends. When the connection is lost it tells lost why and
// connects again, later after each failure in a row; every alarm rings then,
// for what went unheard meanwhile.
func (l *Listener) Run(ctx context.Context, lost func(error)) {
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		err := l.listen(ctx, failures > 0)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastReconnect {
			failures = 0
		}
		lost(err)
		wait := min(firstReconnect<<min(failures, 20), lastReconnect)
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

// listen rings alarms for as long as one connection lasts.
func (l *Listener) listen(ctx context.Context, again bool) (err error) {
	conn, err := pgx.ConnectConfig(ctx, l.db.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connecting to listen: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // it is lost, or has nothing more to say
	}()
	if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{echoChannel}.Sanitize()); err != nil {
		return fmt.Errorf("listening for an echo: %w", err)
	}
	echo := crand.Text()
	if _, err := conn.Exec(ctx, `SELECT pg_notify($1, $2)`, echoChannel, echo); err != nil {
		return fmt.Errorf("listening for an echo: %w", err)
	}
	for _, service := range slices.Sorted(maps.Keys(l.alarms)) {
		if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{WakeChannel + string(service)}.Sanitize()); err != nil {
			return fmt.Errorf("listening for %s: %w", service, err)
		}
	}
	if again {
		for service := range l.alarms {
			l.ring(service, "")
		}
	}
	defer l.hearing.Store(false)
	for {
		n, err := l.await(ctx, conn)
		if err != nil {
			return fmt.Errorf("listening: %w", err)
		}
		if n != nil && n.Channel == echoChannel {
			if n.Payload == echo {
				l.hearing.Store(true)
			}
		} else if n != nil {
			l.ring(koschei.Service(strings.TrimPrefix(n.Channel, WakeChannel)), n.Payload)
		}
	}
}

// await returns the next notification, or nil when there was none for a while
// and the connection is well.
func (l *Listener) await(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	waiting, cancel := context.WithTimeout(ctx, l.check)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	if err == nil || ctx.Err() != nil || !errors.Is(waiting.Err(), context.DeadlineExceeded) || conn.IsClosed() {
		return n, err
	}
	answering, cancel := context.WithTimeout(ctx, listenAnswer)
	defer cancel()
	return nil, conn.Ping(answering)
}

// An Alarm wakes one service of a process. What rings it again before the
// service wakes adds nothing.
type Alarm struct {
	bell    chan struct{}
	hearing *atomic.Bool // of its listener

	mu          sync.Mutex
	collections map[int64]bool // that it rang for
	all         bool           // it rang for no collection in particular
}

// rememberedCollections bounds what an alarm remembers; with more of them it
// has rung for all.
const rememberedCollections = 1000

// Bell is what a loop waits for.
func (a *Alarm) Bell() <-chan struct{} { return a.bell }

// Hearing says whether what is notified now will ring the alarm. While it does
// not, and for what was notified before it did, only looking tells what changed.
func (a *Alarm) Hearing() bool { return a.hearing.Load() }

// Rung returns the collections that the alarm rang for since it was asked last,
// by id, or all if it rang for everything; neither if it did not ring. Who asks
// at the begin of its work misses nothing: the bell is silent until it rings
// again.
func (a *Alarm) Rung() (collections []int64, all bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.bell:
	default:
	}
	collections, all = slices.Sorted(maps.Keys(a.collections)), a.all
	clear(a.collections)
	a.all = false
	if all {
		return nil, true
	}
	return collections, false
}

func (a *Alarm) ring(payload string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, err := strconv.ParseInt(payload, 10, 64)
	if err != nil || len(a.collections) == rememberedCollections {
		a.all = true
	} else {
		a.collections[id] = true
	}
	select {
	case a.bell <- struct{}{}:
	default:
	}
}
