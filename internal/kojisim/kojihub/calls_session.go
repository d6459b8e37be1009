package kojihub

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func sessionMethods(m map[string]*method) {
	m["login"] = methodOf("login(user, password, opts=None, renew=False, exclusive=False)", methodLogin)
	m["sslLogin"] = methodOf("sslLogin(proxyuser=None, proxyauthtype=None, renew=False, exclusive=None)", methodSSLLogin)
	m["logout"] = methodOf("logout(session_id=None)", methodLogout)
	m["subsession"] = methodOf("subsession()", methodSubsession)
	m["exclusiveSession"] = methodOf("exclusiveSession(force=False)", methodExclusiveSession)
	m["getLoggedInUser"] = methodOf("RootExports.getLoggedInUser()", methodGetLoggedInUser)
	m["getSessionInfo"] = methodOf("RootExports.getSessionInfo(details=False, user_id=None)", methodGetSessionInfo)
	m["getPerms"] = methodOf("RootExports.getPerms()", methodGetPerms)
}

// methodLogin is login(user, password, opts, renew, exclusive).
func methodLogin(c *call) (any, error) {
	if c.session != nil && c.session.expired && c.flag("renew") {
		return c.sessions.renew(c.w, c.session), nil
	}
	if c.session != nil {
		return nil, fault.New(fault.CodeAuth, "Already logged in")
	}
	name, _ := c.arg("user").(string)
	password, _ := c.arg("password").(string)
	u := c.w.UserByName(name)
	if u == nil || u.Password == "" || u.Password != password {
		return nil, fault.New(fault.CodeAuth, "invalid username or password")
	}
	s, err := c.sessions.open(c.w, u, authNormal, c.flag("exclusive"))
	if err != nil {
		return nil, err
	}
	return s.reply(c.w.Policy), nil
}

// methodSSLLogin is sslLogin(proxyuser, proxyauthtype, renew, exclusive).
func methodSSLLogin(c *call) (any, error) {
	if c.session != nil && c.flag("renew") {
		return c.sessions.renew(c.w, c.session), nil
	}
	if c.session != nil {
		return nil, fault.New(fault.CodeAuth, "Already logged in")
	}
	if !c.from.atLogin {
		return nil, fault.New(fault.CodeAuth, "could not verify client: None")
	}
	who := c.from.who
	if who == "" {
		return nil, fault.New(fault.CodeAuth, "could not verify client: NONE")
	}
	if c.arg("proxyuser") != nil {
		return nil, fault.New(fault.CodeAuth, "%s is not authorized to login other users", who)
	}
	s, err := c.sessions.open(c.w, clientUser(c.w, who), c.from.auth, c.flag("exclusive"))
	if err != nil {
		return nil, err
	}
	return s.reply(c.w.Policy), nil
}

// clientUser is the user of a certificate's subject or a Kerberos principal. A
// hub that creates users on login makes unknown ones.
func clientUser(w *kojisim.System, who string) *kojisim.User {
	if strings.Contains(who, "@") {
		if u := w.UserByPrincipal(who); u != nil {
			return u
		}
		name, _, _ := strings.Cut(who, "@")
		return w.AddUser(kojisim.User{Name: name, Principals: []string{who}})
	}
	name := who
	for _, part := range strings.Split(who, ",") {
		if cn, ok := strings.CutPrefix(part, "CN="); ok {
			name = cn
		}
	}
	if u := w.UserByName(name); u != nil {
		return u
	}
	return w.AddUser(kojisim.User{Name: name})
}

func methodLogout(c *call) (any, error) {
	if c.session == nil {
		return nil, fault.Generic("Not logged in")
	}
	c.session.closed = true
	c.w.Changed()
	return nil, nil
}

func methodSubsession(c *call) (any, error) {
	if c.session == nil {
		return nil, notLoggedIn()
	}
	s, err := c.sessions.open(c.w, c.session.user, c.session.auth, false)
	if err != nil {
		return nil, err
	}
	s.master = c.session
	return s.reply(c.w.Policy), nil
}

func methodGetLoggedInUser(c *call) (any, error) {
	s := c.session
	if s == nil {
		return nil, nil
	}
	var principal any
	if len(s.user.Principals) > 0 {
		principal = s.user.Principals[0]
	}
	return xmlrpc.Struct{
		{Name: "id", Value: s.user.ID},
		{Name: "name", Value: s.user.Name},
		{Name: "status", Value: userStatus(s.user)},
		{Name: "usertype", Value: s.user.Kind},
		{Name: "krb_principals", Value: texts(s.user.Principals)},
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
		{Name: "user_id", Value: s.user.ID},
	}, nil
}

func methodGetPerms(c *call) (any, error) {
	if c.session == nil {
		return nil, notLoggedIn()
	}
	return texts(c.session.user.Perms), nil
}

func methodExclusiveSession(c *call) (any, error) {
	if c.session == nil {
		return nil, notLoggedIn()
	}
	c.session.exclusive = true
	c.w.Changed()
	return nil, nil
}
