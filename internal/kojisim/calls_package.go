package kojisim

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

func packageMethods(m map[string]*method) {
	m["listPackages"] = methodOf("RootExports.listPackages(tagID=None, userID=None, pkgID=None, prefix=None, inherited=False, with_dups=False, event=None, queryOpts=None, with_owners=True, with_blocked=True)", methodListPackages)
	m["getPackage"] = methodOf("lookup_package(info, strict=False, create=False)", methodGetPackage)
	m["getPackageID"] = methodOf("RootExports.getPackageID(name, strict=False)", methodGetPackageID)
	m["getPackageConfig"] = methodOf("RootExports.getPackageConfig(tag, pkg, event=None)", methodGetPackageConfig)
	m["getAverageBuildDuration"] = methodOf("get_average_build_duration(package, age=None)", methodGetAverageBuildDuration)
}

func methodListPackages(c *call) (any, error) {
	w := c.w
	if c.arg("tagID") == nil && c.arg("userID") == nil && c.arg("pkgID") == nil {
		rows := make([]xmlrpc.Struct, len(w.packages))
		for i, p := range w.packages {
			rows[i] = xmlrpc.Struct{{Name: "package_id", Value: p.id}, {Name: "package_name", Value: p.name}}
		}
		return applyOptions(rows, c.arg("queryOpts")), nil
	}
	tags := w.tags
	if info := c.arg("tagID"); info != nil {
		t, err := c.tagOf(info)
		if err != nil {
			return nil, err
		}
		if t == nil {
			return nil, fault.Generic("No such entry in table tag: %v", info)
		}
		tags = []*tag{t}
		if c.flag("inherited") {
			tags = t.order()
		}
	}
	return applyOptions(c.listedPackages(tags), c.arg("queryOpts")), nil
}

// listedPackages are the entries of tags that a listPackages call selects.
func (c *call) listedPackages(tags []*tag) []xmlrpc.Struct {
	event := c.integer("event")
	prefix, _ := c.arg("prefix").(string)
	seen := map[int]bool{}
	rows := []xmlrpc.Struct{}
	for _, t := range tags {
		for _, id := range c.selectedOf(t) {
			l := t.pkgs[id]
			switch {
			case event != 0 && l.created > event,
				!strings.HasPrefix(l.pkg.name, strings.ToLower(prefix)),
				seen[id] && !c.flag("with_dups") && c.arg("tagID") != nil,
				c.arg("userID") != nil && c.arg("userID") != l.owner.name && c.arg("userID") != int64(l.owner.id):
				continue
			}
			seen[id] = true
			if l.blocked && !c.unless("with_blocked") {
				continue
			}
			rows = append(rows, listedStruct(l, t, c.unless("with_owners")))
		}
	}
	return rows
}

// selectedOf returns the packages of a tag that a listPackages call is about, in
// the tag's order: one at most, if it asks for one.
func (c *call) selectedOf(t *tag) []int {
	info := c.arg("pkgID")
	if info == nil {
		return t.pkgOrder
	}
	if p := c.pkgOf(info); p != nil && t.pkgs[p.id] != nil {
		return []int{p.id}
	}
	return nil
}

func listedStruct(l *listedPkg, t *tag, owners bool) xmlrpc.Struct {
	out := make(xmlrpc.Struct, 0, 8)
	out = append(out, xmlrpc.Member{Name: "blocked", Value: l.blocked}, xmlrpc.Member{Name: "extra_arches", Value: stringOrNil(l.extraArches)})
	if owners {
		out = append(out, xmlrpc.Member{Name: "owner_id", Value: l.owner.id}, xmlrpc.Member{Name: "owner_name", Value: l.owner.name})
	}
	return append(out,
		xmlrpc.Member{Name: "package_id", Value: l.pkg.id}, xmlrpc.Member{Name: "package_name", Value: l.pkg.name},
		xmlrpc.Member{Name: "tag_id", Value: t.id}, xmlrpc.Member{Name: "tag_name", Value: t.name})
}

// pkgOf finds a package by name or id; nil if there is none.
func (c *call) pkgOf(info any) *pkg {
	switch v := info.(type) {
	case string:
		return c.w.packageByName(v)
	case int64:
		if v >= 1 && int(v) <= len(c.w.packages) {
			return c.w.packages[v-1]
		}
	}
	return nil
}

func methodGetPackage(c *call) (any, error) {
	p := c.pkgOf(c.arg("info"))
	if p == nil {
		if c.flag("strict") {
			return nil, fault.Generic("No such entry in table package: %v", c.arg("info"))
		}
		return nil, nil
	}
	return xmlrpc.Struct{{Name: "id", Value: p.id}, {Name: "name", Value: p.name}}, nil
}

func methodGetPackageID(c *call) (any, error) {
	p := c.pkgOf(c.arg("name"))
	if p == nil {
		return nil, nil
	}
	return p.id, nil
}

func methodGetPackageConfig(c *call) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	p := c.pkgOf(c.arg("pkg"))
	if p == nil {
		return nil, nil
	}
	for _, a := range t.order() {
		if l := a.pkgs[p.id]; l != nil {
			return listedStruct(l, a, true), nil
		}
	}
	return nil, nil
}

func methodGetAverageBuildDuration(c *call) (any, error) {
	p := c.pkgOf(c.arg("package"))
	if p == nil {
		return nil, nil
	}
	total, n := 0.0, 0
	for _, b := range p.builds {
		if b.state == buildComplete && b.taskID != 0 {
			total += b.finished.Sub(b.started).Seconds()
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return total / float64(n), nil
}
