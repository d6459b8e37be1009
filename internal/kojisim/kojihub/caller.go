package kojihub

import (
	"net/http"
)

// How a session's user proved who it is.
const (
	authNormal = 0
	authSSL    = 2
	authGSSAPI = 3
)

// sessionArgs is what a request says of its session; the strings are as sent.
type sessionArgs struct {
	id, key, callnum string
	hasID, hasKey    bool
	inHeader         bool // not in the address
}

// A caller is who makes a request.
type caller struct {
	session sessionArgs
	address sessionArgs // as the address alone has it
	who     string      // a certificate's subject or a Kerberos principal, "" for nobody
	auth    int         // how that is known
	atLogin bool        // the request is to the address of logins
}

func readCaller(req *http.Request, who string, auth int) caller {
	return caller{session: readSessionArgs(req), address: addressArgs(req), who: who, auth: auth, atLogin: req.URL.Path == loginPath}
}

func readSessionArgs(req *http.Request) sessionArgs {
	if id := req.Header.Get("Koji-Session-Id"); id != "" {
		key := req.Header.Get("Koji-Session-Key")
		return sessionArgs{
			id: id, hasID: true, key: key, hasKey: key != "", callnum: req.Header.Get("Koji-Session-Callnum"), inHeader: true,
		}
	}
	return addressArgs(req)
}

func addressArgs(req *http.Request) sessionArgs {
	q := req.URL.Query()
	key := q.Get("session-key")
	return sessionArgs{id: q.Get("session-id"), hasID: q.Has("session-id"), key: key, hasKey: key != "", callnum: q.Get("callnum")}
}
