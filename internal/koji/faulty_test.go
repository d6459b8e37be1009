package koji

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

// A faultyProxy stands between client and hub and does to requests what
// networks, proxies and hubs in trouble do to them. A request that it delays is
// lost to the client but still reaches the hub, later: before another request,
// or when the proxy is flushed.
type faultyProxy struct {
	hub *testHub

	mu    sync.Mutex
	dice  *rand.Rand
	late  []*http.Request
	count map[string]int
}

func (p *faultyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	trouble, deliver := p.roll()
	if deliver {
		p.flush()
	}
	switch trouble {
	case "cut before":
		panic(http.ErrAbortHandler)
	case "cut after":
		p.hub.ServeHTTP(discard{}, r)
		panic(http.ErrAbortHandler)
	case "truncated":
		answer := httptest.NewRecorder()
		p.hub.ServeHTTP(answer, r)
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		panic(http.ErrAbortHandler)
	case "503":
		unavailable(w, r, p.hub)
	case "502 after":
		p.hub.ServeHTTP(discard{}, r)
		w.WriteHeader(http.StatusBadGateway)
	case "offline":
		offline(w, r, p.hub)
	case "delayed":
		p.mu.Lock()
		p.late = append(p.late, r)
		p.mu.Unlock()
		panic(http.ErrAbortHandler)
	case "expired":
		expired(w, r, p.hub)
	case "dropped":
		dropped(w, r, p.hub)
	default:
		p.hub.ServeHTTP(w, r)
	}
}

// roll decides what happens to a request, and whether late ones come first.
func (p *faultyProxy) roll() (trouble string, deliver bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	troubles := []struct {
		name    string
		permill int
	}{
		{"cut before", 40},
		{"cut after", 40},
		{"truncated", 30},
		{"503", 40},
		{"502 after", 20},
		{"offline", 40},
		{"delayed", 30},
		{"expired", 10},
		{"dropped", 10},
	}
	n := p.dice.IntN(1000)
	for _, t := range troubles {
		if n -= t.permill; n < 0 {
			trouble = t.name
			break
		}
	}
	p.count[trouble]++
	return trouble, p.dice.IntN(3) == 0
}

// flush lets the hub have all late requests.
func (p *faultyProxy) flush() {
	p.mu.Lock()
	late := p.late
	p.late = nil
	p.mu.Unlock()
	for _, r := range late {
		p.hub.ServeHTTP(discard{}, r)
	}
}

// Four thousand calls through the proxy: each key is built exactly once, as long
// as callers look tasks up before they submit again, and no read is answered
// with something else.
func TestFaultyProxy(t *testing.T) {
	t.Parallel()
	const calls, workers = 4000, 8
	hub := newTestHub()
	proxy := &faultyProxy{hub: hub, dice: rand.New(rand.NewPCG(1, 2)), count: map[string]int{}}
	c := serve(t, proxy, Config{
		Retry: Retry{Attempts: 3, Min: 1, Max: time.Microsecond},
	})
	told := make([]map[string]int64, workers)
	var group sync.WaitGroup
	for w := range workers {
		told[w] = map[string]int64{}
		group.Go(func() {
			for i := range calls / workers {
				if i%4 == 0 {
					key := fmt.Sprintf("%d-%d", w, i)
					told[w][key] = submit(t, c, proxy, key)
				} else {
					readBack(t, c, told[w])
				}
			}
		})
	}
	group.Wait()
	proxy.flush()

	builds := hub.keys()
	submitted := 0
	for _, keys := range told {
		for key, id := range keys {
			submitted++
			if got := builds[key]; len(got) != 1 || got[0] != id {
				t.Errorf("build %s: told task %d, the hub has %v", key, id, got)
			}
		}
	}
	if len(builds) != submitted {
		t.Errorf("the hub has builds of %d keys, %d were submitted", len(builds), submitted)
	}
	t.Logf("%d calls, %d submissions, %d repetitions recognized by the hub, %d logins, %d renewals; requests by trouble: %v",
		calls, submitted, hub.refused, hub.logins, hub.renewals, proxy.count)
}

// submit does what every caller of Build must do.
func submit(t *testing.T, c *Client, proxy *faultyProxy, key string) int64 {
	began := time.Now()
	for {
		id, err := c.Build(t.Context(), scratch(key))
		switch {
		case err == nil:
			return id
		case errors.Is(err, ErrOutcomeUnknown):
			proxy.flush() // the longest time that a call may take passes
			if tasks := find(t, c, key, began); len(tasks) > 0 {
				return tasks[0].ID
			}
		case ClassOf(err) != Transient && ClassOf(err) != Auth:
			t.Errorf("build %s: %v (%s)", key, err, ClassOf(err))
			return 0
		}
	}
}

func find(t *testing.T, c *Client, key string, since time.Time) []Task {
	for {
		tasks, err := c.TasksByKey(t.Context(), key, since)
		if err == nil {
			return tasks
		}
		if ClassOf(err) != Transient && ClassOf(err) != Auth {
			t.Errorf("looking for %s: %v", key, err)
			return nil
		}
	}
}

func readBack(t *testing.T, c *Client, told map[string]int64) {
	for key, id := range told {
		task, err := c.Task(t.Context(), id)
		if err != nil {
			if ClassOf(err) != Transient || errors.Is(err, koschei.ErrNotFound) {
				t.Errorf("task %d: %v (%s)", id, err, ClassOf(err))
			}
		} else if task.ID != id || task.Key() != key {
			t.Errorf("task %d of %s: got task %d of %s", id, key, task.ID, task.Key())
		}
		return
	}
}
