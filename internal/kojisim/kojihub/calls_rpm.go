package kojihub

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
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
func rpmStruct(r kojisim.RPM, external, nvr bool) xmlrpc.Struct {
	sum := sha256.Sum256([]byte(r.NEVRA().String()))
	built := r.Build.Finished
	out := make(xmlrpc.Struct, 0, 17)
	add := func(name string, value any) { out = append(out, xmlrpc.Member{Name: name, Value: value}) }
	add("arch", r.Arch)
	add("build_id", r.Build.ID)
	add("buildroot_id", nil)
	add("buildtime", built.Unix())
	add("draft", r.Build.IsDraft())
	add("epoch", epochOrNil(r.EVR.Epoch))
	if external {
		add("external_repo_id", 0)
		add("external_repo_name", "INTERNAL")
	}
	add("extra", nil)
	add("id", r.ID)
	add("metadata_only", false)
	add("name", r.Name)
	if nvr {
		add("nvr", r.Name+"-"+r.EVR.Version+"-"+r.EVR.Release)
	}
	add("payloadhash", hex.EncodeToString(sum[:16]))
	add("release", r.EVR.Release)
	add("size", 2000+int(sum[0])<<6+int(sum[1]))
	add("version", r.EVR.Version)
	return out
}

func methodListRPMs(c *call) (any, error) {
	rows := []xmlrpc.Struct{}
	if b := c.w.BuildByID(c.integer("buildID")); b != nil && b.FirstRPM != 0 {
		for _, r := range c.w.RPMsOf(b) {
			if wanted(c.arg("arches"), r.Arch) {
				rows = append(rows, c.known(rpmStruct(r, true, true)))
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
	if b.FirstRPM != 0 {
		for _, r := range c.w.RPMsOf(b) {
			out = append(out, c.known(rpmStruct(r, true, true)))
		}
	}
	return out, nil
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
		return []any{c.known(rpmStruct(r, true, false))}, nil
	}
	return c.known(rpmStruct(r, true, false)), nil
}

// header is the value of one RPM header; false if there is no such header.
func header(r kojisim.RPM, name string) (any, bool) {
	b := r.Build
	requires := b.Requires
	if r.Binary != nil {
		requires = r.Binary.Requires
	}
	switch strings.ToUpper(name) {
	case "NAME":
		return r.Name, true
	case "VERSION":
		return r.EVR.Version, true
	case "RELEASE":
		return r.EVR.Release, true
	case "EPOCH":
		return epochOrNil(r.EVR.Epoch), true
	case "ARCH":
		if r.Arch == "src" {
			return "x86_64", true // of the machine that made it
		}
		return r.Arch, true
	case "SOURCEPACKAGE":
		if r.Arch == "src" {
			return 1, true
		}
		return nil, true
	case "BUILDARCHS":
		return texts(b.BuildArchs), true
	case "EXCLUSIVEARCH":
		return texts(b.Exclusive), true
	case "EXCLUDEARCH":
		return texts(b.Exclude), true
	case "REQUIRENAME", "REQUIREVERSION", "REQUIREFLAGS":
		return requireHeader(strings.ToUpper(name), requires), true
	case "SUMMARY", "DESCRIPTION":
		return r.Name, true
	case "SOURCERPM":
		if r.Arch == "src" {
			return nil, true
		}
		return b.SourceFile(), true
	case "BUILDTIME":
		return b.Finished.Unix(), true
	case "SIZE":
		return 10000, true
	case "PROVIDENAME", "PROVIDEVERSION", "PROVIDEFLAGS":
		if r.Binary == nil {
			return []any{}, true
		}
		return requireHeader("REQUIRE"+strings.ToUpper(name)[len("PROVIDE"):], r.Binary.Provides), true
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
	if !ok || r.Build.State == kojisim.BuildDeleted {
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
func depLists(r kojisim.RPM) [][]rpm.Relation {
	if r.Binary == nil {
		var provides []rpm.Relation
		for _, p := range r.Build.Binaries {
			provides = append(provides, rpm.Relation{Name: p.Name, Op: rpm.Equal, EVR: p.EVR})
		}
		return [][]rpm.Relation{append(slices.Clone(r.Build.Requires), rpmlibRequires(r.Build.Requires)...), provides, nil, r.Build.Conflicts}
	}
	p := r.Binary
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
	if !ok || r.Build.State == kojisim.BuildDeleted {
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
	q := kojisim.TagQuery{Event: c.integer("event"), Inherit: inherit, Latest: latest}
	if info := c.arg("package"); info != nil {
		if q.Package = c.pkgOf(info); q.Package == nil {
			return []any{[]any{}, []any{}}, nil
		}
	}
	rpms, builds := []any{}, []any{}
	for _, g := range c.w.Listing(t, q) {
		builds = append(builds, c.known(taggedStruct(g)))
		for _, r := range c.w.RPMsOf(g.Build) {
			if wanted(c.arg("arch"), r.Arch) {
				rpms = append(rpms, c.known(rpmStruct(r, false, false)))
			}
		}
	}
	return []any{rpms, builds}, nil
}

func methodListTaggedRPMS(c *call) (any, error) {
	return c.taggedRPMs(c.flag("inherit"), c.flag("latest"))
}

func methodGetLatestRPMS(c *call) (any, error) { return c.taggedRPMs(true, true) }
