package kojihub

import (
	"cmp"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// version is the Koji that the hub says it is, unless its world has another.
const version = "1.35.3"

func basicMethods(m map[string]*method) {
	m["echo"] = methodOf("RootExports.echo(*args)", func(c *call) (any, error) { return append([]any{}, c.rest...), nil })
	m["hello"] = methodOf("RootExports.hello(*args)", func(*call) (any, error) { return "Hello World", nil })
	m["getAPIVersion"] = methodOf("RootExports.getAPIVersion()", func(*call) (any, error) { return 1, nil })
	m["getKojiVersion"] = methodOf("RootExports.getKojiVersion()", methodGetKojiVersion)
	m["getLastEvent"] = methodOf("RootExports.getLastEvent(before=None)", methodGetLastEvent)
	m["getEvent"] = methodOf("RootExports.getEvent(id)", methodGetEvent)
	m["getAllPerms"] = methodOf("RootExports.getAllPerms()", methodGetAllPerms)
	m["getUser"] = methodOf("get_user(userInfo=None, strict=False, krb_princs=True, groups=False)", methodGetUser)
}

func methodGetKojiVersion(c *call) (any, error) {
	if c.w.Policy.Before(23) {
		return nil, fault.Generic("Invalid method: getKojiVersion")
	}
	return versionOf(c.w.Policy), nil
}

func versionOf(p kojisim.Policy) string { return cmp.Or(p.Version, version) }

func methodGetLastEvent(c *call) (any, error) {
	id := c.w.LastEvent()
	if c.given("before") && c.arg("before") != nil {
		limit, _ := c.arg("before").(float64)
		if n, ok := c.arg("before").(int64); ok {
			limit = float64(n)
		}
		for id > 0 && (c.w.EventTime(id).IsZero() || stamp(c.w.EventTime(id)) >= limit) {
			id--
		}
	}
	if id == 0 {
		return nil, errNoRows()
	}
	event := eventStruct(c.w, id)
	if c.arg("before") == nil {
		event[0].Value = id + c.w.Ahead
	}
	return event, nil
}

func methodGetEvent(c *call) (any, error) {
	id := c.integer("id")
	if id < 1 || id > c.w.LastEvent() || c.w.EventTime(id).IsZero() {
		return nil, errNoRows()
	}
	return eventStruct(c.w, id), nil
}

// errNoRows is how the hub says that there is no event.
func errNoRows() error { return fault.Generic("query returned no rows") }

func eventStruct(w *kojisim.System, id int) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "id", Value: id}, {Name: "ts", Value: stamp(w.EventTime(id))}}
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
	var u *kojisim.User
	switch info := c.arg("userInfo").(type) {
	case nil:
		u = c.user()
	case string:
		u = c.w.UserByName(info)
	case int64:
		if info >= 1 && int(info) <= len(c.w.Users) {
			u = c.w.Users[info-1]
		}
	}
	if u == nil {
		if c.flag("strict") {
			return nil, fault.Generic("No such user: %s", pythonText(c.arg("userInfo")))
		}
		return nil, nil
	}
	return xmlrpc.Struct{
		{Name: "id", Value: u.ID},
		{Name: "krb_principals", Value: texts(u.Principals)},
		{Name: "name", Value: u.Name},
		{Name: "status", Value: userStatus(u)},
		{Name: "usertype", Value: u.Kind},
	}, nil
}
