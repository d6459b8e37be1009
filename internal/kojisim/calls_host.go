package kojisim

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func hostMethods(m map[string]*method) {
	m["listHosts"] = methodOf("RootExports.listHosts(arches=None, channelID=None, ready=None, enabled=None, userID=None, queryOpts=None)", methodListHosts)
	m["getHost"] = methodOf("get_host(hostInfo, strict=False, event=None)", methodGetHost)
	m["getLastHostUpdate"] = methodOf("RootExports.getLastHostUpdate(hostID, ts=False)", methodGetLastHostUpdate)
	m["getChannel"] = methodOf("get_channel(channelInfo, strict=False)", methodGetChannel)
	m["listChannels"] = methodOf("list_channels(hostID=None, event=None, enabled=None)", methodListChannels)
}

func hostStruct(h *host) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "arches", Value: joinedArches(h.arches)},
		{Name: "capacity", Value: h.capacity},
		{Name: "comment", Value: nil},
		{Name: "description", Value: nil},
		{Name: "enabled", Value: h.enabled},
		{Name: "id", Value: h.id},
		{Name: "name", Value: h.name},
		{Name: "ready", Value: h.ready},
		{Name: "task_load", Value: h.load},
		{Name: "update_ts", Value: stampOrNil(h.updated)},
		{Name: "user_id", Value: h.user.id},
	}
}

// runsAny reports whether a host can do one of the arches argument.
func runsAny(h *host, arches any) bool {
	return arches == nil || slices.ContainsFunc(h.arches, func(a string) bool { return wanted(arches, a) })
}

func methodListHosts(c *call) (any, error) {
	if list, ok := c.arg("arches").([]any); ok && len(list) == 0 {
		return nil, fault.Exception("kojihub/db", "execute", "psycopg2.errors.SyntaxError: empty list")
	}
	rows := []xmlrpc.Struct{}
	for _, h := range c.w.hosts {
		inChannel := c.arg("channelID") == nil || slices.ContainsFunc(h.channels, func(ch *channel) bool {
			return c.arg("channelID") == ch.name || c.integer("channelID") == ch.id
		})
		if inChannel && runsAny(h, c.arg("arches")) &&
			(c.arg("enabled") == nil || c.flag("enabled") == h.enabled) &&
			(c.arg("ready") == nil || c.flag("ready") == h.ready) {
			rows = append(rows, hostStruct(h))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func methodGetHost(c *call) (any, error) {
	for _, h := range c.w.hosts {
		if c.arg("hostInfo") == h.name || c.arg("hostInfo") == int64(h.id) {
			return hostStruct(h), nil
		}
	}
	if c.flag("strict") {
		return nil, fault.Generic("Invalid hostInfo: %s", pythonText(c.arg("hostInfo")))
	}
	return nil, nil
}

func methodGetLastHostUpdate(c *call) (any, error) {
	id := c.integer("hostID")
	if id < 1 || id > len(c.w.hosts) {
		return nil, fault.Generic("Host with id %d does not exist.", id)
	}
	h := c.w.hosts[id-1]
	if c.flag("ts") {
		return stampOrNil(h.updated), nil
	}
	return timeOrNil(h.updated), nil
}

func channelStruct(ch *channel) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "comment", Value: nil},
		{Name: "description", Value: nil},
		{Name: "enabled", Value: true},
		{Name: "id", Value: ch.id},
		{Name: "name", Value: ch.name},
	}
}

func methodGetChannel(c *call) (any, error) {
	for _, ch := range c.w.channels {
		if c.arg("channelInfo") == ch.name || c.arg("channelInfo") == int64(ch.id) {
			return channelStruct(ch), nil
		}
	}
	if c.flag("strict") {
		return nil, fault.Generic("Invalid channelInfo: %s", pythonText(c.arg("channelInfo")))
	}
	return nil, nil
}

func methodListChannels(c *call) (any, error) {
	out := []any{}
	for _, ch := range c.w.channels {
		out = append(out, channelStruct(ch))
	}
	return out, nil
}
