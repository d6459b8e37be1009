package kojisim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// GeneratorOptions says what world Generate makes. Zero fields have defaults.
type GeneratorOptions struct {
	Packages int       // source packages; default 300
	Seed     int64     // same seed, same world
	Start    time.Time // the world's present when it is handed over; default 2026-03-02 08:00 UTC
	History  time.Duration
	Updates  float64  // by packagers a day; default 6 % of the packages
	Arches   []string // default x86_64 and aarch64
	Hosts    int      // builders an architecture; default 6
	Rules    *Rules   // default: DefaultRules
}

// DefaultRules are those of the demo: eight repos a day, a fault now and then.
func DefaultRules() Rules {
	return Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3, FreedTasks: 0.01, Infrastructure: 0.01}
}

func (o *GeneratorOptions) setDefaults() {
	if o.Packages == 0 {
		o.Packages = 300
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	}
	if o.History == 0 {
		o.History = 21 * 24 * time.Hour
	}
	if o.Updates == 0 {
		o.Updates = 0.06 * float64(o.Packages)
	}
	if len(o.Arches) == 0 {
		o.Arches = []string{"x86_64", "aarch64"}
	}
	if o.Hosts == 0 {
		o.Hosts = 6
	}
	if o.Rules == nil {
		r := DefaultRules()
		o.Rules = &r
	}
}

// Names of the things in a made world.
const (
	TargetName   = "f44"
	DestTagName  = "f44"
	BuildTagName = "f44-build"
	KoscheiUser  = "koschei"
	distSuffix   = ".fc44"
)

// Generate makes a distribution of o.Packages source packages with a history of
// some weeks, and packagers who go on working on it.
func Generate(o GeneratorOptions) (*World, error) {
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
	w.advance(o.Start)
	return NewWorld(w), nil
}

// A draft is a source package before there is a build of it.
type draft struct {
	name string
	evr  rpm.EVR
	Content
}

// A generator draws up a distribution.
type generator struct {
	o       GeneratorOptions
	sources []*draft
	luck    draw.Draw
	libs    []*draft // what others may link to
	byKind  map[string][]string
}

func newGenerator(o GeneratorOptions) *generator {
	return &generator{o: o, luck: draw.From(o.Seed, "distribution"), byKind: map[string][]string{}}
}

