package kojihub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// buildOf finds a build by NVR, id or struct; nil if there is none.
func (c *call) buildOf(info any) (*kojisim.Build, error) {
	switch v := info.(type) {
	case string:
		if strings.Count(v, "-") < 2 {
			return nil, fault.Generic("invalid format: %s", v)
		}
		return c.w.BuildByNVR(v), nil
	case int64:
		return c.w.BuildByID(int(v)), nil
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
		return c.w.BuildByNVR(fmt.Sprintf("%v-%v-%v", n, ver, rel)), nil
	}
	return nil, fault.New(fault.CodeParameter, "Invalid type for build: %s", pythonType(info))
}

// mustBuild finds the build of the argument build, which has to exist.
func (c *call) mustBuild() (*kojisim.Build, error) {
	b, err := c.buildOf(c.arg("build"))
	if b == nil && err == nil {
		err = fault.Generic("No such build: %s", pythonText(c.arg("build")))
	}
	return b, err
}

// pkgOf finds a package by name or id; nil if there is none.
func (c *call) pkgOf(info any) *kojisim.Package {
	switch v := info.(type) {
	case string:
		return c.w.PackageByName(v)
	case int64:
		if v >= 1 && int(v) <= len(c.w.Packages) {
			return c.w.Packages[v-1]
		}
	}
	return nil
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

// rpmOf finds an RPM by id, NVRA or struct.
func (c *call) rpmOf(info any) (kojisim.RPM, bool) {
	switch v := info.(type) {
	case int64:
		return c.w.RPMByID(int(v))
	case string:
		n, err := rpm.ParseNEVRA(v)
		if err != nil {
			return kojisim.RPM{}, false
		}
		return c.w.RPMByNVRA(n)
	case xmlrpc.Struct:
		text := func(name string) string {
			s, _ := v.Get(name)
			t, _ := s.(string)
			return t
		}
		if id, ok := v.Get("id"); ok {
			return c.rpmOf(id)
		}
		return c.w.RPMByNVRA(rpm.NEVRA{Name: text("name"), EVR: rpm.EVR{Version: text("version"), Release: text("release")}, Arch: text("arch")})
	}
	return kojisim.RPM{}, false
}

// tagOf finds a tag by name or id; nil if there is none.
func (c *call) tagOf(info any) (*kojisim.Tag, error) {
	switch v := info.(type) {
	case string:
		return c.w.TagByName(v), nil
	case int64:
		if v >= 1 && int(v) <= len(c.w.Tags) {
			return c.w.Tags[v-1], nil
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
func (c *call) mustTag(info any) (*kojisim.Tag, error) {
	t, err := c.tagOf(info)
	if t == nil && err == nil {
		err = fault.Generic("No such tagInfo: %s", pythonText(info))
	}
	return t, err
}

// matches reports whether an optional tag argument means t.
func matches(info any, t *kojisim.Tag) bool {
	return info == nil || info == t.Name || info == int64(t.ID)
}
