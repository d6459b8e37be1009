package kojisim

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
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

// tagOf finds a tag by name or id; nil if there is none.
func (c *call) tagOf(info any) (*tag, error) {
	switch v := info.(type) {
	case string:
		return c.w.tagByName(v), nil
	case int64:
		if v >= 1 && int(v) <= len(c.w.tags) {
			return c.w.tags[v-1], nil
		}
		return nil, nil
	case xmlrpc.Struct:
		if id, ok := v.Get("id"); ok {
			return c.tagOf(id)
		}
	}
	return nil, fault.New(fault.CodeParameter, "Invalid name or id value: %s", pythonText(info))
}

// mustTag finds a tag that has to exist.
func (c *call) mustTag(info any) (*tag, error) {
	t, err := c.tagOf(info)
	if t == nil && err == nil {
		err = fault.Generic("No such tagInfo: %s", pythonText(info))
	}
	return t, err
}

func tagStruct(t *tag) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "arches", Value: joinedArches(t.arches)},
		{Name: "id", Value: t.id},
		{Name: "locked", Value: false},
		{Name: "maven_include_all", Value: false},
		{Name: "maven_support", Value: false},
		{Name: "name", Value: t.name},
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
	if t == nil || event != 0 && t.created > event {
		if c.flag("strict") {
			return nil, fault.Generic("No such tagInfo: %s", pythonText(c.arg("tagInfo")))
		}
		return nil, nil
	}
	out := append(tagStruct(t), xmlrpc.Member{Name: "extra", Value: wireValue(t.extra)})
	if event != 0 {
		out = append(out, xmlrpc.Member{Name: "query_event", Value: event})
	}
	return out, nil
}

func methodListTags(c *call) (any, error) {
	rows := make([]xmlrpc.Struct, len(c.w.tags))
	for i, t := range c.w.tags {
		rows[i] = tagStruct(t)
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func targetStruct(g *target) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "build_tag", Value: g.build.id},
		{Name: "build_tag_name", Value: g.build.name},
		{Name: "dest_tag", Value: g.dest.id},
		{Name: "dest_tag_name", Value: g.dest.name},
		{Name: "id", Value: g.id},
		{Name: "name", Value: g.name},
	}
}

