package kojihub

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojifiles"
)

// A Hub is the web server in front of a world.
type Hub struct {
	// Login tells who a request to ssllogin comes from: a certificate's subject
	// such as "CN=koschei,O=Test", "" for nobody. Nil takes the certificate of
	// the TLS connection, else the header Koji-Sim-User.
	Login func(*http.Request) string

	// Negotiate makes ssllogin refuse who brings no proof of who it is, as
	// mod_auth_gssapi does.
	Negotiate bool

	world   *kojisim.World
	clock   *kojisim.Clock
	log     *slog.Logger
	methods map[string]*method
	trouble *trouble
	mail    *mailer
	repos   *kojifiles.Renderer

	// mu protects what follows. A call holds it from beginning to end, so that
	// calls are made one after the other; the world is locked after it.
	mu       sync.Mutex
	sessions *sessions

	sizesMu sync.Mutex
	sizes   map[string]int // of the last answers, by method; protected by sizesMu
}

// New returns a hub that serves w in the time of clock. A world has one hub.
func New(w *kojisim.World, clock *kojisim.Clock, log *slog.Logger) *Hub {
	seed := w.Lock().Seed
	w.Unlock()
	h := &Hub{
		world: w, clock: clock, log: log, methods: methods(), trouble: newTrouble(seed), mail: &mailer{seed: seed},
		repos: kojifiles.NewRenderer(), sessions: newSessions(seed), sizes: map[string]int{},
	}
	w.Listen(h.mail.hear)
	return h
}

// World returns the world behind the hub.
func (h *Hub) World() *kojisim.World { return h.world }

// Run keeps the world going while nobody asks it anything, so that messages
// leave when they are due. It ends with ctx.
func (h *Hub) Run(ctx context.Context) error {
	const longest = time.Second
	const shortest = 20 * time.Millisecond
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		h.advance()
		wait := longest
		due, planned := h.world.Lock().NextDue()
		h.world.Unlock()
		if planned {
			if d, moves := h.clock.Until(due); moves {
				wait = min(wait, max(d, shortest))
			}
		}
		timer.Reset(wait)
	}
}

// advance brings the world to the present and hands out the messages.
func (h *Hub) advance() {
	h.world.Advance(h.clock.Now())
	h.mail.deliver()
}

// Change has change do something to the world now, and hands out the messages.
func (h *Hub) Change(change func(*kojisim.System) error) error {
	h.advance()
	defer h.mail.deliver()
	defer h.world.Unlock()
	return change(h.world.Lock())
}

// SetFaults changes how the hub misbehaves from the next request on.
func (h *Hub) SetFaults(f Faults) { h.trouble.set(f) }

// FaultsSeen counts the requests that each kind of fault has met.
func (h *Hub) FaultsSeen() map[string]int { return h.trouble.counts() }

// ExpireSessions makes every session end, as when its time is over.
func (h *Hub) ExpireSessions() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions.expire()
}

// client tells who a login comes from and how that is known.
func (h *Hub) client(req *http.Request) (string, int) {
	if h.Login != nil {
		who := h.Login(req)
		if strings.Contains(who, "@") {
			return who, authGSSAPI
		}
		return who, authSSL
	}
	if req.TLS != nil && len(req.TLS.PeerCertificates) > 0 {
		return req.TLS.PeerCertificates[0].Subject.String(), authSSL
	}
	who := req.Header.Get("Koji-Sim-User")
	if strings.Contains(who, "@") {
		return who, authGSSAPI
	}
	if who != "" {
		who = "CN=" + who
	}
	return who, authSSL
}

// Subscribe has every message handed to read, in order, after the change it
// tells of was committed. read is called without any lock held, one message at
// a time; it must not wait long.
func (h *Hub) Subscribe(read func(Message)) {
	h.mail.mu.Lock()
	defer h.mail.mu.Unlock()
	h.mail.readers = append(h.mail.readers, read)
}

// SetMessageFaults makes the delivery of messages unreliable.
func (h *Hub) SetMessageFaults(f MessageFaults) {
	h.mail.mu.Lock()
	defer h.mail.mu.Unlock()
	h.mail.faults = f
}

// MessagesSent counts what became of messages on their way.
func (h *Hub) MessagesSent() map[string]int {
	h.mail.mu.Lock()
	defer h.mail.mu.Unlock()
	return maps.Clone(h.mail.fates)
}
