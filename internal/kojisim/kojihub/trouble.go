package kojihub

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// Faults is how the hub misbehaves. The zero value is a hub without fault.
// What has a probability is drawn for each request from the seed.
type Faults struct {
	Offline string // ServerOffline with this text
	LockOut bool   // disabled for maintenance: only login works, and administrators
	HTML503 bool   // the web server answers instead of the hub

	Busy      float64 // answers 503 with Apache's page
	CutBefore float64 // drops the connection without looking at the request
	CutAfter  float64 // drops the connection after the change was committed
	Lose      string  // a method after which the connection is always dropped
	Truncate  float64 // sends half of the answer
	Slow      float64 // waits SlowFor of real time before it answers
	SlowFor   time.Duration
	Expire    float64 // ends all sessions first
}

// A trouble is what spoils requests.
type trouble struct {
	seed int64

	mu     sync.Mutex // protects what follows; nothing else is locked while it is held
	faults Faults
	calls  int            // requests drawn for
	seen   map[string]int // requests that met a fault, by kind
}

func newTrouble(seed int64) *trouble { return &trouble{seed: seed, seen: map[string]int{}} }

func (t *trouble) set(f Faults) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = f
}

// offline is the fault of a hub that is switched off.
func (t *trouble) offline() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.faults.Offline != "" {
		t.seen["offline"]++
		return fault.New(fault.CodeServerOffline, "%s", t.faults.Offline)
	}
	return nil
}

// lockedOut is the fault of a hub under maintenance.
func (t *trouble) lockedOut(method string, u *kojisim.User) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.faults.LockOut || method == "login" || method == "sslLogin" || u != nil && u.Has("admin") {
		return nil
	}
	t.seen["locked out"]++
	return fault.New(fault.CodeServerOffline, "Server disabled for maintenance")
}

// draw makes the draw of one request.
func (t *trouble) draw(what string) (Faults, draw.Draw) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	return t.faults, draw.From(t.seed, what, strconv.Itoa(t.calls))
}

func (t *trouble) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.seen)
}

func (t *trouble) note(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[kind]++
}

// strike lets a request fail before anything happens, and reports whether it
// did. It calls expire if all sessions are to end first.
func (t *trouble) strike(rw http.ResponseWriter, req *http.Request, expire func()) bool {
	f, d := t.draw("before")
	if d.Chance(f.Expire) {
		t.note("sessions expired")
		expire()
	}
	if f.HTML503 || d.Chance(f.Busy) {
		t.note("503")
		htmlError(rw, http.StatusServiceUnavailable, "Service Unavailable", "The server is temporarily unable to service your request.")
		return true
	}
	if d.Chance(f.CutBefore) {
		t.note("cut before")
		cut(rw)
		return true
	}
	if d.Chance(f.Slow) {
		t.note("slow")
		timer := time.NewTimer(f.SlowFor)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
		}
	}
	return false
}

// spoil lets an answer get lost after everything happened, and reports
// whether it did.
func (t *trouble) spoil(rw http.ResponseWriter, method string, answer []byte) bool {
	f, d := t.draw("after")
	if d.Chance(f.CutAfter) || f.Lose == method {
		t.note("cut after")
		cut(rw)
		return true
	}
	if d.Chance(f.Truncate) {
		t.note("truncated")
		rw.Header().Set("Content-Type", "text/xml")
		rw.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = rw.Write(answer[:len(answer)/2])
		cut(rw)
		return true
	}
	return false
}

// cut drops the connection of a request.
func cut(rw http.ResponseWriter) {
	if hj, ok := rw.(http.Hijacker); ok {
		if conn, _, err := hj.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
