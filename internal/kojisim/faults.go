package kojisim

import (
	"maps"
	"net/http"
	"strconv"
	"time"
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

// SetFaults changes how the hub misbehaves from the next request on.
func (h *Hub) SetFaults(f Faults) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = f
}

// offline is the fault of a hub that is switched off.
func (h *Hub) offline() error {
	if h.faults.Offline != "" {
		h.seen["offline"]++
		return faultf(codeServerOffline, "%s", h.faults.Offline)
	}
	return nil
}

// lockedOut is the fault of a hub under maintenance.
func (h *Hub) lockedOut(method string, s *session) error {
	if !h.faults.LockOut || method == "login" || method == "sslLogin" || s != nil && s.user.has("admin") {
		return nil
	}
	h.seen["locked out"]++
	return faultf(codeServerOffline, "Server disabled for maintenance")
}

// draw makes the draw of one request.
func (h *Hub) draw(what string) (Faults, draw) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	return h.faults, drawFrom(h.w.seed, what, strconv.Itoa(h.calls))
}

// FaultsSeen counts the requests that each kind of fault has met.
func (h *Hub) FaultsSeen() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.seen)
}

func (h *Hub) note(kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[kind]++
}

// struck lets a request fail before anything happens, and reports whether it did.
func (h *Hub) struck(rw http.ResponseWriter, req *http.Request) bool {
	f, d := h.draw("before")
	if d.chance(f.Expire) {
		h.note("sessions expired")
		h.ExpireSessions()
	}
	if f.HTML503 || d.chance(f.Busy) {
		h.note("503")
		htmlError(rw, http.StatusServiceUnavailable, "Service Unavailable", "The server is temporarily unable to service your request.")
		return true
	}
	if d.chance(f.CutBefore) {
		h.note("cut before")
		cut(rw)
		return true
	}
	if d.chance(f.Slow) {
		h.note("slow")
		t := time.NewTimer(f.SlowFor)
		defer t.Stop()
		select {
		case <-t.C:
		case <-req.Context().Done():
		}
	}
	return false
}

// spoiled lets an answer get lost after everything happened, and reports
// whether it did.
func (h *Hub) spoiled(rw http.ResponseWriter, method string, answer []byte) bool {
	f, d := h.draw("after")
	if d.chance(f.CutAfter) || f.Lose == method {
		h.note("cut after")
		cut(rw)
		return true
	}
	if d.chance(f.Truncate) {
		h.note("truncated")
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
