package kojihub

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func tagMethods(m map[string]*method) {
	m["getTag"] = methodOf("get_tag(tagInfo, strict=False, event=None, blocked=False)", methodGetTag)
	m["listTags"] = methodOf("list_tags(build=None, package=None, perms=True, queryOpts=None, pattern=None)", methodListTags)
	m["getBuildTarget"] = methodOf("get_build_target(info, event=None, strict=False)", methodGetBuildTarget)
	m["getBuildTargets"] = methodOf("get_build_targets(info=None, event=None, buildTagID=None, destTagID=None, queryOpts=None)", methodGetBuildTargets)
	m["getBuildConfig"] = methodOf("RootExports.getBuildConfig(tag, event=None)", methodGetBuildConfig)
	m["getTagGroups"] = methodOf("RootExports.getTagGroups(tag, event=None, inherit=True, incl_pkgs=True, incl_reqs=True, incl_blocked=False)", methodGetTagGroups)
	m["getFullInheritance"] = methodOf("RootExports.getFullInheritance(tag, event=None, reverse=False)", methodGetFullInheritance)
	m["createTag"] = methodOf("create_tag(name, parent=None, arches=None, perm=None, locked=False, maven_support=False, maven_include_all=False, extra=None)", methodCreateTag)
	m["createBuildTarget"] = methodOf("create_build_target(name, build_tag, dest_tag)", methodCreateBuildTarget)
	m["groupListAdd"] = methodOf("RootExports.groupListAdd(taginfo, grpinfo, block=False, force=False, **opts)", methodGroupListAdd)
	m["groupPackageListAdd"] = methodOf("grp_pkg_add(taginfo, grpinfo, pkg_name, block=False, force=False, **opts)", methodGroupPackageListAdd)
	m["tagChangedSinceEvent"] = methodOf("RootExports.tagChangedSinceEvent(event, taglist)", methodTagChangedSinceEvent)
}

func tagStruct(t *kojisim.Tag) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "arches", Value: joinedArches(t.Arches)},
		{Name: "id", Value: t.ID},
		{Name: "locked", Value: false},
		{Name: "maven_include_all", Value: false},
		{Name: "maven_support", Value: false},
		{Name: "name", Value: t.Name},
		{Name: "perm", Value: nil},
		{Name: "perm_id", Value: nil},
	}
}

func methodGetTag(c *call) (any, error) {
	t, err := c.tagOf(c.arg("tagInfo"))
	if err != nil {
		return nil, err
	}
	event := c.integer("event")
	if t == nil || event != 0 && t.Created > event {
		if c.flag("strict") {
			return nil, fault.Generic("No such tagInfo: %s", pythonText(c.arg("tagInfo")))
		}
		return nil, nil
	}
	out := append(tagStruct(t), xmlrpc.Member{Name: "extra", Value: wireValue(t.Extra)})
	if event != 0 {
		out = append(out, xmlrpc.Member{Name: "query_event", Value: event})
	}
	return out, nil
}

func methodListTags(c *call) (any, error) {
	rows := make([]xmlrpc.Struct, len(c.w.Tags))
	for i, t := range c.w.Tags {
		rows[i] = tagStruct(t)
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func targetStruct(g *kojisim.Target) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "build_tag", Value: g.Build.ID},
		{Name: "build_tag_name", Value: g.Build.Name},
		{Name: "dest_tag", Value: g.Dest.ID},
		{Name: "dest_tag_name", Value: g.Dest.Name},
		{Name: "id", Value: g.ID},
		{Name: "name", Value: g.Name},
	}
}

func methodGetBuildTarget(c *call) (any, error) {
	for _, g := range c.w.Targets {
		if c.arg("info") == g.Name || c.arg("info") == int64(g.ID) {
			return targetStruct(g), nil
		}
	}
	if c.flag("strict") {
		name, _ := c.arg("info").(string)
		return nil, fault.Generic("No such build target: %s", name)
	}
	return nil, nil
}

