package distro

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A generator draws up a distribution.
type generator struct {
	o       Options
	sources []*draft
	luck    draw.Draw
	libs    []*draft // what others may link to
	byKind  map[string][]string
}

func newGenerator(o Options) *generator {
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
	// Modules that always need some of the last few would in the end all need each
	// other, and a buildroot would hold as many as there are.
	const family, near = 200, 25
	first := max(len(others)/family*family, len(others)-near)
	for _, need := range draw.Few(&g.luck, others[min(first, len(others)):], g.luck.Below(5)) {
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
