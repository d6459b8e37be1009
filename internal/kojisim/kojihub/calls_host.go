package kojihub

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func hostMethods(m map[string]*method) {
	m["listHosts"] = methodOf("RootExports.listHosts(arches=None, channelID=None, ready=None, enabled=None, userID=None, queryOpts=None)", methodListHosts)
	m["getHost"] = methodOf("get_host(hostInfo, strict=False, event=None)", methodGetHost)
	m["getLastHostUpdate"] = methodOf("RootExports.getLastHostUpdate(hostID, ts=False)", methodGetLastHostUpdate)
	m["getChannel"] = methodOf("get_channel(channelInfo, strict=False)", methodGetChannel)
	m["listChannels"] = methodOf("list_channels(hostID=None, event=None, enabled=None)", methodListChannels)
}

func hostStruct(h *kojisim.Host) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "arches", Value: joinedArches(h.Arches)},
		{Name: "capacity", Value: h.Capacity},
		{Name: "comment", Value: nil},
		{Name: "description", Value: nil},
		{Name: "enabled", Value: h.Enabled},
		{Name: "id", Value: h.ID},
		{Name: "name", Value: h.Name},
		{Name: "ready", Value: h.Ready},
		{Name: "task_load", Value: h.Load},
		{Name: "update_ts", Value: stampOrNil(h.Updated)},
		{Name: "user_id", Value: h.User.ID},
	}
}

// runsAny reports whether a host can do one of the arches argument.
func runsAny(h *kojisim.Host, arches any) bool {
	return arches == nil || slices.ContainsFunc(h.Arches, func(a string) bool { return wanted(arches, a) })
}

func methodListHosts(c *call) (any, error) {
	if list, ok := c.arg("arches").([]any); ok && len(list) == 0 {
		return nil, fault.Exception("kojihub/db", "execute", "psycopg2.errors.SyntaxError: empty list")
	}
	rows := []xmlrpc.Struct{}
	for _, h := range c.w.Hosts {
		inChannel := c.arg("channelID") == nil || slices.ContainsFunc(h.Channels, func(ch *kojisim.Channel) bool {
			return c.arg("channelID") == ch.Name || c.integer("channelID") == ch.ID
		})
		if inChannel && runsAny(h, c.arg("arches")) &&
			(c.arg("enabled") == nil || c.flag("enabled") == h.Enabled) &&
			(c.arg("ready") == nil || c.flag("ready") == h.Ready) {
			rows = append(rows, hostStruct(h))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func methodGetHost(c *call) (any, error) {
	for _, h := range c.w.Hosts {
		if c.arg("hostInfo") == h.Name || c.arg("hostInfo") == int64(h.ID) {
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
	if id < 1 || id > len(c.w.Hosts) {
		return nil, fault.Generic("Host with id %d does not exist.", id)
	}
	h := c.w.Hosts[id-1]
	if c.flag("ts") {
		return stampOrNil(h.Updated), nil
	}
	return timeOrNil(h.Updated), nil
}

func channelStruct(ch *kojisim.Channel) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "comment", Value: nil},
		{Name: "description", Value: nil},
		{Name: "enabled", Value: true},
		{Name: "id", Value: ch.ID},
		{Name: "name", Value: ch.Name},
	}
}

func methodGetChannel(c *call) (any, error) {
	for _, ch := range c.w.Channels {
		if c.arg("channelInfo") == ch.Name || c.arg("channelInfo") == int64(ch.ID) {
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
	for _, ch := range c.w.Channels {
		out = append(out, channelStruct(ch))
	}
	return out, nil
}