// newDraft begins a source package with a plausible version.
func (g *generator) newDraft(name string) *draft {
	d := &draft{name: name, evr: rpm.EVR{
		Version: fmt.Sprintf("%d.%d.%d", g.luck.Below(9), g.luck.Below(20), g.luck.Below(10)),
		Release: strconv.Itoa(1+g.luck.Below(9)) + distSuffix,
	}}
	g.sources = append(g.sources, d)
	return d
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

func (g *generator) addToolchain() error {
	for _, line := range strings.Split(strings.TrimSpace(toolchain), "\n") {
		parts := strings.Split(line, "; ")
		d := g.newDraft(parts[0])
		for _, spec := range parts[1:] {
			if err := d.toolBinary(strings.Fields(spec)); err != nil {
				return fmt.Errorf("toolchain line %q: %w", parts[0], err)
			}
		}
		d.Requires = named("gcc", "make")
		if g.luck.Chance(0.3) {
			d.Requires = append(d.Requires, named("perl-interpreter")...)
		}
		if g.luck.Chance(0.3) {
			d.Requires = append(d.Requires, named("autoconf", "automake", "libtool")...)
		}
		if onlyNoarch(d.Binaries) {
			d.BuildArchs = []string{"noarch"}
		}
	}
	return nil
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

// shares is how many of the packages beyond the toolchain are of which kind.
func (g *generator) shares() []struct {
	kind  string
	names []string
	share int
} {
	return []struct {
		kind  string
		names []string
		share int
	}{
		{"library", strings.Fields(libraryNames), 34},
		{"perl", strings.Fields(perlNames), 14},
		{"python", strings.Fields(pythonNames), 16},
		{"rust", strings.Fields(rustNames), 7},
		{"java", strings.Fields(javaNames), 7},
		{"app", strings.Fields(appNames), 22},
	}
}

// addOthers fills up to the number of packages asked for.
func (g *generator) addOthers() {
	left := max(0, g.o.Packages-len(g.sources))
	shares := g.shares()
	done := 0
	for i, s := range shares {
		n := left * s.share / 100
		if i == len(shares)-1 {
			n = left - done
		}
		done += n
		for j := range n {
			name := s.names[j%len(s.names)]
			if round := j / len(s.names); round > 0 {
				name += strconv.Itoa(round + 1)
			}
			g.add(s.kind, name)
		}
	}
}

// add draws one package of a kind.
func (g *generator) add(kind, name string) {
	switch kind {
	case "library":
		g.addLibrary(name)
	case "perl":
		g.addModule(kind, "perl-"+name, "perl-"+name, "perl("+strings.ReplaceAll(name, "-", "::")+")",
			named("perl-libs"), named("perl-generators", "perl-interpreter", "make"))
	case "python":
		g.addModule(kind, "python-"+name, "python3-"+name, "python3dist("+name+")",
			[]rpm.Relation{{Name: "python(abi)", Op: rpm.Equal, EVR: rpm.EVR{Version: "3.14"}}}, named("python3-devel"))
	case "rust":
		g.addModule(kind, "rust-"+name, "rust-"+name+"-devel", "crate("+name+")", nil, named("gcc", "cmake"))
	case "java":
		g.addModule(kind, name, name, "mvn(org."+name+":"+name+")", named("tzdata"), named("gettext", "which"))
	case "app":
		g.addApp(name)
	}
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

func (g *generator) addLibrary(name string) {
	d := g.newDraft(name)
	stem := strings.TrimSuffix(strings.TrimPrefix(name, "lib"), "-libs")
	p := d.binary(name, "x86_64")
	p.Provides = append(p.Provides, rpm.Relation{Name: fmt.Sprintf("lib%s.so.%d()(64bit)", stem, g.luck.Below(20))})
	p.Requires = named(libc)
	devel := d.binary(name+"-devel", "x86_64")
	devel.Provides = append(devel.Provides, rpm.Relation{Name: "pkgconfig(" + stem + ")", Op: rpm.Equal, EVR: rpm.EVR{Version: d.evr.Version}})
	devel.Requires = []rpm.Relation{{Name: name, Op: rpm.Equal, EVR: d.evr}, {Name: "pkgconf-pkg-config"}}
	d.Requires = named("gcc", "make")
	if g.luck.Chance(0.4) {
		d.Requires = named("gcc-c++", "cmake", "ninja-build")
		p.Requires = append(p.Requires, named("libstdc++.so.6()(64bit)")...)
	}
	libs := draw.Few(&g.luck, g.libs, 1+g.luck.Below(4))
	d.link(libs)
	for _, lib := range libs {
		if _, pkgconfig := libParts(lib); g.luck.Chance(0.5) {
			devel.Requires = append(devel.Requires, rpm.Relation{Name: pkgconfig})
		}
	}
	if g.luck.Chance(0.3) {
		d.binary(name+"-doc", "noarch")
	}
	g.libs = append(g.libs, d)
}

// addModule draws a package of a language that has its own kind of names.
func (g *generator) addModule(kind, source, binary, capability string, runtime, tools []rpm.Relation) {
	d := g.newDraft(source)
	d.BuildArchs = []string{"noarch"}
	p := d.binary(binary, "noarch")
	p.Provides = append(p.Provides, rpm.Relation{Name: capability, Op: rpm.Equal, EVR: rpm.EVR{Version: d.evr.Version}})
	p.Requires = slices.Clone(runtime)
	d.Requires = slices.Clone(tools)
	others := g.byKind[kind]
	for _, need := range draw.Few(&g.luck, others[max(0, len(others)-25):], g.luck.Below(5)) {
		p.Requires = append(p.Requires, rpm.Relation{Name: need})
		if g.luck.Chance(0.8) {
			d.Requires = append(d.Requires, rpm.Relation{Name: need})
		}
	}
	if g.luck.Chance(0.1) {
		d.Exclude = []string{"s390x"}
	}
	g.byKind[kind] = append(others, capability)
}

func (g *generator) addApp(name string) {
	d := g.newDraft(name)
	d.binary(name, "x86_64").Requires = named(libc)
	d.Requires = named("gcc", "make")
	if g.luck.Chance(0.5) {
		d.Requires = named("gcc-c++", "cmake")
	}
	d.link(draw.Few(&g.luck, g.libs, 1+g.luck.Below(7)))
	for _, kind := range []string{"perl", "python"} {
		if mods := g.byKind[kind]; len(mods) > 0 && g.luck.Chance(0.2) {
			need := rpm.Relation{Name: draw.Pick(&g.luck, mods)}
			d.Requires = append(d.Requires, need)
			d.Binaries[0].Requires = append(d.Binaries[0].Requires, need)
		}
	}
	if g.luck.Chance(0.3) {
		d.binary(name+"-data", "noarch")
	}
	if g.luck.Chance(0.05) {
		d.Exclusive = []string{"x86_64"}
	}
}

// world makes the empty build system of a distribution.
func (g *generator) world(begin time.Time) (*System, *packagers) {
	w := NewSystem(g.o.Seed, begin)
	w.Rules = *g.o.Rules
	admin := w.AddUser(User{Name: "kojiadmin", Password: "adminpw", Perms: []string{"admin"}})
	w.AddUser(User{Name: KoscheiUser, Password: KoscheiUser})
	w.AddUser(User{Name: "kojira", Perms: []string{"repo"}})
	s := &packagers{w: w, user: w.AddUser(User{Name: "packager"}), admin: admin, luck: draw.From(g.o.Seed, "packagers")}
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
	for _, name := range strings.Fields(BuildGroup) {
		group.Members = append(group.Members, GroupMember{name, "mandatory"})
	}
	return w, s
}
