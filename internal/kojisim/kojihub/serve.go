package kojihub

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// webPath is where a hub has web pages.
const webPath = "/koji"

// maxRequest is Koji's MaxRequestLength.
const maxRequest = 4 << 20

// ServeHTTP answers below /kojihub and /kojifiles.
func (h *Hub) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	p := req.URL.Path
	switch {
	case p == hubPath || p == loginPath:
		h.serveHub(rw, req)
	case strings.HasPrefix(p, filesPath+"/"):
		if h.trouble.strike(rw, req, h.ExpireSessions) {
			return
		}
		h.serveFiles(rw, req)
	case p == webPath || strings.HasPrefix(p, webPath+"/"):
		plain(rw, http.StatusOK, "This simulated hub has no web pages.\n")
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
	if h.trouble.strike(rw, req, h.ExpireSessions) {
		return
	}
	who, auth := h.client(req)
	if h.Negotiate && req.URL.Path == loginPath && who == "" {
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
	answer := h.answer(readCaller(req, who, auth), call)
	h.mail.deliver()
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
func (h *Hub) answer(from caller, call xmlrpc.Call) []byte {
	value, err := h.perform(from, call)
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
	h.sizesMu.Lock()
	defer h.sizesMu.Unlock()
	n := h.sizes[method]
	return make([]byte, 0, n+n/16)
}

func (h *Hub) noteSize(method string, n int) {
	h.sizesMu.Lock()
	defer h.sizesMu.Unlock()
	h.sizes[method] = n
}

func (h *Hub) send(rw http.ResponseWriter, req *http.Request, method string, answer []byte) {
	if h.trouble.spoil(rw, method, answer) {
		return
	}
	rw.Header().Set("Content-Type", "text/xml")
	policy := h.world.Lock().Policy
	h.world.Unlock()
	if !policy.Before(35) {
		rw.Header().Set("Koji-Version", versionOf(policy))
	}
	rw.Header().Set("Content-Length", fmt.Sprint(len(answer)))
	if _, err := rw.Write(answer); err != nil {
		h.log.LogAttrs(req.Context(), slog.LevelDebug, "client left before the answer", slog.Any("error", err))
	}
}
