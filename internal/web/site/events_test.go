package site_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// changing is a record of packages of which each can change its state once. One has
// done so.
func changing(t *testing.T, packages int) (w *pgtest.World, db *pgtest.DB, change func(i int)) {
	t.Helper()
	w = pgtest.NewWorld(t)
	w.Collection("f44", pgtest.LatestRepo(1, 10))
	for i := range packages {
		w.Package("f44", fmt.Sprintf("p%03d", i))
	}
	w.Package("f44", "before")
	w.NoteStates()
	db = w.Open()
	untrack := func(name string) {
		act := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: now}
		if _, err := db.UntrackPackages(t.Context(), act, "f44", []string{name}); err != nil {
			t.Fatal(err)
		}
	}
	untrack("before")
	return w, db, func(i int) { untrack(fmt.Sprintf("p%03d", i)) }
}

// served serves a site until end is called.
func served(t *testing.T, c site.Config) (address string, end func() time.Duration) {
	t.Helper()
	server, err := site.New(c, true)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, listener) }()
	var once sync.Once
	end = func() (took time.Duration) {
		once.Do(func() {
			began := time.Now()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			took = time.Since(began)
		})
		return took
	}
	t.Cleanup(func() { end() })
	return "http://" + listener.Addr().String(), end
}

// A listenerOf events is a browser that listens, and comes again as one does.
type listenerOf struct {
	t    *testing.T
	last string // Last-Event-ID
	got  []string
	kind []string
	want int
	most int // events of any kind that are enough; 0 for any number
}

// listen hears of changes until there are as many as are wanted, or the server
// ends. It returns false while more are wanted.
func (l *listenerOf) listen(ctx context.Context, address string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		l.t.Error(err)
		return true
	}
	if l.last != "" {
		r.Header.Set("Last-Event-ID", l.last)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store" {
		return false
	}
	kind, id := "", ""
	for lines := bufio.NewScanner(response.Body); len(l.got) < l.want && (l.most == 0 || len(l.kind) < l.most) && lines.Scan(); {
		switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			l.kind = append(l.kind, kind)
			var told struct{ Package string }
			if err := json.Unmarshal([]byte(value), &told); err != nil {
				l.t.Error(err)
			}
			if kind == "state" {
				l.got = append(l.got, told.Package)
			}
		case "":
			if id != "" {
				l.last, id = id, ""
			}
			kind = ""
		}
	}
	return len(l.got) >= l.want
}

// Who listens hears of every change once, in order, though the process that tells
// ends meanwhile and another one goes on; and who reads pages is answered all the time.
func TestEventsSurviveReplacement(t *testing.T) {
	t.Parallel()
	const changes, clients, readers = 12, 20, 50
	w, db, change := changing(t, changes)
	first, end := served(t, config(db.View))
	second, _ := served(t, config(db.View))
	addresses := []string{first + "/events?collection=f44", second + "/events?collection=f44"}
	for _, address := range addresses { // until it was looked once
		eventually(t, address+" answers", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			if err != nil {
				return false
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				return false
			}
			return response.Body.Close() == nil && response.StatusCode == http.StatusOK
		})
	}
	mark := startOf(t, w, db)
	heard := make([]*listenerOf, clients)
	var wait sync.WaitGroup
	for i := range heard {
		heard[i] = &listenerOf{t: t, want: changes}
		wait.Go(func() {
			for tries := 0; !heard[i].listen(t.Context(), addresses[min(tries, 1)]+"&after="+mark) && tries < 500; tries++ {
				<-time.After(20 * time.Millisecond)
			}
		})
	}
	read := readPages(t, []string{first, second}, readers)
	for i := range changes {
		if i == changes/2 {
			third, _ := served(t, config(db.View))
			read.balance(second, third)
			if took := end(); took > 2900*time.Millisecond { // else it would be broken off
				t.Errorf("it took %v to end while others listen", took)
			}
		}
		change(i)
	}
	wait.Wait()
	if answered, failed := read.end(); failed > 0 || answered < readers {
		t.Errorf("%d of %d requests failed", failed, answered+failed)
	}
	var want []string
	for i := range changes {
		want = append(want, fmt.Sprintf("p%03d", i))
	}
	for i, l := range heard {
		if !slices.Equal(l.got, want) || slices.Contains(l.kind, "reset") {
			t.Errorf("client %d heard %q, want %q", i, l.got, want)
		}
	}
}

