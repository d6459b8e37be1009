package kojisim

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/rpm"
)

func rpmMethods(m map[string]*method) {
	m["listRPMs"] = methodOf("list_rpms(buildID=None, buildrootID=None, imageID=None, componentBuildrootID=None, hostID=None, arches=None, queryOpts=None, draft=None)", methodListRPMs)
	m["listBuildRPMs"] = methodOf("RootExports.listBuildRPMs(build)", methodListBuildRPMs)
	m["getRPM"] = methodOf("get_rpm(rpminfo, strict=False, multi=False)", methodGetRPM)
	m["getRPMHeaders"] = methodOf("RootExports.getRPMHeaders(rpmID=None, taskID=None, filepath=None, headers=None, strict=False)", methodGetRPMHeaders)
	m["getRPMDeps"] = methodOf("RootExports.getRPMDeps(rpmID, depType=None, queryOpts=None, strict=False)", methodGetRPMDeps)
	m["listTaggedRPMS"] = methodOf("RootExports.listTaggedRPMS(tag, event=None, inherit=False, latest=False, package=None, arch=None, rpmsigs=False, owner=None, type=None, strict=True, extra=True)", methodListTaggedRPMS)
	m["getLatestRPMS"] = methodOf("RootExports.getLatestRPMS(tag, package=None, arch=None, event=None, rpmsigs=False, type=None)", methodGetLatestRPMS)
}

// rpmStruct is an RPM as the hub lists it; nvr and the external repo are left out of
// some lists.
func rpmStruct(r record, external, nvr bool) xmlrpc.Struct {
	sum := sha256.Sum256([]byte(r.nevra().String()))
	built := r.build.finished
	out := make(xmlrpc.Struct, 0, 17)
	add := func(name string, value any) { out = append(out, xmlrpc.Member{Name: name, Value: value}) }
	add("arch", r.arch)
	add("build_id", r.build.id)
	add("buildroot_id", nil)
	add("buildtime", built.Unix())
	add("draft", false)
	add("epoch", epochOrNil(r.evr.Epoch))
	if external {
		add("external_repo_id", 0)
		add("external_repo_name", "INTERNAL")
	}
	add("extra", nil)
	add("id", r.id)
	add("metadata_only", false)
	add("name", r.name)
	if nvr {
		add("nvr", r.name+"-"+r.evr.Version+"-"+r.evr.Release)
	}
	add("payloadhash", hex.EncodeToString(sum[:16]))
	add("release", r.evr.Release)
	add("size", 2000+int(sum[0])<<6+int(sum[1]))
	add("version", r.evr.Version)
	return out
}

// wanted reports whether an arches argument (nil, a name or a list) has arch.
func wanted(arches any, arch string) bool {
	switch v := arches.(type) {
	case nil:
		return true
	case string:
		return v == arch
	case []any:
		return slices.Contains(v, any(arch))
	}
	return false
}

