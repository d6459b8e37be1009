package kojisim

import "github.com/koschei-ci/koschei/internal/koji/xmlrpc"

// methods are all that the hub can be asked for, by name. The signatures are
// Koji's, which its faults quote.
func methods() map[string]*method {
	out := map[string]*method{}
	for _, add := range []func(map[string]*method){basicMethods, tagMethods, packageMethods, buildMethods, rpmMethods, repoMethods, taskMethods, hostMethods} {
		add(out)
	}
	return out
}

func basicMethods(m map[string]*method) {
	m["echo"] = methodOf("RootExports.echo(*args)", func(c *call) (any, error) { return append([]any{}, c.rest...), nil })
	m["hello"] = methodOf("RootExports.hello(*args)", func(*call) (any, error) { return "Hello World", nil })
	m["getAPIVersion"] = methodOf("RootExports.getAPIVersion()", func(*call) (any, error) { return 1, nil })
	m["getKojiVersion"] = methodOf("RootExports.getKojiVersion()", func(*call) (any, error) { return version, nil })
	m["getLastEvent"] = methodOf("RootExports.getLastEvent(before=None)", methodGetLastEvent)
	m["getEvent"] = methodOf("RootExports.getEvent(id)", methodGetEvent)
	m["login"] = methodOf("login(user, password, opts=None, renew=False, exclusive=False)", methodLogin)
	m["sslLogin"] = methodOf("sslLogin(proxyuser=None, proxyauthtype=None, renew=False, exclusive=None)", methodSSLLogin)
	m["logout"] = methodOf("logout(session_id=None)", methodLogout)
	m["subsession"] = methodOf("subsession()", methodSubsession)
	m["exclusiveSession"] = methodOf("exclusiveSession(force=False)", methodExclusiveSession)
	m["getLoggedInUser"] = methodOf("RootExports.getLoggedInUser()", methodGetLoggedInUser)
	m["getSessionInfo"] = methodOf("RootExports.getSessionInfo(details=False, user_id=None)", methodGetSessionInfo)
	m["getPerms"] = methodOf("RootExports.getPerms()", methodGetPerms)
	m["getAllPerms"] = methodOf("RootExports.getAllPerms()", methodGetAllPerms)
	m["getUser"] = methodOf("get_user(userInfo=None, strict=False, krb_princs=True, groups=False)", methodGetUser)
}

func methodGetLastEvent(c *call) (any, error) {
	id := c.w.lastEvent()
	if c.given("before") && c.arg("before") != nil {
		limit, _ := c.arg("before").(float64)
		if n, ok := c.arg("before").(int64); ok {
			limit = float64(n)
		}
		for id > 0 && stamp(c.w.eventTime(id)) >= limit {
			id--
		}
	}
	if id == 0 {
		return nil, nil
	}
	return c.w.eventStruct(id), nil
}

func methodGetEvent(c *call) (any, error) {
	id := c.integer("id")
	if id < 1 || id > c.w.lastEvent() {
		return nil, nil
	}
	return c.w.eventStruct(id), nil
}

func (w *World) eventStruct(id int) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "id", Value: id}, {Name: "ts", Value: stamp(w.eventTime(id))}}
}

func methodExclusiveSession(c *call) (any, error) {
	if c.session == nil {
		return nil, notLoggedIn()
	}
	c.session.exclusive = true
	c.w.changed()
	return nil, nil
}

func methodGetAllPerms(*call) (any, error) {
	names := []string{
		"admin", "appliance", "build", "build-import", "dist-repo", "host", "image", "image-import", "livecd",
		"maven-import", "regen-repo", "repo", "sign", "tag", "target",
	}
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = xmlrpc.Struct{{Name: "description", Value: "May use " + n + "."}, {Name: "id", Value: i + 1}, {Name: "name", Value: n}}
	}
	return out, nil
}

func methodGetUser(c *call) (any, error) {
	var u *user
	switch info := c.arg("userInfo").(type) {
	case nil:
		u = c.user()
	case string:
		u = c.w.userByName(info)
	case int64:
		if info >= 1 && int(info) <= len(c.w.users) {
			u = c.w.users[info-1]
		}
	}
	if u == nil {
		if c.flag("strict") {
			return nil, generic("No such user: %s", pythonText(c.arg("userInfo")))
		}
		return nil, nil
	}
	return xmlrpc.Struct{
		{Name: "id", Value: u.id},
		{Name: "krb_principals", Value: texts(u.principals)},
		{Name: "name", Value: u.name},
		{Name: "status", Value: u.status},
		{Name: "usertype", Value: u.kind},
	}, nil
}
