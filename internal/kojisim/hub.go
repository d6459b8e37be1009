package kojisim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// Where a hub answers.
const (
	hubPath   = "/kojihub"
	loginPath = "/kojihub/ssllogin"
	filesPath = "/kojifiles"
)

// version is the Koji that the hub says it is.
const version = "1.35.3"

// maxRequest is Koji's MaxRequestLength.
const maxRequest = 4 << 20

// A Hub is the web server in front of a world.
type Hub struct {
	w     *World
	clock *Clock
	log   *slog.Logger

	// Login tells who a request to ssllogin comes from: a certificate's subject
	// such as "CN=koschei,O=Test", "" for nobody. Nil takes the certificate of
	// the TLS connection, else the header Koji-Sim-User.
	Login func(*http.Request) string

	// Negotiate makes ssllogin refuse who brings no proof of who it is, as
	// mod_auth_gssapi does.
	Negotiate bool

	delivery sync.Mutex // keeps messages in order

	methods map[string]*method

	mu       sync.Mutex
	sessions map[int]*session
	opened   int // ids given to sessions
	faults   Faults
	calls    int            // served, for the draws of faults
	seen     map[string]int // requests that met a fault, by kind
	sizes    map[string]int // of the last answers, by method
}

// NewHub returns a hub that serves w in the time of clock.
func NewHub(w *World, clock *Clock, log *slog.Logger) *Hub {
	return &Hub{w: w, clock: clock, log: log, methods: methods(), sessions: map[int]*session{}, seen: map[string]int{}, sizes: map[string]int{}}
}

// World returns the world behind the hub.
func (h *Hub) World() *World { return h.w }

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
		h.w.mu.Lock()
		due, planned := h.w.nextDue()
		h.w.mu.Unlock()
		if planned {
			if d, moves := h.clock.until(due); moves {
				wait = min(wait, max(d, shortest))
			}
		}
		timer.Reset(wait)
	}
}

// advance brings the world to the present and hands out the messages.
func (h *Hub) advance() {
	h.w.Advance(h.clock.Now())
	h.deliver()
}

func (h *Hub) deliver() {
	h.delivery.Lock()
	defer h.delivery.Unlock()
	h.w.mu.Lock()
	messages, readers := h.w.takeMessages()
	h.w.mu.Unlock()
	for _, m := range messages {
		for _, read := range readers {
			read(m)
		}
	}
}

// ServeHTTP answers below /kojihub and /kojifiles.
func (h *Hub) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	p := req.URL.Path
	switch {
	case p == hubPath || p == loginPath:
		h.serveHub(rw, req)
	case strings.HasPrefix(p, filesPath+"/"):
		if h.struck(rw, req) {
			return
		}
		h.serveFiles(rw, req)
	default:
		notFound(rw, req)
	}
}

// serveHub answers XML-RPC.
func (h *Hub) serveHub(rw http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		rw.Header().Set("Allow", "POST")
		plain(rw, http.StatusMethodNotAllowed, "Method Not Allowed\nThis is an XML-RPC server. Only POST requests are accepted.\n")
		return
	}
	if h.struck(rw, req) {
		return
	}
	if who, _ := h.client(req); h.Negotiate && req.URL.Path == loginPath && who == "" {
		rw.Header().Set("WWW-Authenticate", "Negotiate")
		htmlError(rw, http.StatusUnauthorized, "Unauthorized", "This server could not verify that you are authorized to access the document requested.")
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRequest+1))
	if err != nil {
		return // the client left
	}
	call, refusal := readCall(body)
	if refusal != "" {
		plain(rw, http.StatusBadRequest, "Invalid request: "+refusal+"\n")
		return
	}
	h.advance()
	answer := h.answer(req, call)
	h.deliver()
	h.send(rw, req, call.Method, answer)
}

// readCall reads a request, or says why it is none.
func readCall(body []byte) (xmlrpc.Call, string) {
	if len(body) > maxRequest {
		return xmlrpc.Call{}, "Request too long"
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return xmlrpc.Call{}, "Empty request"
	}
	call, err := xmlrpc.NewDecoder(bytes.NewReader(body), xmlrpc.Limits{}).Call()
	var doctype *xmlrpc.DoctypeError
	var syntax *xmlrpc.SyntaxError
	switch {
	case err == nil:
		return call, ""
	case errors.As(err, &doctype):
		return call, fmt.Sprintf("EntitiesForbidden(name='%s', system_id=None, public_id=None)", doctype.Entity)
	case errors.As(err, &syntax):
		return call, fmt.Sprintf("%s: line %d, column %d", syntax.Msg, syntax.Line, syntax.Column)
	}
	return call, err.Error()
}

// answer performs a call and encodes what comes of it.
func (h *Hub) answer(req *http.Request, call xmlrpc.Call) []byte {
	value, err := h.perform(req, call)
	var out []byte
	if err == nil {
		out, err = xmlrpc.AppendResponse(h.buffer(call.Method), value)
		h.noteSize(call.Method, len(out))
	}
	if err != nil {
		out, err = xmlrpc.AppendFault(nil, asFault(err))
	}
	if err != nil {
		panic("kojisim: a fault that cannot be sent: " + err.Error())
	}
	return out
}

// buffer is room for an answer as large as the method's last one: those of a
// whole distribution have many megabytes, which should not be copied often.
func (h *Hub) buffer(method string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.sizes[method]
	return make([]byte, 0, n+n/16)
}

func (h *Hub) noteSize(method string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sizes[method] = n
}

// asFault is the fault that tells of err; what is no fault of Koji's is a
// Python exception.
func asFault(err error) *xmlrpc.Fault {
	var f *xmlrpc.Fault
	if errors.As(err, &f) {
		return f
	}
	return faultf(codePython, "%s", traceback("kojihub/kojixmlrpc", "_wrap_handler", "Exception: "+err.Error()))
}

func (h *Hub) send(rw http.ResponseWriter, req *http.Request, method string, answer []byte) {
	if h.spoiled(rw, method, answer) {
		return
	}
	rw.Header().Set("Content-Type", "text/xml")
	rw.Header().Set("Koji-Version", version)
	rw.Header().Set("Content-Length", fmt.Sprint(len(answer)))
	if _, err := rw.Write(answer); err != nil {
		h.log.LogAttrs(req.Context(), slog.LevelDebug, "client left before the answer", slog.Any("error", err))
	}
}

func plain(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, text)
}
