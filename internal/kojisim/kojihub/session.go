package kojihub

import (
	"strconv"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// A session is a login.
type session struct {
	id        int
	key       string
	user      *kojisim.User
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

// sessions are all logins of a hub, which has the lock.
type sessions struct {
	seed   int64
	byID   map[int]*session
	opened int // ids given
	keys   int // keys made up
}

func newSessions(seed int64) *sessions { return &sessions{seed: seed, byID: map[int]*session{}} }

// find finds the session that a request names; nil is an anonymous call. The
// number is that of the call, -1 without one.
func (t *sessions) find(now time.Time, a sessionArgs, method string) (*session, int, error) {
	if !a.hasID {
		return nil, -1, nil
	}
	id, err := strconv.Atoi(a.id)
	if err != nil {
		return nil, -1, notANumber(a.id)
	}
	if !a.hasKey {
		if a.inHeader {
			return nil, -1, fault.Exception("kojihub/auth", "__init__", "KeyError: 'Koji-Session-Key'")
		}
		return nil, -1, fault.New(fault.CodeAuth, "'session-key' not specified in session args")
	}
	num := -1
	if a.callnum != "" {
		if num, err = strconv.Atoi(a.callnum); err != nil {
			return nil, -1, notANumber(a.callnum)
		}
	}
	s := t.byID[id]
	if s == nil || s.closed || s.key != a.key {
		return nil, -1, fault.New(fault.CodeAuth, "Invalid session or bad credentials")
	}
	return s, num, t.admit(now, s, num, method)
}

func notANumber(text string) error {
	return fault.Exception("kojihub/auth", "__init__", "ValueError: invalid literal for int() with base 10: '"+text+"'")
}

// admit checks whether a session may make a call.
func (t *sessions) admit(now time.Time, s *session, num int, method string) error {
	if num >= 0 && s.callnum >= 0 {
		if num < s.callnum {
			return fault.New(fault.CodeSequence, "%d > %d (session %d)", s.callnum, num, s.id)
		}
		if num == s.callnum {
			return fault.New(fault.CodeRetry, "unable to retry call %d (method %s) for session %d", num, method, s.id)
		}
	}
	if s.user.Blocked {
		return fault.New(fault.CodeAuth, "logins by %s are not allowed", s.user.Name)
	}
	last := s.started
	if s.renewed.After(last) {
		last = s.renewed
	}
	if now.Sub(last) > sessionLife {
		s.expired = true
	}
	if s.expired && method != "login" && method != "sslLogin" {
		return fault.New(fault.CodeAuthExpired, "session \"%d\" has expired", s.id)
	}
	for _, other := range t.byID {
		if other != s && other.user == s.user && other.exclusive && !other.closed && s.master != other {
			return fault.New(fault.CodeAuthLock, "User locked by another session")
		}
	}
	s.updated = now
	return nil
}

// expire ends every session, as when its time is over.
func (t *sessions) expire() {
	for _, s := range t.byID {
		s.expired = true
	}
}

// open logs a user in.
func (t *sessions) open(w *kojisim.System, u *kojisim.User, auth int, exclusive bool) (*session, error) {
	if u.Blocked {
		return nil, fault.New(fault.CodeAuth, "logins by %s are not allowed", u.Name)
	}
	t.opened++
	s := &session{
		id: t.opened, user: u, auth: auth, callnum: -1, exclusive: exclusive,
		started: w.Now, updated: w.Now,
	}
	s.key = t.newKey(s)
	t.byID[s.id] = s
	w.Changed()
	return s, nil
}

// newKey makes up a session key.
func (t *sessions) newKey(s *session) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	t.keys++
	d := draw.From(t.seed, "session", strconv.Itoa(s.id), strconv.Itoa(t.keys))
	b := make([]byte, 19)
	for i := range b {
		b[i] = letters[d.Below(len(letters))]
	}
	return strconv.Itoa(s.user.ID) + "-" + string(b)
}

// reply answers a login. Hubs before 1.31 look for sessions in the address alone.
func (s *session) reply(p kojisim.Policy) xmlrpc.Struct {
	out := xmlrpc.Struct{{Name: "session-id", Value: s.id}, {Name: "session-key", Value: s.key}}
	if !p.Before(31) {
		out = append(out, xmlrpc.Member{Name: "header-auth", Value: true})
	}
	return out
}

// renew gives an old session a new key. The stored callnum stays, as in Koji,
// whose own client then runs into SequenceErrors.
func (t *sessions) renew(w *kojisim.System, s *session) xmlrpc.Struct {
	s.key = t.newKey(s)
	s.expired = false
	s.renewed = w.Now
	w.Changed()
	return s.reply(w.Policy)
}
