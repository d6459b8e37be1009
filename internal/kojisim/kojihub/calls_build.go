package kojihub

import (
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
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
func taggedStruct(g *kojisim.Tagging) xmlrpc.Struct {
	b := g.Build
	return xmlrpc.Struct{
		{Name: "build_id", Value: b.ID},
		{Name: "completion_time", Value: timeOrNil(b.Finished)},
		{Name: "create_event", Value: g.Created},
		{Name: "creation_event_id", Value: b.Event},
		{Name: "creation_time", Value: timeOrNil(b.Created)},
		{Name: "draft", Value: b.IsDraft()},
		{Name: "epoch", Value: epochOrNil(b.EVR.Epoch)},
		{Name: "id", Value: b.ID},
		{Name: "name", Value: b.Package.Name},
		{Name: "nvr", Value: b.NVR()},
		{Name: "owner_id", Value: b.Owner.ID},
		{Name: "owner_name", Value: b.Owner.Name},
		{Name: "package_id", Value: b.Package.ID},
		{Name: "package_name", Value: b.Package.Name},
		{Name: "promoter_id", Value: nil},
		{Name: "promoter_name", Value: nil},
		{Name: "promotion_time", Value: nil},
		{Name: "release", Value: b.EVR.Release},
		{Name: "start_time", Value: timeOrNil(b.Started)},
		{Name: "state", Value: b.State},
		{Name: "tag_id", Value: g.Tag.ID},
		{Name: "tag_name", Value: g.Tag.Name},
		{Name: "task_id", Value: idOrNil(b.TaskID)},
		{Name: "version", Value: b.EVR.Version},
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
	q := kojisim.TagQuery{Event: c.integer("event"), Inherit: inherit, Latest: latest}
	if info := c.arg("package"); info != nil {
		if q.Package = c.pkgOf(info); q.Package == nil {
			return []any{}, nil
		}
	}
	prefix, _ := c.arg("prefix").(string)
	gs := c.w.Listing(t, q)
	out := make([]any, 0, len(gs))
	for _, g := range gs {
		if strings.HasPrefix(g.Build.Package.Name, prefix) && (c.arg("owner") == nil || c.arg("owner") == g.Build.Owner.Name) {
			out = append(out, c.known(taggedStruct(g)))
		}
	}
	return out, nil
}

func methodListTagged(c *call) (any, error) { return c.listed(c.flag("inherit"), c.flag("latest")) }

func methodGetLatestBuilds(c *call) (any, error) { return c.listed(true, true) }

// buildStruct is a build as getBuild shows it.
func buildStruct(b *kojisim.Build) xmlrpc.Struct {
	var extra any
	if b.TaskID != 0 {
		extra = xmlrpc.Struct{{Name: "source", Value: xmlrpc.Struct{{Name: "original_url", Value: b.Source}}}}
	}
	return xmlrpc.Struct{
		{Name: "build_id", Value: b.ID},
		{Name: "cg_id", Value: nil},
		{Name: "completion_time", Value: timeOrNil(b.Finished)},
		{Name: "completion_ts", Value: stampOrNil(b.Finished)},
		{Name: "creation_event_id", Value: b.Event},
		{Name: "creation_time", Value: timeOrNil(b.Created)},
		{Name: "creation_ts", Value: stampOrNil(b.Created)},
		{Name: "draft", Value: b.IsDraft()},
		{Name: "epoch", Value: epochOrNil(b.EVR.Epoch)},
		{Name: "extra", Value: extra},
		{Name: "id", Value: b.ID},
		{Name: "name", Value: b.Package.Name},
		{Name: "nvr", Value: b.NVR()},
		{Name: "owner_id", Value: b.Owner.ID},
		{Name: "owner_name", Value: b.Owner.Name},
		{Name: "package_id", Value: b.Package.ID},
		{Name: "package_name", Value: b.Package.Name},
		{Name: "promoter_id", Value: nil},
		{Name: "promoter_name", Value: nil},
		{Name: "promotion_time", Value: nil},
		{Name: "promotion_ts", Value: nil},
		{Name: "release", Value: b.EVR.Release},
		{Name: "source", Value: stringOrNil(b.Source)},
		{Name: "start_time", Value: timeOrNil(b.Started)},
		{Name: "start_ts", Value: stampOrNil(b.Started)},
		{Name: "state", Value: b.State},
		{Name: "task_id", Value: idOrNil(b.TaskID)},
		{Name: "version", Value: b.EVR.Version},
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
	return c.known(buildStruct(b)), nil
}

// known is what this hub tells of a build or an RPM: those before 1.34 know
// nothing of drafts.
func (c *call) known(s xmlrpc.Struct) xmlrpc.Struct {
	if !c.w.Policy.Before(34) {
		return s
	}
	return slices.DeleteFunc(s, func(m xmlrpc.Member) bool {
		return m.Name == "draft" || strings.HasPrefix(m.Name, "promot")
	})
}

// buildRow is a build as listBuilds shows it.
func (c *call) buildRow(b *kojisim.Build) xmlrpc.Struct {
	var out xmlrpc.Struct
	for _, m := range c.known(buildStruct(b)) {
		if m.Name != "id" && m.Name != "cg_id" && m.Name != "cg_name" {
			out = append(out, m)
		}
	}
	return out
}

func methodListBuilds(c *call) (any, error) {
	rows := []xmlrpc.Struct{}
	builds := c.w.Builds
	if info := c.arg("packageID"); info != nil {
		p := c.pkgOf(info)
		if p == nil {
			return applyOptions(rows, c.arg("queryOpts")), nil
		}
		builds = p.Builds
	}
	for _, b := range builds {
		if (c.arg("taskID") == nil || c.integer("taskID") == b.TaskID) &&
			(c.arg("state") == nil || c.integer("state") == b.State) &&
			(c.arg("userID") == nil || c.arg("userID") == b.Owner.Name || c.arg("userID") == int64(b.Owner.ID)) {
			rows = append(rows, c.buildRow(b))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
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
	return c.w.NewTagBuildTask(t, b, c.user()).ID, nil
}

func methodTagBuildBypass(c *call) (any, error) {
	t, b, err := c.tagging()
	if err != nil {
		return nil, err
	}
	c.w.TagBuild(t, b, c.user())
	return nil, nil
}

func methodUntagBuildBypass(c *call) (any, error) {
	t, b, err := c.tagging()
	if err != nil {
		return nil, err
	}
	if !c.w.UntagBuild(t, b, c.user()) && c.unless("strict") {
		return nil, fault.New(fault.CodeTag, "build %s not in tag %s", b.NVR(), t.Name)
	}
	return nil, nil
}

// tagging reads the arguments of an administrator's tagging.
func (c *call) tagging() (*kojisim.Tag, *kojisim.Build, error) {
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
	for _, t := range c.w.Tags {
		for _, g := range t.ByPkg[b.Package.ID] {
			if g.Build == b && g.Revoked == 0 {
				if c.unless("strict") {
					return nil, fault.Generic("Cannot delete build, tagged: %s", t.Name)
				}
				return false, nil
			}
		}
	}
	c.w.DeleteBuild(b)
	return true, nil
}
