package kojihub

import (
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func externalStruct(r *kojisim.ExternalRepo) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "id", Value: r.ID}, {Name: "name", Value: r.Name}, {Name: "url", Value: r.URL}}
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
	tags := c.w.Tags
	if c.arg("tag_info") != nil {
		t, err := c.mustTag(c.arg("tag_info"))
		if err != nil {
			return nil, err
		}
		tags = []*kojisim.Tag{t}
	}
	for _, t := range tags {
		for _, u := range t.External {
			out = append(out, xmlrpc.Struct{
				{Name: "arches", Value: nil},
				{Name: "external_repo_id", Value: u.Repo.ID},
				{Name: "external_repo_name", Value: u.Repo.Name},
				{Name: "merge_mode", Value: u.Mode},
				{Name: "priority", Value: u.Priority},
				{Name: "tag_id", Value: t.ID},
				{Name: "tag_name", Value: t.Name},
				{Name: "url", Value: u.Repo.URL},
			})
		}
	}
	return out, nil
}

func methodGetExternalRepo(c *call) (any, error) {
	r := c.w.ExternalOf(c.arg("info"))
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
	for _, r := range c.w.External {
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
	if c.w.ExternalOf(name) != nil {
		return nil, fault.Generic("An external repo named \"%s\" already exists", name)
	}
	return externalStruct(c.w.AddExternalRepo(name, url)), nil
}

func methodAddExternalRepoToTag(c *call) (any, error) {
	if err := c.require("tag"); err != nil {
		return nil, err
	}
	t, err := c.mustTag(c.arg("tag_info"))
	if err != nil {
		return nil, err
	}
	r := c.w.ExternalOf(c.arg("repo_info"))
	if r == nil {
		return nil, fault.Generic("invalid repo info: %s", pythonText(c.arg("repo_info")))
	}
	for _, u := range t.External {
		if u.Repo == r {
			return nil, fault.Generic("tag %s already associated with external repo %s", t.Name, r.Name)
		}
		if u.Priority == c.integer("priority") {
			return nil, fault.Generic("tag %s already associated with an external repo at priority %d", t.Name, u.Priority)
		}
	}
	mode, _ := c.arg("merge_mode").(string)
	if mode == "" {
		mode = "koji"
	}
	c.w.UseExternalRepo(t, &kojisim.ExternalUse{Repo: r, Priority: c.integer("priority"), Mode: mode})
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
	if c.w.DropExternalRepo(t, c.w.ExternalOf(c.arg("repo_info"))) {
		return nil, nil
	}
	return nil, fault.Generic("external repo %s not associated with tag %s", pythonText(c.arg("repo_info")), t.Name)
}
