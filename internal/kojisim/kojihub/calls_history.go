package kojihub

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
)

func historyMethods(m map[string]*method) {
	m["queryHistory"] = methodOf("query_history(tables=None, tag=None, build=None, package=None, afterEvent=None, queryOpts=None)", methodQueryHistory)
}

// methodQueryHistory knows the history of tags only.
func methodQueryHistory(c *call) (any, error) {
	rows := []any{}
	var only *kojisim.Build
	if info := c.arg("build"); info != nil {
		var err error
		if only, err = c.buildOf(info); err != nil || only == nil {
			return xmlrpc.Struct{{Name: "tag_listing", Value: rows}}, err
		}
	}
	for _, t := range c.w.Tags {
		if !matches(c.arg("tag"), t) {
			continue
		}
		taggings := t.Taggings
		if only != nil {
			taggings = t.ByPkg[only.Package.ID]
		}
		for _, g := range taggings {
			if max(g.Created, g.Revoked) <= c.integer("afterEvent") {
				continue
			}
			if (only == nil || only == g.Build) && (c.arg("package") == nil || c.pkgOf(c.arg("package")) == g.Build.Package) {
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
	for _, t := range c.w.Tags {
		if !matches(c.arg("tag"), t) {
			continue
		}
		for _, id := range t.PkgOrder {
			l := t.Listed[id]
			if l.Changed <= c.integer("afterEvent") || c.arg("package") != nil && c.pkgOf(c.arg("package")) != l.Package {
				continue
			}
			rows = append(rows, xmlrpc.Struct{
				{Name: "active", Value: true},
				{Name: "blocked", Value: l.Blocked},
				{Name: "create_event", Value: l.Changed},
				{Name: "create_ts", Value: stamp(c.w.EventTime(l.Changed))},
				{Name: "creator_id", Value: l.Owner.ID},
				{Name: "creator_name", Value: l.Owner.Name},
				{Name: "extra_arches", Value: stringOrNil(l.ExtraArches)},
				{Name: "package.name", Value: l.Package.Name},
				{Name: "package_id", Value: l.Package.ID},
				{Name: "revoke_event", Value: nil},
				{Name: "revoke_ts", Value: nil},
				{Name: "revoker_id", Value: nil},
				{Name: "revoker_name", Value: nil},
				{Name: "tag.name", Value: t.Name},
				{Name: "tag_id", Value: t.ID},
			})
		}
	}
	return rows
}

func taggingHistory(w *kojisim.System, g *kojisim.Tagging) xmlrpc.Struct {
	var active, revokeTS, revokerID, revoker any
	if g.Revoked == 0 {
		active = true
	} else {
		revokeTS = stamp(w.EventTime(g.Revoked))
		revokerID, revoker = g.Ending.ID, g.Ending.Name
	}
	b := g.Build
	return xmlrpc.Struct{
		{Name: "active", Value: active},
		{Name: "build.state", Value: b.State},
		{Name: "build_id", Value: b.ID},
		{Name: "create_event", Value: g.Created},
		{Name: "create_ts", Value: stamp(w.EventTime(g.Created))},
		{Name: "creator_id", Value: g.Creator.ID},
		{Name: "creator_name", Value: g.Creator.Name},
		{Name: "epoch", Value: epochOrNil(b.EVR.Epoch)},
		{Name: "name", Value: b.Package.Name},
		{Name: "release", Value: b.EVR.Release},
		{Name: "revoke_event", Value: idOrNil(g.Revoked)},
		{Name: "revoke_ts", Value: revokeTS},
		{Name: "revoker_id", Value: revokerID},
		{Name: "revoker_name", Value: revoker},
		{Name: "tag.name", Value: g.Tag.Name},
		{Name: "tag_id", Value: g.Tag.ID},
		{Name: "version", Value: b.EVR.Version},
	}
}