func methodGetBuildTargets(c *call) (any, error) {
	rows := []xmlrpc.Struct{}
	for _, g := range c.w.Targets {
		if matches(c.arg("buildTagID"), g.Build) && matches(c.arg("destTagID"), g.Dest) &&
			(c.arg("info") == nil || c.arg("info") == g.Name || c.arg("info") == int64(g.ID)) {
			rows = append(rows, targetStruct(g))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func methodGetBuildConfig(c *call) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	var from any
	arches := t.Arches
	for _, a := range t.Order() {
		if len(arches) == 0 && len(a.Arches) > 0 {
			arches = a.Arches
			from = xmlrpc.Struct{{Name: "id", Value: a.ID}, {Name: "name", Value: a.Name}}
		}
	}
	out := tagStruct(t)
	out[0].Value = joinedArches(arches)
	return append(out,
		xmlrpc.Member{Name: "extra", Value: wireValue(t.Extra)},
		xmlrpc.Member{Name: "config_inheritance", Value: xmlrpc.Struct{
			{Name: "extra", Value: xmlrpc.Struct{}}, {Name: "arches", Value: from},
		}}), nil
}

func methodGetTagGroups(c *call) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	event := c.integer("event")
	out := []any{}
	for _, a := range t.Order() {
		for _, g := range a.Groups {
			if event == 0 || g.Created <= event {
				out = append(out, groupStruct(g, a))
			}
		}
	}
	return out, nil
}

func groupStruct(g *kojisim.Group, t *kojisim.Tag) xmlrpc.Struct {
	members, needs := []any{}, []any{}
	for _, m := range g.Members {
		members = append(members, xmlrpc.Struct{
			{Name: "basearchonly", Value: nil},
			{Name: "blocked", Value: false},
			{Name: "group_id", Value: g.ID},
			{Name: "package", Value: m.Name},
			{Name: "requires", Value: nil},
			{Name: "tag_id", Value: t.ID},
			{Name: "type", Value: m.Kind},
		})
	}
	for _, n := range g.Requires {
		needs = append(needs, xmlrpc.Struct{
			{Name: "blocked", Value: false},
			{Name: "group_id", Value: g.ID},
			{Name: "is_metapkg", Value: false},
			{Name: "name", Value: n.Group.Name},
			{Name: "req_id", Value: n.Group.ID},
			{Name: "tag_id", Value: t.ID},
			{Name: "type", Value: n.Kind},
		})
	}
	return xmlrpc.Struct{
		{Name: "biarchonly", Value: false},
		{Name: "blocked", Value: false},
		{Name: "description", Value: stringOrNil(g.Description)},
		{Name: "display_name", Value: g.Name},
		{Name: "exported", Value: true},
		{Name: "group_id", Value: g.ID},
		{Name: "is_default", Value: nil},
		{Name: "langonly", Value: nil},
		{Name: "name", Value: g.Name},
		{Name: "tag_id", Value: t.ID},
		{Name: "uservisible", Value: true},
		{Name: "packagelist", Value: members},
		{Name: "grouplist", Value: needs},
	}
}

func methodGetFullInheritance(c *call) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	out := []any{}
	var visit func(child *kojisim.Tag, depth int)
	visit = func(child *kojisim.Tag, depth int) {
		for i, p := range child.Parents {
			out = append(out, xmlrpc.Struct{
				{Name: "intransitive", Value: false},
				{Name: "maxdepth", Value: nil},
				{Name: "name", Value: p.Name},
				{Name: "noconfig", Value: false},
				{Name: "parent_id", Value: p.ID},
				{Name: "pkg_filter", Value: ""},
				{Name: "priority", Value: i},
				{Name: "child_id", Value: child.ID},
				{Name: "nextdepth", Value: nil},
				{Name: "currdepth", Value: depth},
				{Name: "filter", Value: []any{}},
			})
			visit(p, depth+1)
		}
	}
	visit(t, 1)
	return out, nil
}

func methodCreateTag(c *call) (any, error) {
	if err := c.require("tag"); err != nil {
		return nil, err
	}
	name, _ := c.arg("name").(string)
	arches, _ := c.arg("arches").(string)
	if c.w.TagByName(name) != nil {
		return nil, fault.Generic("A tag with the name '%s' already exists", name)
	}
	if strings.Contains(arches, ",") {
		return nil, fault.Generic("Architecture can be only a space-delimited list: %s", arches)
	}
	var parents []*kojisim.Tag
	if c.arg("parent") != nil {
		p, err := c.mustTag(c.arg("parent"))
		if err != nil {
			return nil, err
		}
		parents = append(parents, p)
	}
	return c.w.AddTag(name, strings.Fields(arches), parents...).ID, nil
}

func methodCreateBuildTarget(c *call) (any, error) {
	if err := c.require("target"); err != nil {
		return nil, err
	}
	name, _ := c.arg("name").(string)
	if c.w.TargetByName(name) != nil {
		return nil, fault.Generic("A build target with the name '%s' already exists", name)
	}
	build, err := c.mustTag(c.arg("build_tag"))
	if err != nil {
		return nil, err
	}
	dest, err := c.mustTag(c.arg("dest_tag"))
	if err != nil {
		return nil, err
	}
	c.w.AddTarget(name, build, dest)
	return nil, nil
}

func methodGroupListAdd(c *call) (any, error) {
	if err := c.require("tag"); err != nil {
		return nil, err
	}
	t, err := c.mustTag(c.arg("taginfo"))
	if err != nil {
		return nil, err
	}
	name, _ := c.arg("grpinfo").(string)
	if t.GroupByName(name) == nil {
		c.w.AddGroup(t, name, "")
	}
	return nil, nil
}

func methodGroupPackageListAdd(c *call) (any, error) {
	if err := c.require("tag"); err != nil {
		return nil, err
	}
	t, err := c.mustTag(c.arg("taginfo"))
	if err != nil {
		return nil, err
	}
	name, _ := c.arg("grpinfo").(string)
	g := t.GroupByName(name)
	if g == nil {
		return nil, fault.Generic("group is not valid: %s", name)
	}
	pkg, _ := c.arg("pkg_name").(string)
	c.w.AddMember(t, g, kojisim.GroupMember{Name: pkg, Kind: "mandatory"})
	return nil, nil
}

func methodTagChangedSinceEvent(c *call) (any, error) {
	list, _ := c.arg("taglist").([]any)
	for _, info := range list {
		t, err := c.mustTag(info)
		if err != nil {
			return nil, err
		}
		if t.OwnChangeAfter(c.integer("event")) {
			return true, nil
		}
	}
	return false, nil
}
