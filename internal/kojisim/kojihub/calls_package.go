package kojihub

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
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
		rows := make([]xmlrpc.Struct, len(w.Packages))
		for i, p := range w.Packages {
			rows[i] = xmlrpc.Struct{{Name: "package_id", Value: p.ID}, {Name: "package_name", Value: p.Name}}
		}
		return applyOptions(rows, c.arg("queryOpts")), nil
	}
	tags := w.Tags
	if info := c.arg("tagID"); info != nil {
		t, err := c.tagOf(info)
		if err != nil {
			return nil, err
		}
		if t == nil {
			return nil, fault.Generic("No such entry in table tag: %v", info)
		}
		tags = []*kojisim.Tag{t}
		if c.flag("inherited") {
			tags = t.Order()
		}
	}
	if info := c.arg("pkgID"); info != nil && c.pkgOf(info) == nil {
		return nil, fault.Generic("No such entry in table package: %v", info)
	}
	return applyOptions(c.listedPackages(tags), c.arg("queryOpts")), nil
}

// listedPackages are the entries of tags that a listPackages call selects.
func (c *call) listedPackages(tags []*kojisim.Tag) []xmlrpc.Struct {
	event := c.integer("event")
	prefix, _ := c.arg("prefix").(string)
	seen := map[int]bool{}
	rows := []xmlrpc.Struct{}
	for _, t := range tags {
		for _, id := range c.selectedOf(t) {
			l := t.Listed[id]
			switch {
			case event != 0 && l.Created > event,
				!strings.HasPrefix(l.Package.Name, strings.ToLower(prefix)),
				seen[id] && !c.flag("with_dups") && c.arg("tagID") != nil,
				c.arg("userID") != nil && c.arg("userID") != l.Owner.Name && c.arg("userID") != int64(l.Owner.ID):
				continue
			}
			seen[id] = true
			if l.Blocked && !c.unless("with_blocked") {
				continue
			}
			rows = append(rows, listedStruct(l, t, c.unless("with_owners")))
		}
	}
	return rows
}

// selectedOf returns the packages of a tag that a listPackages call is about, in
// the tag's order: one at most, if it asks for one.
func (c *call) selectedOf(t *kojisim.Tag) []int {
	info := c.arg("pkgID")
	if info == nil {
		return t.PkgOrder
	}
	if p := c.pkgOf(info); p != nil && t.Listed[p.ID] != nil {
		return []int{p.ID}
	}
	return nil
}

func listedStruct(l *kojisim.ListedPackage, t *kojisim.Tag, owners bool) xmlrpc.Struct {
	out := make(xmlrpc.Struct, 0, 8)
	out = append(out, xmlrpc.Member{Name: "blocked", Value: l.Blocked}, xmlrpc.Member{Name: "extra_arches", Value: stringOrNil(l.ExtraArches)})
	if owners {
		out = append(out, xmlrpc.Member{Name: "owner_id", Value: l.Owner.ID}, xmlrpc.Member{Name: "owner_name", Value: l.Owner.Name})
	}
	return append(out,
		xmlrpc.Member{Name: "package_id", Value: l.Package.ID}, xmlrpc.Member{Name: "package_name", Value: l.Package.Name},
		xmlrpc.Member{Name: "tag_id", Value: t.ID}, xmlrpc.Member{Name: "tag_name", Value: t.Name})
}

func methodGetPackage(c *call) (any, error) {
	p := c.pkgOf(c.arg("info"))
	if p == nil {
		if c.flag("strict") {
			return nil, fault.Generic("No such entry in table package: %v", c.arg("info"))
		}
		return nil, nil
	}
	return xmlrpc.Struct{{Name: "id", Value: p.ID}, {Name: "name", Value: p.Name}}, nil
}

func methodGetPackageID(c *call) (any, error) {
	p := c.pkgOf(c.arg("name"))
	if p == nil {
		return nil, nil
	}
	return p.ID, nil
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
	for _, a := range t.Order() {
		if l := a.Listed[p.ID]; l != nil {
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
	for _, b := range p.Builds {
		if b.State == kojisim.BuildComplete && b.TaskID != 0 {
			total += b.Finished.Sub(b.Started).Seconds()
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return total / float64(n), nil
}