func methodGetBuildTarget(c *call) (any, error) {
	for _, g := range c.w.targets {
		if c.arg("info") == g.name || c.arg("info") == int64(g.id) {
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
	for _, g := range c.w.targets {
		if matches(c.arg("buildTagID"), g.build) && matches(c.arg("destTagID"), g.dest) &&
			(c.arg("info") == nil || c.arg("info") == g.name || c.arg("info") == int64(g.id)) {
			rows = append(rows, targetStruct(g))
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

// matches reports whether an optional tag argument means t.
func matches(info any, t *tag) bool {
	return info == nil || info == t.name || info == int64(t.id)
}

func methodGetBuildConfig(c *call) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	var from any
	arches := t.arches
	for _, a := range t.order() {
		if len(arches) == 0 && len(a.arches) > 0 {
			arches = a.arches
			from = xmlrpc.Struct{{Name: "id", Value: a.id}, {Name: "name", Value: a.name}}
		}
	}
	out := tagStruct(t)
	out[0].Value = joinedArches(arches)
	return append(out,
		xmlrpc.Member{Name: "extra", Value: wireValue(t.extra)},
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
	for _, a := range t.order() {
		for _, g := range a.groups {
			if event == 0 || g.created <= event {
				out = append(out, groupStruct(g, a))
			}
		}
	}
	return out, nil
}

func groupStruct(g *group, t *tag) xmlrpc.Struct {
	members, needs := []any{}, []any{}
	for _, m := range g.members {
		members = append(members, xmlrpc.Struct{
			{Name: "basearchonly", Value: nil},
			{Name: "blocked", Value: false},
			{Name: "group_id", Value: g.id},
			{Name: "package", Value: m.name},
			{Name: "requires", Value: nil},
			{Name: "tag_id", Value: t.id},
			{Name: "type", Value: m.kind},
		})
	}
	for _, n := range g.requires {
		needs = append(needs, xmlrpc.Struct{
			{Name: "blocked", Value: false},
			{Name: "group_id", Value: g.id},
			{Name: "is_metapkg", Value: false},
			{Name: "name", Value: n.group.name},
			{Name: "req_id", Value: n.group.id},
			{Name: "tag_id", Value: t.id},
			{Name: "type", Value: n.kind},
		})
	}
	return xmlrpc.Struct{
		{Name: "biarchonly", Value: false},
		{Name: "blocked", Value: false},
		{Name: "description", Value: stringOrNil(g.description)},
		{Name: "display_name", Value: g.name},
		{Name: "exported", Value: true},
		{Name: "group_id", Value: g.id},
		{Name: "is_default", Value: nil},
		{Name: "langonly", Value: nil},
		{Name: "name", Value: g.name},
		{Name: "tag_id", Value: t.id},
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
	var visit func(child *tag, depth int)
	visit = func(child *tag, depth int) {
		for i, p := range child.parents {
			out = append(out, xmlrpc.Struct{
				{Name: "intransitive", Value: false},
				{Name: "maxdepth", Value: nil},
				{Name: "name", Value: p.name},
				{Name: "noconfig", Value: false},
				{Name: "parent_id", Value: p.id},
				{Name: "pkg_filter", Value: ""},
				{Name: "priority", Value: i},
				{Name: "child_id", Value: child.id},
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
	if c.w.tagByName(name) != nil {
		return nil, fault.Generic("A tag with the name '%s' already exists", name)
	}
	if strings.Contains(arches, ",") {
		return nil, fault.Generic("Architecture can be only a space-delimited list: %s", arches)
	}
	var parents []*tag
	if c.arg("parent") != nil {
		p, err := c.mustTag(c.arg("parent"))
		if err != nil {
			return nil, err
		}
		parents = append(parents, p)
	}
	return c.w.addTag(name, strings.Fields(arches), parents...).id, nil
}

func methodCreateBuildTarget(c *call) (any, error) {
	if err := c.require("target"); err != nil {
		return nil, err
	}
	name, _ := c.arg("name").(string)
	if c.w.targetByName(name) != nil {
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
	c.w.addTarget(name, build, dest)
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
	if t.groupByName(name) == nil {
		c.w.addGroup(t, name, "")
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
	g := t.groupByName(name)
	if g == nil {
		return nil, fault.Generic("group is not valid: %s", name)
	}
	pkg, _ := c.arg("pkg_name").(string)
	g.members = append(g.members, groupMember{pkg, "mandatory"})
	t.touch(c.w.newEvent())
	return nil, nil
}

func externalStruct(r *externalRepo) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "id", Value: r.id}, {Name: "name", Value: r.name}, {Name: "url", Value: r.url}}
}

func externalRepoMethods(m map[string]*method) {
	m["getTagExternalRepos"] = methodOf("get_tag_external_repos(tag_info=None, repo_info=None, event=None)", methodGetTagExternalRepos)
	m["getExternalRepoList"] = methodOf("get_external_repo_list(tag_info, event=None)", methodGetTagExternalRepos)
	m["getExternalRepo"] = methodOf("get_external_repo(info, strict=False, event=None)", methodGetExternalRepo)
	m["listExternalRepos"] = methodOf("get_external_repos(info=None, url=None, event=None, queryOpts=None)", methodListExternalRepos)
	m["createExternalRepo"] = methodOf("create_external_repo(name, url)", methodCreateExternalRepo)
	m["addExternalRepoToTag"] = methodOf("add_external_repo_to_tag(tag_info, repo_info, priority, merge_mode='koji', arches=None)", methodAddExternalRepoToTag)
	m["removeExternalRepoFromTag"] = methodOf("remove_external_repo_from_tag(tag_info, repo_info)", methodRemoveExternalRepo)
}

func methodGetTagExternalRepos(c *call) (any, error) {
	out := []any{}
	tags := c.w.tags
	if c.arg("tag_info") != nil {
		t, err := c.mustTag(c.arg("tag_info"))
		if err != nil {
			return nil, err
		}
		tags = []*tag{t}
	}
	for _, t := range tags {
		for _, u := range t.external {
			out = append(out, xmlrpc.Struct{
				{Name: "arches", Value: nil},
				{Name: "external_repo_id", Value: u.repo.id},
				{Name: "external_repo_name", Value: u.repo.name},
				{Name: "merge_mode", Value: u.mode},
				{Name: "priority", Value: u.priority},
				{Name: "tag_id", Value: t.id},
				{Name: "tag_name", Value: t.name},
				{Name: "url", Value: u.repo.url},
			})
		}
	}
	return out, nil
}

func methodGetExternalRepo(c *call) (any, error) {
	r := c.w.externalOf(c.arg("info"))
	if r == nil {
		if c.flag("strict") {
			return nil, fault.Generic("invalid repo info: %s", pythonText(c.arg("info")))
		}
		return nil, nil
	}
	return externalStruct(r), nil
}

func methodListExternalRepos(c *call) (any, error) {
	rows := []xmlrpc.Struct{}
	for _, r := range c.w.external {
		rows = append(rows, externalStruct(r))
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func methodCreateExternalRepo(c *call) (any, error) {
	if err := c.require("admin"); err != nil {
		return nil, err
	}
	name, _ := c.arg("name").(string)
	url, _ := c.arg("url").(string)
	if c.w.externalOf(name) != nil {
		return nil, fault.Generic("An external repo named \"%s\" already exists", name)
	}
	return externalStruct(c.w.addExternalRepo(name, url)), nil
}

func methodAddExternalRepoToTag(c *call) (any, error) {
	if err := c.require("tag"); err != nil {
		return nil, err
	}
	t, err := c.mustTag(c.arg("tag_info"))
	if err != nil {
		return nil, err
	}
	r := c.w.externalOf(c.arg("repo_info"))
	if r == nil {
		return nil, fault.Generic("invalid repo info: %s", pythonText(c.arg("repo_info")))
	}
	for _, u := range t.external {
		if u.repo == r {
			return nil, fault.Generic("tag %s already associated with external repo %s", t.name, r.name)
		}
		if u.priority == c.integer("priority") {
			return nil, fault.Generic("tag %s already associated with an external repo at priority %d", t.name, u.priority)
		}
	}
	mode, _ := c.arg("merge_mode").(string)
	if mode == "" {
		mode = "koji"
	}
	t.external = append(t.external, &externalUse{repo: r, priority: c.integer("priority"), mode: mode})
	t.touch(c.w.newEvent())
	return nil, nil
}

func methodRemoveExternalRepo(c *call) (any, error) {
	if err := c.require("tag"); err != nil {
		return nil, err
	}
	t, err := c.mustTag(c.arg("tag_info"))
	if err != nil {
		return nil, err
	}
	for i, u := range t.external {
		if u.repo == c.w.externalOf(c.arg("repo_info")) {
			t.external = append(t.external[:i:i], t.external[i+1:]...)
			t.touch(c.w.newEvent())
			return nil, nil
		}
	}
	return nil, fault.Generic("external repo %s not associated with tag %s", pythonText(c.arg("repo_info")), t.name)
}

func methodTagChangedSinceEvent(c *call) (any, error) {
	list, _ := c.arg("taglist").([]any)
	for _, info := range list {
		t, err := c.mustTag(info)
		if err != nil {
			return nil, err
		}
		if t.ownChangeAfter(c.integer("event")) {
			return true, nil
		}
	}
	return false, nil
}
