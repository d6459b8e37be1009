package distro

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A draft is a source package before there is a build of it.
type draft struct {
	name string
	evr  rpm.EVR
	kojisim.Content
}

const libc = "libc.so.6()(64bit)"

// binary adds a binary package to the draft.
func (d *draft) binary(name, arch string) *rpm.Package {
	return d.AddBinary(name, d.evr, arch)
}

func named(names ...string) []rpm.Relation {
	out := make([]rpm.Relation, len(names))
	for i, n := range names {
		out[i] = rpm.Relation{Name: n}
	}
	return out
}

func onlyNoarch(ps []*rpm.Package) bool {
	return !slices.ContainsFunc(ps, func(p *rpm.Package) bool { return p.Arch != "noarch" })
}

// toolBinary adds a binary package from its line in the toolchain's table.
func (d *draft) toolBinary(words []string) error {
	name, noarch := strings.CutPrefix(words[0], "@")
	arch := "x86_64"
	if noarch {
		arch = "noarch"
	}
	p := d.binary(name, arch)
	if !noarch && d.name != "glibc" && d.name != "kernel-headers" {
		p.Requires = named(libc)
	}
	for _, word := range words[1:] {
		rest := word[1:]
		switch word[0] {
		case '+':
			cap, version, versioned := strings.Cut(rest, ")=")
			r := rpm.Relation{Name: rest}
			if versioned {
				r = rpm.Relation{Name: cap + ")", Op: rpm.Equal, EVR: rpm.EVR{Version: version}}
			} else if strings.HasPrefix(rest, "/") {
				p.Files = append(p.Files, rest)
				continue
			}
			p.Provides = append(p.Provides, r)
		case '-':
			p.Requires = append(p.Requires, d.need(strings.TrimPrefix(rest, "@")))
		default:
			return fmt.Errorf("%q begins with neither + nor -", word)
		}
	}
	return nil
}

// need is a requirement; one on a package of the same source is exact.
func (d *draft) need(name string) rpm.Relation {
	for _, p := range d.Binaries {
		if p.Name == name {
			return rpm.Relation{Name: name, Op: rpm.Equal, EVR: d.evr}
		}
	}
	return rpm.Relation{Name: name}
}

// libParts returns the capabilities of a library's draft: what it is linked by
// and what it is built with.
func libParts(d *draft) (soname, pkgconfig string) {
	for _, p := range d.Binaries {
		for _, r := range p.Provides {
			switch {
			case strings.Contains(r.Name, ".so"):
				soname = r.Name
			case strings.HasPrefix(r.Name, "pkgconfig("):
				pkgconfig = r.Name
			}
		}
	}
	return soname, pkgconfig
}

// link makes the draft build with libraries and its first binary need them.
func (d *draft) link(libs []*draft) {
	for _, lib := range libs {
		soname, pkgconfig := libParts(lib)
		d.Binaries[0].Requires = append(d.Binaries[0].Requires, rpm.Relation{Name: soname})
		d.Requires = append(d.Requires, rpm.Relation{Name: pkgconfig})
	}
}

func sameEVR(a, b rpm.EVR) bool {
	return a.Epoch == b.Epoch && a.Version == b.Version && a.Release == b.Release
}
