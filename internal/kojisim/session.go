package kojisim

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// How a session's user proved who it is.
const (
	authNormal = 0
	authSSL    = 2
	authGSSAPI = 3
)

// A session is a login.
type session struct {
	id        int
	key       string
	user      *user
	auth      int
	callnum   int // of the last call that changed something; -1 before
	exclusive bool
	expired   bool
	closed    bool
	master    *session
	started   time.Time
	renewed   time.Time
	updated   time.Time
}

// sessionLife is Koji's SessionRenewalTimeout.
const sessionLife = 1440 * time.Minute

func badSession() *xmlrpc.Fault {
	return faultf(codeAuth, "Invalid session or bad credentials")
}

// sessionArgs is what a request says of its session; the strings are as sent.
type sessionArgs struct {
	id, key, callnum string
	hasID, hasKey    bool
}

func readSessionArgs(req *http.Request) sessionArgs {
	var a sessionArgs
	if req.Header.Get("Koji-Session-Id") != "" {
		a.id, a.hasID = req.Header.Get("Koji-Session-Id"), true
		a.key = req.Header.Get("Koji-Session-Key")
		a.hasKey = a.key != ""
		a.callnum = req.Header.Get("Koji-Session-Callnum")
		return a
	}
	q := req.URL.Query()
	a.id, a.hasID = q.Get("session-id"), q.Has("session-id")
	a.key = q.Get("session-key")
	a.hasKey = a.key != ""
	a.callnum = q.Get("callnum")
	return a
}

// session finds the session of a request; nil is an anonymous call. The number
// is that of the call, -1 without one.
func (h *Hub) session(req *http.Request, call xmlrpc.Call) (*session, int, error) {
	a := readSessionArgs(req)
	if !a.hasID {
		return nil, -1, nil
	}
	id, err := strconv.Atoi(a.id)
	if err != nil {
		return nil, -1, faultf(codePython, "%s", traceback("kojihub/auth", "__init__",
			"ValueError: invalid literal for int() with base 10: '"+a.id+"'"))
	}
	if !a.hasKey {
		if req.Header.Get("Koji-Session-Id") != "" {
			return nil, -1, faultf(codePython, "%s", traceback("kojihub/auth", "__init__", "KeyError: 'Koji-Session-Key'"))
		}
		return nil, -1, faultf(codeAuth, "'session-key' not specified in session args")
	}
	num := -1
	if a.callnum != "" {
		if num, err = strconv.Atoi(a.callnum); err != nil {
			return nil, -1, faultf(codePython, "%s", traceback("kojihub/auth", "__init__",
				"ValueError: invalid literal for int() with base 10: '"+a.callnum+"'"))
		}
	}
	s := h.sessions[id]
	if s == nil || s.closed || s.key != a.key {
		return nil, -1, badSession()
	}
	return s, num, h.admit(s, num, call.Method)
}

// admit checks whether a session may make a call.
func (h *Hub) admit(s *session, num int, method string) error {
	if num >= 0 && s.callnum >= 0 {
		if num < s.callnum {
			return faultf(codeSequence, "%d > %d (session %d)", s.callnum, num, s.id)
		}
		if num == s.callnum {
			return faultf(codeRetry, "unable to retry call %d (method %s) for session %d", num, method, s.id)
		}
	}
	if s.user.status != 0 {
		return faultf(codeAuth, "logins by %s are not allowed", s.user.name)
	}
	last := s.started
	if s.renewed.After(last) {
		last = s.renewed
	}
	if h.w.now.Sub(last) > sessionLife {
		s.expired = true
	}
	if s.expired && method != "login" && method != "sslLogin" {
		return faultf(codeAuthExpired, "session \"%d\" has expired", s.id)
	}
	for _, other := range h.sessions {
		if other != s && other.user == s.user && other.exclusive && !other.closed && s.master != other {
			return faultf(codeAuthLock, "User locked by another session")
		}
	}
	s.updated = h.w.now
	return nil
}

// ExpireSessions makes every session end, as when its time is over.
func (h *Hub) ExpireSessions() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions {
		s.expired = true
	}
}

// openSession logs a user in.
func (h *Hub) openSession(u *user, auth int, exclusive bool) (*session, error) {
	if u.status != 0 {
		return nil, faultf(codeAuth, "logins by %s are not allowed", u.name)
	}
	h.opened++
	s := &session{
		id: h.opened, user: u, auth: auth, callnum: -1, exclusive: exclusive,
		started: h.w.now, updated: h.w.now,
	}
	s.key = h.newKey(s)
	h.sessions[s.id] = s
	h.w.changed()
	return s, nil
}

// newKey makes up a session key.
func (h *Hub) newKey(s *session) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	h.calls++
	d := drawFrom(h.w.seed, "session", strconv.Itoa(s.id), strconv.Itoa(h.calls))
	b := make([]byte, 19)
	for i := range b {
		b[i] = letters[d.below(len(letters))]
	}
	return strconv.Itoa(s.user.id) + "-" + string(b)
}

