package kojisim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func buildMethods(m map[string]*method) {
	m["listTagged"] = methodOf("RootExports.listTagged(tag, event=None, inherit=False, prefix=None, latest=False, package=None, owner=None, type=None, strict=True, extra=True)", methodListTagged)
	m["getLatestBuilds"] = methodOf("RootExports.getLatestBuilds(tag, event=None, package=None, type=None)", methodGetLatestBuilds)
	m["getBuild"] = methodOf("get_build(buildInfo, strict=False)", methodGetBuild)
	m["listBuilds"] = methodOf("RootExports.listBuilds(packageID=None, userID=None, taskID=None, prefix=None, state=None, volumeID=None, source=None, createdBefore=None, createdAfter=None, completeBefore=None, completeAfter=None, type=None, typeInfo=None, queryOpts=None, pattern=None, cgID=None, draft=None)", methodListBuilds)
	m["tagBuild"] = methodOf("RootExports.tagBuild(tag, build, force=False, fromtag=None)", methodTagBuild)
	m["tagBuildBypass"] = methodOf("RootExports.tagBuildBypass(tag, build, force=False, notify=False)", methodTagBuildBypass)
	m["untagBuildBypass"] = methodOf("RootExports.untagBuildBypass(tag, build, strict=True, force=False, notify=False)", methodUntagBuildBypass)
	m["deleteBuild"] = methodOf("delete_build(build, strict=True, min_ref_age=604800)", methodDeleteBuild)
}

// taggedStruct is a build as listTagged shows it.
func taggedStruct(g *tagging) xmlrpc.Struct {
	b := g.build
	return xmlrpc.Struct{
		{Name: "build_id", Value: b.id},
		{Name: "completion_time", Value: timeOrNil(b.finished)},
		{Name: "create_event", Value: g.created},
		{Name: "creation_event_id", Value: b.event},
		{Name: "creation_time", Value: timeOrNil(b.created)},
		{Name: "draft", Value: false},
		{Name: "epoch", Value: epochOrNil(b.evr.Epoch)},
		{Name: "id", Value: b.id},
		{Name: "name", Value: b.pkg.name},
		{Name: "nvr", Value: b.nvr()},
		{Name: "owner_id", Value: b.owner.id},
		{Name: "owner_name", Value: b.owner.name},
		{Name: "package_id", Value: b.pkg.id},
		{Name: "package_name", Value: b.pkg.name},
		{Name: "promoter_id", Value: nil},
		{Name: "promoter_name", Value: nil},
		{Name: "promotion_time", Value: nil},
		{Name: "release", Value: b.evr.Release},
		{Name: "start_time", Value: timeOrNil(b.started)},
		{Name: "state", Value: b.state},
		{Name: "tag_id", Value: g.tag.id},
		{Name: "tag_name", Value: g.tag.name},
		{Name: "task_id", Value: idOrNil(b.taskID)},
		{Name: "version", Value: b.evr.Version},
		{Name: "volume_id", Value: 0},
		{Name: "volume_name", Value: "DEFAULT"},
	}
}

// listed answers listTagged and its like.
func (c *call) listed(inherit, latest bool) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	q := tagQuery{event: c.integer("event"), inherit: inherit, latest: latest}
	if info := c.arg("package"); info != nil {
		if q.pkg = c.pkgOf(info); q.pkg == nil {
			return []any{}, nil
		}
	}
	prefix, _ := c.arg("prefix").(string)
	gs := c.w.listing(t, q)
	out := make([]any, 0, len(gs))
	for _, g := range gs {
		if strings.HasPrefix(g.build.pkg.name, prefix) && (c.arg("owner") == nil || c.arg("owner") == g.build.owner.name) {
			out = append(out, taggedStruct(g))
		}
	}
	return out, nil
}

func methodListTagged(c *call) (any, error) { return c.listed(c.flag("inherit"), c.flag("latest")) }

func methodGetLatestBuilds(c *call) (any, error) { return c.listed(true, true) }

// buildOf finds a build by NVR, id or struct; nil if there is none.
func (c *call) buildOf(info any) (*build, error) {
	switch v := info.(type) {
	case string:
		if strings.Count(v, "-") < 2 {
			return nil, fault.Generic("invalid format: %s", v)
		}
		return c.w.buildByNVR(v), nil
	case int64:
		return c.w.buildByID(int(v)), nil
	case xmlrpc.Struct:
		n, _ := v.Get("name")
		ver, _ := v.Get("version")
		rel, _ := v.Get("release")
		if n == nil || ver == nil || rel == nil {
			if id, ok := v.Get("id"); ok {
				return c.buildOf(id)
			}
			return nil, fault.Generic("did not provide name, version, and release")
		}
		return c.w.buildByNVR(fmt.Sprintf("%v-%v-%v", n, ver, rel)), nil
	}
	return nil, fault.New(fault.CodeParameter, "Invalid type for build: %s", pythonType(info))
}

