package record_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/takeover"
)

// TestScaleTakeover takes over the scale history from an original Koschei, with
// a hub as busy as Fedora's; see "make takeover".
func TestScaleTakeover(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some 20 s")
	}
	h := newScaleHistory()
	original := newScaleOriginal(t, h)
	world := newScaleHub(h)
	hub := &countedHub{hub: kojihub.New(world.sim(), world.clock(), discard())}
	server := httptest.NewServer(hub)
	defer server.Close()
	client, err := koji.New(koji.Config{Server: server.URL + "/kojihub", TopURL: server.URL + "/kojifiles"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgtest.Database(t)
	r := &scaleRun{t: t, address: original, hubs: koji.Hubs{Primary: client}, db: pgtest.Open(t, cfg)}

	began, spent := time.Now(), ownSeconds(t)
	builds, transitions := r.run()
	took, calls := time.Since(began), hub.counts()
	per := float64(calls.requests) / float64(builds) * 1000
	t.Logf("%d builds and %d transitions of %d packages taken over in %.0f s (%.0f CPU s of this process, hub included)",
		builds, transitions, len(h.collections)*scaleSources, took.Seconds(), ownSeconds(t)-spent)
	t.Logf("%d requests to the hub, %.2f for 1,000 builds; with those packed into multicalls %d calls, %.1f for a build",
		calls.requests, per, calls.calls, float64(calls.calls)/float64(builds))
	// What a collection begins with is asked once, however few builds it has.
	if most := 2*builds/1000 + 25*len(h.collections); calls.requests > most {
		t.Errorf("%d requests for %d builds, more than %d", calls.requests, builds, most)
	}
	if calls.before > 0 {
		t.Errorf("the hub had to walk back over its events %d times", calls.before)
	}
	if want := h.kept(); builds != want || transitions != 2*len(h.collections)*scaleSources {
		t.Errorf("%d builds and %d transitions taken over, want %d and %d", builds, transitions, want, 2*len(h.collections)*scaleSources)
	}
	world.compare(t, pgtest.Connect(t, cfg))

	before := hub.counts().requests
	if builds, transitions := r.run(); builds+transitions > 0 {
		t.Errorf("the second time %d builds and %d transitions are taken over", builds, transitions)
	}
	if more := hub.counts().requests - before; more > 5*len(h.collections) {
		t.Errorf("the second time takes %d requests", more)
	}
}

// A scaleRun is what runs of import-upstream have in common.
type scaleRun struct {
	t       *testing.T
	address string
	hubs    koji.Hubs
	db      *pgtest.DB
}

func (r *scaleRun) run() (builds, transitions int) {
	r.t.Helper()
	ctx := r.t.Context()
	original, err := upstream.Open(ctx, r.address, "UTC")
	if err != nil {
		r.t.Fatal(err)
	}
	defer original.Close(ctx)
	decided, err := original.Decided(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	act := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: time.Now()}
	if _, err := r.db.TakeOver(ctx, act, decided); err != nil {
		r.t.Fatal(err)
	}
	take := &takeover.Takeover{Pasts: r.db.Pasts, View: r.db.View, Original: original, Hubs: r.hubs}
	for i := range decided.Collections {
		c, err := r.db.View.Collection(ctx, decided.Collections[i].Name)
		if err != nil {
			r.t.Fatal(err)
		}
		began := time.Now()
		report, err := take.Collection(ctx, c)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Logf("%s: %d builds in %.0f s, %d packages are in another state", c.Name, report.Builds, time.Since(began).Seconds(), len(report.Otherwise))
		if len(report.NotTaken)+len(report.Partly)+len(report.Notes) > 0 {
			r.t.Errorf("%s: left out %d, in part %d, %v", c.Name, len(report.NotTaken), len(report.Partly), report.Notes)
		}
		builds, transitions = builds+report.Builds, transitions+report.Transitions
	}
	return builds, transitions
}

// A countedHub counts what a hub is asked, as the hub sees it.
type countedHub struct {
	hub http.Handler
	mu  sync.Mutex
	n   hubCounts
}

type hubCounts struct {
	requests int // a multicall is one
	calls    int // those packed into one are counted each
	before   int // getLastEvent(before)
}

func (c *countedHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.n.requests++
	c.n.calls += max(1, bytes.Count(body, []byte("<name>methodName</name>")))
	if bytes.Contains(body, []byte("getLastEvent")) {
		c.n.before += bytes.Count(body, []byte("<name>before</name>"))
	}
	c.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.hub.ServeHTTP(w, r)
}

func (c *countedHub) counts() hubCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func ownSeconds(t *testing.T) float64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// kept is how many builds of the history the original has: it deletes those that
// came to nothing.
func (h *scaleHistory) kept() (n int) {
	for i := range h.builds {
		if h.builds[i].outcome.Counts() {
			n++
		}
	}
	return n
}

// compare wants each build in the record to be at its event.
func (s *scaleHub) compare(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT task_id, event FROM build`)
	if err != nil {
		t.Fatal(err)
	}
	var task, event int64
	wrong := 0
	_, err = pgx.ForEachRow(rows, []any{&task, &event}, func() error {
		if want := s.event(task); event != want {
			if wrong++; wrong < 10 {
				t.Errorf("the build of task %d is at event %d, want %d", task, event, want)
			}
		}
		return nil
	})
	if err != nil || wrong > 0 {
		t.Errorf("%d builds are at the wrong event, %v", wrong, err)
	}
}
