package distro

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
)

// Generate makes a distribution of o.Packages source packages with a history of
// some weeks, and packagers who go on working on it. That takes a while for many;
// it ends early with ctx.
func Generate(ctx context.Context, o Options) (*kojisim.World, error) {
	o.setDefaults()
	g := newGenerator(o)
	if err := g.addToolchain(); err != nil {
		return nil, err
	}
	g.addOthers()
	w, s := g.world(o.Start.Add(-o.History))
	s.releaseAll(g.sources)
	s.findCore("gcc", "gcc-c++", "make", "cmake", "ninja-build", "autoconf", "automake", "libtool", "perl-interpreter",
		"perl-generators", "python3-devel", "pkgconf-pkg-config")
	s.rebuildAll(o.History)
	w.StartKojira()
	w.StartRegeneration()
	s.startWork(o.Updates)
	if err := advance(ctx, w, o.Start); err != nil {
		return nil, err
	}
	s.prepareEveryday(o.Everyday)
	return kojisim.NewWorld(w), nil
}

// advance lets a system live until a time, or until ctx ends.
func advance(ctx context.Context, w *kojisim.System, until time.Time) error {
	const step = 10 * time.Minute
	for next := w.Now.Add(step); next.Before(until); next = next.Add(step) {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.Advance(next)
	}
	w.Advance(until)
	return ctx.Err()
}

// world makes the empty build system of a distribution.
func (g *generator) world(begin time.Time) (*kojisim.System, *packagers) {
	w := kojisim.NewSystem(g.o.Seed, begin)
	w.Rules = *g.o.Rules
	admin := w.AddUser(kojisim.User{Name: "kojiadmin", Password: "adminpw", Perms: []string{"admin"}})
	w.AddUser(kojisim.User{Name: KoscheiUser, Password: KoscheiUser})
	w.AddUser(kojisim.User{Name: "kojira", Perms: []string{"repo"}})
	s := &packagers{w: w, user: w.AddUser(kojisim.User{Name: "packager"}), admin: admin, luck: draw.From(g.o.Seed, "packagers")}
	normal, createrepo := w.AddChannel("default"), w.AddChannel("createrepo")
	for _, arch := range g.o.Arches {
		for i := range g.o.Hosts {
			w.AddHost(fmt.Sprintf("build-%s-%02d.example.test", strings.ReplaceAll(arch, "_", "-"), i+1), []string{arch}, 8, normal, createrepo)
		}
	}
	s.dest = w.AddTag(DestTagName, nil)
	s.build = w.AddTag(BuildTagName, g.o.Arches, s.dest)
	w.AddTarget(TargetName, s.build, s.dest)
	group := w.AddGroup(s.build, "build", "What every build needs")
	for _, name := range strings.Fields(buildGroup) {
		group.Members = append(group.Members, kojisim.GroupMember{Name: name, Kind: "mandatory"})
	}
	return w, s
}
