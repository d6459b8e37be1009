package scheduler

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji"
)

// While a pass waits for a slow hub, for longer than a lease lasts, another
// scheduler does not take the lease from it: else neither of them would ever get
// anything done.
func TestLongPass(t *testing.T) {
	t.Parallel()
	const leased = 300 * time.Millisecond
	f := newFixture(t)
	f.DB = f.DB.Leasing(leased)
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	defer server.Close()
	hub, err := koji.New(koji.Config{Server: server.URL + "/kojihub", Login: koji.Login{User: "koschei", Password: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	other := *f.Service
	other.Hub, other.Holder = hub, "another"
	var asked atomic.Bool
	f.refuse = func(string) bool {
		if asked.Swap(true) {
			return false
		}
		for began := time.Now(); time.Since(began) < 3*leased; <-time.After(leased / 10) {
			if err := other.pass(t.Context()); err != nil {
				t.Errorf("the other: %v", err)
			}
		}
		return false
	}
	f.pass(t)
	if got := f.builds(t); len(got) != 2 {
		t.Errorf("builds %v, want two", got)
	}
	if got := f.Leases(); len(got) != 1 || got[0].Holder != f.Holder {
		t.Errorf("the leases are %v, want one of ours", got)
	}
}