func methodListRPMs(c *call) (any, error) {
	rows := []xmlrpc.Struct{}
	if b := c.w.buildByID(c.integer("buildID")); b != nil && b.firstRPM != 0 {
		for _, r := range c.w.rpmsOf(b) {
			if wanted(c.arg("arches"), r.arch) {
				rows = append(rows, rpmStruct(r, true, true))
			}
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

func methodListBuildRPMs(c *call) (any, error) {
	b, err := c.mustBuild()
	if err != nil {
		return nil, err
	}
	out := []any{}
	if b.firstRPM != 0 {
		for _, r := range c.w.rpmsOf(b) {
			out = append(out, rpmStruct(r, true, true))
		}
	}
	return out, nil
}

// rpmOf finds an RPM by id, NVRA or struct.
func (c *call) rpmOf(info any) (record, bool) {
	switch v := info.(type) {
	case int64:
		return c.w.rpmByID(int(v))
	case string:
		n, err := rpm.ParseNEVRA(v)
		if err != nil {
			return record{}, false
		}
		return c.w.rpmByNVRA(n)
	case xmlrpc.Struct:
		text := func(name string) string {
			s, _ := v.Get(name)
			t, _ := s.(string)
			return t
		}
		if id, ok := v.Get("id"); ok {
			return c.rpmOf(id)
		}
		return c.w.rpmByNVRA(rpm.NEVRA{Name: text("name"), EVR: rpm.EVR{Version: text("version"), Release: text("release")}, Arch: text("arch")})
	}
	return record{}, false
}

func methodGetRPM(c *call) (any, error) {
	r, ok := c.rpmOf(c.arg("rpminfo"))
	switch {
	case !ok && c.flag("strict"):
		return nil, fault.Generic("No such rpm: %s", pythonText(c.arg("rpminfo")))
	case !ok && c.flag("multi"):
		return []any{}, nil
	case !ok:
		return nil, nil
	case c.flag("multi"):
		return []any{rpmStruct(r, true, false)}, nil
	}
	return rpmStruct(r, true, false), nil
}

// header is the value of one RPM header; false if there is no such header.
func header(r record, name string) (any, bool) {
	b := r.build
	requires := b.requires
	if r.pkg != nil {
		requires = r.pkg.Requires
	}
	switch strings.ToUpper(name) {
	case "NAME":
		return r.name, true
	case "VERSION":
		return r.evr.Version, true
	case "RELEASE":
		return r.evr.Release, true
	case "EPOCH":
		return epochOrNil(r.evr.Epoch), true
	case "ARCH":
		if r.arch == "src" {
			return "x86_64", true // of the machine that made it
		}
		return r.arch, true
	case "SOURCEPACKAGE":
		if r.arch == "src" {
			return 1, true
		}
		return nil, true
	case "BUILDARCHS":
		return texts(b.buildArchs), true
	case "EXCLUSIVEARCH":
		return texts(b.exclusive), true
	case "EXCLUDEARCH":
		return texts(b.exclude), true
	case "REQUIRENAME", "REQUIREVERSION", "REQUIREFLAGS":
		return requireHeader(strings.ToUpper(name), requires), true
	case "SUMMARY", "DESCRIPTION":
		return r.name, true
	case "SOURCERPM":
		if r.arch == "src" {
			return nil, true
		}
		return b.sourceFile(), true
	case "BUILDTIME":
		return b.finished.Unix(), true
	case "SIZE":
		return 10000, true
	case "PROVIDENAME", "PROVIDEVERSION", "PROVIDEFLAGS":
		if r.pkg == nil {
			return []any{}, true
		}
		return requireHeader("REQUIRE"+strings.ToUpper(name)[len("PROVIDE"):], r.pkg.Provides), true
	}
	return nil, false
}

func requireHeader(name string, rs []rpm.Relation) []any {
	out := make([]any, len(rs))
	for i, r := range rs {
		switch name {
		case "REQUIRENAME":
			out[i] = r.Name
		case "REQUIREVERSION":
			out[i] = versionText(r)
		default:
			out[i] = wireFlags(r.Op)
		}
	}
	return out
}

func methodGetRPMHeaders(c *call) (any, error) {
	r, ok := c.rpmOf(c.arg("rpmID"))
	if !ok || r.build.state == buildDeleted {
		if c.flag("strict") {
			return nil, fault.Generic("No such rpm: %s", pythonText(c.arg("rpmID")))
		}
		return xmlrpc.Struct{}, nil
	}
	names, given := c.arg("headers").([]any)
	if !given {
		names = texts([]string{"NAME", "VERSION", "RELEASE", "EPOCH", "ARCH", "SUMMARY", "BUILDTIME", "SIZE", "SOURCERPM", "REQUIRENAME", "REQUIREVERSION", "REQUIREFLAGS"})
	}
	out := xmlrpc.Struct{}
	for _, n := range names {
		name, _ := n.(string)
		v, known := header(r, name)
		if !known {
			return nil, fault.Generic("No such rpm header field: %s", name)
		}
		out = append(out, xmlrpc.Member{Name: name, Value: v})
	}
	return out, nil
}

// Koji's numbers for operators.
func wireFlags(op rpm.Op) int {
	flags := 0
	if op&rpm.Less != 0 {
		flags |= 2
	}
	if op&rpm.Greater != 0 {
		flags |= 4
	}
	if op&rpm.Equal != 0 {
		flags |= 8
	}
	return flags
}

func versionText(r rpm.Relation) string {
	if r.Op == 0 {
		return ""
	}
	return r.EVR.String()
}

// depLists are an RPM's relations by Koji's dependency type.
func depLists(r record) [][]rpm.Relation {
	if r.pkg == nil {
		var provides []rpm.Relation
		for _, p := range r.build.binaries {
			provides = append(provides, rpm.Relation{Name: p.Name, Op: rpm.Equal, EVR: p.EVR})
		}
		return [][]rpm.Relation{append(slices.Clone(r.build.requires), rpmlibRequires(r.build.requires)...), provides}
	}
	p := r.pkg
	return [][]rpm.Relation{p.Requires, p.Provides, p.Obsoletes, p.Conflicts, p.Suggests, p.Enhances, p.Supplements, p.Recommends}
}

// rpmlibRequires is what rpmbuild writes into each source package by itself.
func rpmlibRequires(others []rpm.Relation) []rpm.Relation {
	out := []rpm.Relation{
		{Name: "rpmlib(CompressedFileNames)", Op: rpm.Less | rpm.Equal, EVR: rpm.EVR{Version: "3.0.4", Release: "1"}},
		{Name: "rpmlib(FileDigests)", Op: rpm.Less | rpm.Equal, EVR: rpm.EVR{Version: "4.6.0", Release: "1"}},
	}
	if slices.ContainsFunc(others, rpm.Relation.Boolean) {
		out = append(out, rpm.Relation{Name: "rpmlib(RichDependencies)", Op: rpm.Less | rpm.Equal, EVR: rpm.EVR{Version: "4.12.0", Release: "1"}})
	}
	return out
}

func methodGetRPMDeps(c *call) (any, error) {
	r, ok := c.rpmOf(c.arg("rpmID"))
	if !ok || r.build.state == buildDeleted {
		if c.flag("strict") {
			return nil, fault.Generic("No such rpm: %s", pythonText(c.arg("rpmID")))
		}
		return []any{}, nil
	}
	rows := []xmlrpc.Struct{}
	for kind, list := range depLists(r) {
		if c.arg("depType") != nil && c.integer("depType") != kind {
			continue
		}
		for _, d := range list {
			flags := wireFlags(d.Op)
			if strings.HasPrefix(d.Name, "rpmlib(") {
				flags |= 1 << 24
			}
			rows = append(rows, xmlrpc.Struct{
				{Name: "name", Value: d.Name},
				{Name: "version", Value: versionText(d)},
				{Name: "flags", Value: flags},
				{Name: "type", Value: kind},
			})
		}
	}
	return applyOptions(rows, c.arg("queryOpts")), nil
}

// taggedRPMs answers with the RPMs of tagged builds and the builds.
func (c *call) taggedRPMs(inherit, latest bool) (any, error) {
	t, err := c.mustTag(c.arg("tag"))
	if err != nil {
		return nil, err
	}
	q := tagQuery{event: c.integer("event"), inherit: inherit, latest: latest}
	if info := c.arg("package"); info != nil {
		if q.pkg = c.pkgOf(info); q.pkg == nil {
			return []any{[]any{}, []any{}}, nil
		}
	}
	rpms, builds := []any{}, []any{}
	for _, g := range c.w.listing(t, q) {
		builds = append(builds, taggedStruct(g))
		for _, r := range c.w.rpmsOf(g.build) {
			if wanted(c.arg("arch"), r.arch) {
				rpms = append(rpms, rpmStruct(r, false, false))
			}
		}
	}
	return []any{rpms, builds}, nil
}

func methodListTaggedRPMS(c *call) (any, error) {
	return c.taggedRPMs(c.flag("inherit"), c.flag("latest"))
}

func methodGetLatestRPMS(c *call) (any, error) { return c.taggedRPMs(true, true) }
