package record_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// The scale record: what a distribution leaves behind. The same seed makes the
// same history. How large it is, is decided by the build tag scale.
const (
	scaleReposADay = 8   // of each collection
	scaleGroup     = 150 // packages of the build group
	scaleRequires  = 100 // further packages of a buildroot
)

// A scaleCollection is one collection's past.
type scaleCollection struct {
	name     string
	updates  int // of source packages a day
	share    float64
	versions [][]scaleVersion // of each binary package, oldest first
	updated  [][]int32        // sources updated before each repo, since the one before
}

// A scaleVersion is the NEVRA a binary package has from a repo on.
type scaleVersion struct{ repo, id int32 }

// A scaleDep is a package of a buildroot.
type scaleDep struct {
	binary   int32
	distance uint8
}

// A scaleBuild is one build.
type scaleBuild struct {
	id, pkg, event, set int64
	collection, source  int32
	repo                int32
	prev                int32 // index of the package's build before, -1 if none
	real                bool
	outcome             koschei.Outcome
	started             time.Time
}

// A scaleHistory is everything that happened.
type scaleHistory struct {
	rand        *rand.Rand
	sources     []string
	binaries    []string
	binariesOf  [][]int32 // of each source
	deps        [][]scaleDep
	collections []scaleCollection
	nevras      []rpm.NEVRA // id-1
	builds      []scaleBuild
	last        [][]int32 // newest build of each collection and source
	broken      [][]bool
	event       int64
	start       time.Time
}

func newScaleHistory() *scaleHistory {
	h := &scaleHistory{
		rand:  rand.New(rand.NewPCG(43, 1)),
		start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		collections: []scaleCollection{
			{name: "rawhide", updates: 300, share: 0.4},
			{name: "f45", updates: 120, share: 0.3},
			{name: "f44", updates: 80, share: 0.2},
			{name: "f43", updates: 40, share: 0.1},
		},
	}
	h.makePackages()
	for c := range h.collections {
		h.makeVersions(&h.collections[c], 40+len(h.collections)-c)
	}
	h.makeBuilds()
	return h
}

var scaleFamilies = []string{"lib", "python-", "perl-", "golang-", "rust-", "nodejs-", "ghc-", "texlive-", "php-", "R-", "ruby-", "java-"}

func (h *scaleHistory) makePackages() {
	for i := range scaleSources {
		name := fmt.Sprintf("%s%s%d", scaleFamilies[i%len(scaleFamilies)], string(rune('a'+i*7%26)), i)
		h.sources = append(h.sources, name)
		var of []int32
		for b := range 1 + h.rand.IntN(3) {
			of = append(of, int32(len(h.binaries)))
			h.binaries = append(h.binaries, name+[]string{"", "-devel", "-libs"}[b])
		}
		h.binariesOf = append(h.binariesOf, of)
	}
	for range scaleSources {
		deps := make([]scaleDep, 0, scaleGroup+scaleRequires)
		chosen := map[int32]bool{}
		for b := range int32(scaleGroup) {
			chosen[b] = true
			deps = append(deps, scaleDep{binary: b})
		}
		for len(deps) < scaleGroup+scaleRequires {
			// Few packages are required by many, most by few.
			b := int32(float64(len(h.binaries)) * h.rand.Float64() * h.rand.Float64() * h.rand.Float64())
			if !chosen[b] {
				chosen[b] = true
				deps = append(deps, scaleDep{binary: b, distance: uint8(h.rand.IntN(5))})
			}
		}
		h.deps = append(h.deps, deps)
	}
}

// makeVersions updates sources through the repos of a collection.
func (h *scaleHistory) makeVersions(c *scaleCollection, release int) {
	c.versions = make([][]scaleVersion, len(h.binaries))
	c.updated = make([][]int32, scaleDays*scaleReposADay)
	version := make([]int, scaleSources)
	publish := func(source, repo int32) {
		for _, b := range h.binariesOf[source] {
			h.nevras = append(h.nevras, rpm.NEVRA{
				Name: h.binaries[b],
				EVR:  rpm.EVR{Version: fmt.Sprintf("1.%d", version[source]), Release: fmt.Sprintf("1.fc%d", release)},
				Arch: "x86_64",
			})
			c.versions[b] = append(c.versions[b], scaleVersion{repo: repo, id: int32(len(h.nevras))})
		}
		version[source]++
	}
	for source := range int32(scaleSources) {
		publish(source, 0)
	}
	for repo := 1; repo < len(c.updated); repo++ {
		for range c.updates / scaleReposADay {
			source := int32(h.rand.IntN(scaleSources))
			if !slices.Contains(c.updated[repo], source) {
				c.updated[repo] = append(c.updated[repo], source)
				publish(source, int32(repo))
			}
		}
	}
}

