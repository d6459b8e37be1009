package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// An ownersList is what the service owners asks: a server that is not always well.
type ownersList struct {
	url string

	mu    sync.Mutex
	luck  *rand.Rand
	well  bool
	names []string // of packages
	alice int      // so many of them are hers, the others bob's
}

func newOwnersList(t *testing.T, luck *rand.Rand, names []string) *ownersList {
	t.Helper()
	l := &ownersList{luck: luck, names: slices.Sorted(slices.Values(names))}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL + "/owners.json"
	return l
}

// change has somebody own more or fewer packages.
func (l *ownersList) change() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alice = 1 + l.luck.IntN(len(l.names)-1)
}

// recover ends the server's trouble. It returns how many packages are alice's.
func (l *ownersList) recover() (alice int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.well = true
	return l.alice
}

func (l *ownersList) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	l.mu.Lock()
	alice, fate := l.alice, l.luck.IntN(10)
	if l.well {
		fate = 10
	}
	l.mu.Unlock()
	owners := map[string][]string{}
	for i, name := range l.names {
		owners[name] = []string{"bob"}
		if i < alice {
			owners[name] = []string{"alice"}
		}
	}
	tag := fmt.Sprintf(`"%d"`, alice)
	switch {
	case fate == 0:
		http.Error(rw, "maintenance", http.StatusServiceUnavailable)
		return
	case fate == 1: // the list is empty, as after a fault of whoever makes it
		tag = `"empty"`
		owners = map[string][]string{}
	case fate == 2:
		panic(http.ErrAbortHandler)
	case req.Header.Get("If-None-Match") == tag:
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	rw.Header().Set("ETag", tag)
	_ = json.NewEncoder(rw).Encode(map[string]any{"rpms": owners}) // the client may be gone
}