// mustBuild finds the build of the argument build, which has to exist.
func (c *call) mustBuild() (*build, error) {
	b, err := c.buildOf(c.arg("build"))
	if b == nil && err == nil {
		err = fault.Generic("No such build: %s", pythonText(c.arg("build")))
	}
	return b, err
}

// buildStruct is a build as getBuild shows it.
func buildStruct(b *build) xmlrpc.Struct {
	var extra any
	if b.taskID != 0 {
		extra = xmlrpc.Struct{{Name: "source", Value: xmlrpc.Struct{{Name: "original_url", Value: b.source}}}}
	}
	return xmlrpc.Struct{
		{Name: "build_id", Value: b.id},
		{Name: "cg_id", Value: nil},
		{Name: "completion_time", Value: timeOrNil(b.finished)},
		{Name: "completion_ts", Value: stampOrNil(b.finished)},
		{Name: "creation_event_id", Value: b.event},
		{Name: "creation_time", Value: timeOrNil(b.created)},
		{Name: "creation_ts", Value: stampOrNil(b.created)},
		{Name: "draft", Value: false},
		{Name: "epoch", Value: epochOrNil(b.evr.Epoch)},
		{Name: "extra", Value: extra},
		{Name: "id", Value: b.id},
		{Name: "name", Value: b.pkg.name},
		{Name: "nvr", Value: b.nvr()},
		{Name: "owner_id", Value: b.owner.id},
		{Name: "owner_name", Value: b.owner.name},
		{Name: "package_id", Value: b.pkg.id},
		{Name: "package_name", Value: b.pkg.name},
		{Name: "promoter_id", Value: nil},
		{Name: "promoter_name", Value: nil},
		{Name: "promotion_time", Value: nil},
		{Name: "promotion_ts", Value: nil},
		{Name: "release", Value: b.evr.Release},
		{Name: "source", Value: stringOrNil(b.source)},
		{Name: "start_time", Value: timeOrNil(b.started)},
		{Name: "start_ts", Value: stampOrNil(b.started)},
		{Name: "state", Value: b.state},
		{Name: "task_id", Value: idOrNil(b.taskID)},
		{Name: "version", Value: b.evr.Version},
		{Name: "volume_id", Value: 0},
		{Name: "volume_name", Value: "DEFAULT"},
		{Name: "cg_name", Value: nil},
	}
}

func methodGetBuild(c *call) (any, error) {
	b, err := c.buildOf(c.arg("buildInfo"))
	switch {
	case err != nil:
		return nil, err
	case b == nil && c.flag("strict"):
		return nil, fault.Generic("No such build: %s", pythonText(c.arg("buildInfo")))
	case b == nil:
		return nil, nil
	}
	return buildStruct(b), nil
}

// buildRow is a build as listBuilds shows it.
func buildRow(b *build) xmlrpc.Struct {
	var out xmlrpc.Struct
	for _, m := range buildStruct(b) {
		if m.Name != "id" && m.Name != "cg_id" && m.Name != "cg_name" {
			out = append(out, m)
		}
	}
	return out
}