// idIn returns the NEVRA that a binary package has in a repo.
func (c *scaleCollection) idIn(binary, repo int32) int32 {
	v := c.versions[binary]
	i := len(v) - 1
	for v[i].repo > repo {
		i--
	}
	return v[i].id
}

// set returns the buildroot of a source in a repo.
func (h *scaleHistory) set(collection, source, repo int32) depset.Set {
	members := make([]depset.Member, len(h.deps[source]))
	for i, d := range h.deps[source] {
		members[i] = depset.Member{ID: h.collections[collection].idIn(d.binary, repo), Distance: d.distance}
	}
	return depset.NewSet(members)
}

// changes returns what changed in a source's buildroot between two repos.
func (h *scaleHistory) changes(collection, source, from, to int32) (prev, curr []int32, distance []int16) {
	c := &h.collections[collection]
	prev, curr, distance = []int32{}, []int32{}, []int16{}
	for _, d := range h.deps[source] {
		if before, after := c.idIn(d.binary, from), c.idIn(d.binary, to); before != after {
			prev, curr, distance = append(prev, before), append(curr, after), append(distance, int16(d.distance))
		}
	}
	return prev, curr, distance
}

func (h *scaleHistory) repoTime(repo int32) time.Time {
	return h.start.Add(time.Duration(repo) * 24 * time.Hour / scaleReposADay)
}

// makeBuilds has a real build of each package at the beginning, then scratch
// builds, and real ones of what was updated.
func (h *scaleHistory) makeBuilds() {
	h.last = make([][]int32, len(h.collections))
	h.broken = make([][]bool, len(h.collections))
	for c := range h.collections {
		h.last[c] = make([]int32, scaleSources)
		h.broken[c] = make([]bool, scaleSources)
		for source := range int32(scaleSources) {
			h.last[c][source] = -1
			h.addBuild(int32(c), source, 0, true)
		}
	}
	for repo := int32(1); repo < scaleDays*scaleReposADay; repo++ {
		for c := range h.collections {
			for _, source := range h.collections[c].updated[repo] {
				h.addBuild(int32(c), source, repo, true)
			}
			for range int(scaleBuilds / scaleReposADay * h.collections[c].share) {
				h.addBuild(int32(c), int32(h.rand.IntN(scaleSources)), repo, false)
			}
		}
	}
}

func (h *scaleHistory) addBuild(collection, source, repo int32, real bool) {
	h.event += 1 + int64(h.rand.IntN(20))
	i := int32(len(h.builds))
	b := scaleBuild{
		id: int64(i) + 1, pkg: scalePackageID(collection, source), event: h.event,
		collection: collection, source: source, repo: repo, prev: h.last[collection][source], real: real,
		outcome: koschei.OutcomeComplete,
		started: h.repoTime(repo).Add(time.Duration(h.rand.IntN(3*60*60)) * time.Second),
	}
	if !real {
		b.outcome = h.outcome(collection, source)
	}
	h.builds = append(h.builds, b)
	if b.outcome.Counts() {
		h.last[collection][source] = i
	}
	if real {
		h.broken[collection][source] = false
	}
}

// outcome breaks a package now and then, and mends it after some builds.
func (h *scaleHistory) outcome(collection, source int32) koschei.Outcome {
	broken := &h.broken[collection][source]
	switch p := h.rand.Float64(); {
	case p < 0.015:
		return koschei.OutcomeInfrastructure
	case *broken && p < 0.4:
		*broken = false
	case !*broken && p < 0.065:
		*broken = true
	}
	if *broken {
		return koschei.OutcomeFailed
	}
	return koschei.OutcomeComplete
}

func scalePackageID(collection, source int32) int64 {
	return int64(collection)*scaleSources + int64(source) + 1
}