// pageReaders read pages of replicas, as what balances loads gives them.
type pageReaders struct {
	t        *testing.T
	client   *http.Client // a connection for each request: spare ones would keep a server from ending
	routing  sync.RWMutex // held for reading by requests under way
	replicas []string
	stop     atomic.Bool
	wait     sync.WaitGroup
	answered atomic.Int64
	failed   atomic.Int64
}

func readPages(t *testing.T, replicas []string, clients int) *pageReaders {
	t.Helper()
	r := &pageReaders{t: t, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	r.balance(replicas...)
	pages := []string{"/packages?collection=f44", "/package/p001?collection=f44", "/overview?collection=f44", "/queue"}
	for n := range clients {
		r.wait.Go(func() {
			for i := n; !r.stop.Load(); i++ {
				r.routing.RLock()
				r.read(r.replicas[i%len(r.replicas)] + pages[i%len(pages)])
				r.routing.RUnlock()
			}
		})
	}
	return r
}

// balance has other replicas read from, once those that were are done with what was
// asked of them.
func (r *pageReaders) balance(replicas ...string) {
	r.routing.Lock()
	defer r.routing.Unlock()
	r.replicas = replicas
}

func (r *pageReaders) read(address string) {
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		r.t.Error(err)
		return
	}
	response, err := r.client.Do(request)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Logf("%s: %v", address, err)
		r.failed.Add(1)
		return
	}
	r.answered.Add(1)
}

// end returns how many requests were answered, and how many were not.
func (r *pageReaders) end() (answered, failed int64) {
	r.stop.Store(true)
	r.wait.Wait()
	r.t.Logf("%d requests were answered, %d failed", r.answered.Load(), r.failed.Load())
	return r.answered.Load(), r.failed.Load()
}

// startOf is the mark of what has happened so far.
func startOf(t *testing.T, w *pgtest.World, db *pgtest.DB) string {
	t.Helper()
	text := ""
	eventually(t, "all that happened is told", func() bool {
		changes, err := db.Timeline.Last(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) > 0 {
			m := changes[len(changes)-1].Mark
			text = fmt.Sprintf("%d-%d", m.Transaction, m.ID)
		}
		return len(changes) > 0 && len(changes) == len(w.StateChanges())
	})
	return text
}

// A page knows where to begin to listen, and who has been away for too long, or
// asks nonsense, is told.
func TestEventsForPages(t *testing.T) {
	t.Parallel()
	w, db, _ := changing(t, 3)
	mark := startOf(t, w, db)
	c := config(db.View)
	c.Limits = web.Limits{AtOnce: 2}
	address, _ := served(t, c)
	eventually(t, "pages know where to listen", func() bool {
		return strings.Contains(fetched(t, address+"/overview?collection=f44"), `data-events="/events?collection=f44&amp;after=`+mark+`"`)
	})
	for query, want := range map[string]int{"after=x": http.StatusBadRequest, "after=-1": http.StatusBadRequest, "collection=f99": http.StatusNotFound} {
		response, err := http.Get(address + "/events?" + query)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", query, response.StatusCode, want)
		}
	}
	lost := &listenerOf{t: t, last: "nonsense", want: 1, most: 2}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	lost.listen(ctx, address+"/events?collection=f44")
	if !slices.Contains(lost.kind, "reset") || !slices.Contains(lost.kind, "pulse") {
		t.Errorf("who comes with nonsense hears %q", lost.kind)
	}
}

func fetched(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var text strings.Builder
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		text.WriteString(lines.Text())
	}
	return text.String()
}