func (s *session) reply() xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "session-id", Value: s.id},
		{Name: "session-key", Value: s.key},
		{Name: "header-auth", Value: true},
	}
}

// renew gives an old session a new key. The stored callnum stays, as in Koji,
// whose own client then runs into SequenceErrors.
func (h *Hub) renew(s *session) xmlrpc.Struct {
	s.key = h.newKey(s)
	s.expired = false
	s.renewed = h.w.now
	h.w.changed()
	return s.reply()
}

// methodLogin is login(user, password, opts, renew, exclusive).
func methodLogin(c *call) (any, error) {
	if c.session != nil && c.session.expired && c.flag("renew") {
		return c.hub.renew(c.session), nil
	}
	if c.session != nil {
		return nil, faultf(codeAuth, "Already logged in")
	}
	name, _ := c.arg("user").(string)
	password, _ := c.arg("password").(string)
	u := c.w.userByName(name)
	if u == nil || u.password == "" || u.password != password {
		return nil, faultf(codeAuth, "invalid username or password")
	}
	s, err := c.hub.openSession(u, authNormal, c.flag("exclusive"))
	if err != nil {
		return nil, err
	}
	return s.reply(), nil
}

// methodSSLLogin is sslLogin(proxyuser, proxyauthtype, renew, exclusive).
func methodSSLLogin(c *call) (any, error) {
	if c.session != nil && c.flag("renew") {
		return c.hub.renew(c.session), nil
	}
	if c.session != nil {
		return nil, faultf(codeAuth, "Already logged in")
	}
	if c.request.URL.Path != loginPath {
		return nil, faultf(codeAuth, "could not verify client: None")
	}
	who, auth := c.hub.client(c.request)
	if who == "" {
		return nil, faultf(codeAuth, "could not verify client: NONE")
	}
	if c.arg("proxyuser") != nil {
		return nil, faultf(codeAuth, "%s is not authorized to login other users", who)
	}
	s, err := c.hub.openSession(c.w.clientUser(who), auth, c.flag("exclusive"))
	if err != nil {
		return nil, err
	}
	return s.reply(), nil
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

// clientUser is the user of a certificate's subject or a Kerberos principal. A
// hub that creates users on login makes unknown ones.
func (w *World) clientUser(who string) *user {
	if strings.Contains(who, "@") {
		if u := w.userByPrincipal(who); u != nil {
			return u
		}
		name, _, _ := strings.Cut(who, "@")
		return w.addUser(user{name: name, principals: []string{who}})
	}
	name := who
	for _, part := range strings.Split(who, ",") {
		if cn, ok := strings.CutPrefix(part, "CN="); ok {
			name = cn
		}
	}
	if u := w.userByName(name); u != nil {
		return u
	}
	return w.addUser(user{name: name})
}

func methodLogout(c *call) (any, error) {
	if c.session == nil {
		return nil, generic("Not logged in")
	}
	c.session.closed = true
	c.w.changed()
	return nil, nil
}

func methodSubsession(c *call) (any, error) {
	if c.session == nil {
		return nil, notLoggedIn()
	}
	s, err := c.hub.openSession(c.session.user, c.session.auth, false)
	if err != nil {
		return nil, err
	}
	s.master = c.session
	return s.reply(), nil
}

func methodGetLoggedInUser(c *call) (any, error) {
	s := c.session
	if s == nil {
		return nil, nil
	}
	var principal any
	if len(s.user.principals) > 0 {
		principal = s.user.principals[0]
	}
	return xmlrpc.Struct{
		{Name: "id", Value: s.user.id},
		{Name: "name", Value: s.user.name},
		{Name: "status", Value: s.user.status},
		{Name: "usertype", Value: s.user.kind},
		{Name: "krb_principals", Value: texts(s.user.principals)},
		{Name: "authtype", Value: s.auth},
		{Name: "krb_principal", Value: principal},
	}, nil
}

func methodGetSessionInfo(c *call) (any, error) {
	s := c.session
	if s == nil {
		return nil, nil
	}
	var callnum, exclusive, master any
	if s.callnum >= 0 {
		callnum = s.callnum
	}
	if s.exclusive {
		exclusive = true
	}
	if s.master != nil {
		master = s.master.id
	}
	return xmlrpc.Struct{
		{Name: "authtype", Value: s.auth},
		{Name: "callnum", Value: callnum},
		{Name: "exclusive", Value: exclusive},
		{Name: "expired", Value: s.expired},
		{Name: "master", Value: master},
		{Name: "renew_time", Value: timeOrNil(s.renewed)},
		{Name: "renew_ts", Value: stampOrNil(s.renewed)},
		{Name: "start_time", Value: timeOrNil(s.started)},
		{Name: "start_ts", Value: stampOrNil(s.started)},
		{Name: "update_time", Value: timeOrNil(s.updated)},
		{Name: "update_ts", Value: stampOrNil(s.updated)},
		{Name: "user_id", Value: s.user.id},
	}, nil
}

func methodGetPerms(c *call) (any, error) {
	if c.session == nil {
		return nil, notLoggedIn()
	}
	return texts(c.session.user.perms), nil
}
