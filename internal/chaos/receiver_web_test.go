package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/koschei-ci/koschei"
)

// hookSecret is that of all web hooks here.
const hookSecret = "whsec_bm90aGluZyB0aGF0IGlzIHJlYWxseSBzZWNyZXQ="

// userHookReceiver is where the web hooks of those are who own the packages.
func (s *stage) userHookReceiver(luck *rand.Rand, names []string) *receiver {
	r := &receiver{name: koschei.SinkHook, seen: newWitness(), bad: &badness{luck: luck}, joined: true}
	server := httptest.NewServer(http.HandlerFunc(r.calledByUser))
	s.t.Cleanup(server.Close)
	r.line = newRoad(s.t.T, server.Listener.Addr().String())
	r.config = "  hooks: {call: true, allow: [127.0.0.0/8]}\n"
	for some := range slices.Chunk(names, packagesOfUser) {
		user := ownerOf(some)
		s.record.Hook(user, "http://"+r.line.address()+"/"+user, hookSecret)
		s.record.FollowsBy(koschei.SinkHook, user, koschei.ScopeOwner, user)
	}
	return r
}

// calledByUser reads what a user is told.
func (r *receiver) calledByUser(out http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed
	}
	var h struct {
		Data struct {
			Changes []struct{ Package, Old, New string }
		}
	}
	if err := json.Unmarshal(body, &h); err != nil || len(h.Data.Changes) == 0 {
		r.seen.fail("a call: %v: %s", err, body)
		return
	}
	r.answer(out, req, func() {
		changes := map[string]step{}
		for _, c := range h.Data.Changes {
			changes[c.Package] = step{c.Old, c.New}
		}
		r.seen.saw(req.Header.Get("Webhook-Id"), changes)
	})
}

// outcomes are the results of states that are posted.
func outcomes() map[string]string {
	return map[string]string{"ok": "PASSED", "failing": "FAILED", "unresolved": "NEEDS_INSPECTION", "ignored": "INFO"}
}

// resultsReceiver is a ResultsDB. Of each package it is told every state, in their
// order.
func (s *stage) resultsReceiver(luck *rand.Rand) *receiver {
	r := &receiver{name: "resultsdb", seen: newWitness(), bad: &badness{luck: luck}}
	var mu sync.Mutex
	posted := map[string][]string{} // outcomes by package, as they came first
	known := map[string]bool{}      // ids
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		var result struct {
			Outcome string
			Data    struct {
				Item    string
				Message string `json:"koschei_message"`
			}
		}
		if err := json.NewDecoder(req.Body).Decode(&result); err != nil {
			return // the sender was killed
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(result.Data.Item, "package-"), "-")
		r.resultAsked(out, func() {
			mu.Lock()
			defer mu.Unlock()
			if known[result.Data.Message] {
				return
			}
			known[result.Data.Message] = true
			posted["package-"+name] = append(posted["package-"+name], result.Outcome)
		})
	}))
	s.t.Cleanup(server.Close)
	r.line = newRoad(s.t.T, server.Listener.Addr().String())
	r.config = fmt.Sprintf("  resultsdb: {url: 'http://%s', test_case: koschei.build, outcomes: {ok: PASSED, failing: FAILED, unresolved: NEEDS_INSPECTION, ignored: INFO}}\n",
		r.line.address())
	r.judge = func(names []string) (wrong []string) {
		mu.Lock()
		defer mu.Unlock()
		var want []string
		for _, step := range steps() {
			want = append(want, outcomes()[step.after])
		}
		for _, name := range names {
			if !slices.Equal(posted[name], want) {
				wrong = append(wrong, fmt.Sprintf("the results of %s are %v, want %v", name, posted[name], want))
			}
		}
		s.t.Logf("resultsdb: results of %d packages", len(posted))
		return wrong
	}
	return r
}

// resultAsked has a ResultsDB answer as on bad days. It never says that a result makes
// no sense to it: then it would be right to stop.
func (r *receiver) resultAsked(out http.ResponseWriter, store func()) {
	switch r.bad.draw(5) {
	case 0:
		out.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(out, "<html><h1>Please wait</h1></html>") // the sender may be gone
	case 1:
		http.Error(out, "who are you?", http.StatusUnauthorized)
	case 2:
		out.Header().Set("Retry-After", "1")
		out.WriteHeader(http.StatusServiceUnavailable)
	case 3:
		store()
		panic(http.ErrAbortHandler)
	case 4:
		store()
		out.WriteHeader(http.StatusInternalServerError)
	default:
		store()
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(out, `{"id": 1}`) // the sender may be gone
	}
}