func methodListBuilds(c *call) (any, error) {
	rows := []xmlrpc.Struct{}
	builds := c.w.builds
	if info := c.arg("packageID"); info != nil {
		p := c.pkgOf(info)
		if p == nil {
			return applyOptions(rows, c.arg("queryOpts")), nil
		}
		builds = p.builds
	}
	for _, b := range builds {
		if (c.arg("taskID") == nil || c.integer("taskID") == b.taskID) &&
			(c.arg("state") == nil || c.integer("state") == b.state) &&
			(c.arg("userID") == nil || c.arg("userID") == b.owner.name || c.arg("userID") == int64(b.owner.id)) {
			rows = append(rows, buildRow(b))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func historyMethods(m map[string]*method) {
	m["queryHistory"] = methodOf("query_history(tables=None, tag=None, build=None, package=None, afterEvent=None, queryOpts=None)", methodQueryHistory)
}

// methodQueryHistory knows the history of tags only.
func methodQueryHistory(c *call) (any, error) {
	rows := []any{}
	var only *build
	if info := c.arg("build"); info != nil {
		var err error
		if only, err = c.buildOf(info); err != nil || only == nil {
			return xmlrpc.Struct{{Name: "tag_listing", Value: rows}}, err
		}
	}
	for _, t := range c.w.tags {
		if !matches(c.arg("tag"), t) {
			continue
		}
		for _, g := range t.taggings {
			if max(g.created, g.revoked) <= c.integer("afterEvent") {
				continue
			}
			if (only == nil || only == g.build) && (c.arg("package") == nil || c.pkgOf(c.arg("package")) == g.build.pkg) {
				rows = append(rows, taggingHistory(c.w, g))
			}
		}
	}
	out := xmlrpc.Struct{{Name: "tag_listing", Value: rows}}
	if tables, _ := c.arg("tables").([]any); slices.Contains(tables, "tag_packages") {
		out = append(out, xmlrpc.Member{Name: "tag_packages", Value: c.listHistory()})
	}
	return out, nil
}

// listHistory is what became of entries of package lists: of each the last
// change alone, for others are not kept here.
func (c *call) listHistory() []any {
	rows := []any{}
	for _, t := range c.w.tags {
		if !matches(c.arg("tag"), t) {
			continue
		}
		for _, id := range t.pkgOrder {
			l := t.pkgs[id]
			if l.changed <= c.integer("afterEvent") || c.arg("package") != nil && c.pkgOf(c.arg("package")) != l.pkg {
				continue
			}
			rows = append(rows, xmlrpc.Struct{
				{Name: "active", Value: true},
				{Name: "blocked", Value: l.blocked},
				{Name: "create_event", Value: l.changed},
				{Name: "create_ts", Value: stamp(c.w.eventTime(l.changed))},
				{Name: "creator_id", Value: l.owner.id},
				{Name: "creator_name", Value: l.owner.name},
				{Name: "extra_arches", Value: stringOrNil(l.extraArches)},
				{Name: "package.name", Value: l.pkg.name},
				{Name: "package_id", Value: l.pkg.id},
				{Name: "revoke_event", Value: nil},
				{Name: "revoke_ts", Value: nil},
				{Name: "revoker_id", Value: nil},
				{Name: "revoker_name", Value: nil},
				{Name: "tag.name", Value: t.name},
				{Name: "tag_id", Value: t.id},
			})
		}
	}
	return rows
}

func taggingHistory(w *System, g *tagging) xmlrpc.Struct {
	var active, revokeTS, revokerID, revoker any
	if g.revoked == 0 {
		active = true
	} else {
		revokeTS = stamp(w.eventTime(g.revoked))
		revokerID, revoker = g.ending.id, g.ending.name
	}
	b := g.build
	return xmlrpc.Struct{
		{Name: "active", Value: active},
		{Name: "build.state", Value: b.state},
		{Name: "build_id", Value: b.id},
		{Name: "create_event", Value: g.created},
		{Name: "create_ts", Value: stamp(w.eventTime(g.created))},
		{Name: "creator_id", Value: g.creator.id},
		{Name: "creator_name", Value: g.creator.name},
		{Name: "epoch", Value: epochOrNil(b.evr.Epoch)},
		{Name: "name", Value: b.pkg.name},
		{Name: "release", Value: b.evr.Release},
		{Name: "revoke_event", Value: idOrNil(g.revoked)},
		{Name: "revoke_ts", Value: revokeTS},
		{Name: "revoker_id", Value: revokerID},
		{Name: "revoker_name", Value: revoker},
		{Name: "tag.name", Value: g.tag.name},
		{Name: "tag_id", Value: g.tag.id},
		{Name: "version", Value: b.evr.Version},
	}
}

func methodTagBuild(c *call) (any, error) {
	if c.user() == nil {
		return nil, notLoggedIn()
	}
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	b, err := c.mustBuild()
	if err != nil {
		return nil, err
	}
	u := c.user()
	return c.w.submit("tagBuild", u, 0, []any{t.id, b.id, false, nil}, func(k *task) {
		c.w.then(k, k.luck.Between(1e9, 10e9), func() {
			c.w.tagBuild(t, b, u)
			c.w.closeTask(k, nil)
		})
	}).id, nil
}

func methodTagBuildBypass(c *call) (any, error) {
	t, b, err := c.tagging()
	if err != nil {
		return nil, err
	}
	c.w.tagBuild(t, b, c.user())
	return nil, nil
}

func methodUntagBuildBypass(c *call) (any, error) {
	t, b, err := c.tagging()
	if err != nil {
		return nil, err
	}
	if !c.w.untagBuild(t, b, c.user()) && c.unless("strict") {
		return nil, fault.New(fault.CodeTag, "build %s not in tag %s", b.nvr(), t.name)
	}
	return nil, nil
}

// tagging reads the arguments of an administrator's tagging.
func (c *call) tagging() (*tag, *build, error) {
	if err := c.require("admin"); err != nil {
		return nil, nil, err
	}
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, nil, err
	}
	b, err := c.mustBuild()
	return t, b, err
}

func methodDeleteBuild(c *call) (any, error) {
	if err := c.require("admin"); err != nil {
		return nil, err
	}
	b, err := c.mustBuild()
	if err != nil {
		return nil, err
	}
	for _, t := range c.w.tags {
		for _, g := range t.byPkg[b.pkg.id] {
			if g.build == b && g.revoked == 0 {
				if c.unless("strict") {
					return nil, fault.Generic("Cannot delete build, tagged: %s", t.name)
				}
				return false, nil
			}
		}
	}
	old := b.state
	b.state = buildDeleted
	c.w.newEvent()
	c.w.tell(BuildChange{b, old, buildDeleted})
	return true, nil
}
