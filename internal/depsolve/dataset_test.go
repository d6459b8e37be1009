package depsolve_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A dataset is one of the distributions in ../shared/data.
type dataset struct {
	universe *depsolve.Universe
	group    []string
	sources  []source
}

type source struct {
	name     string
	requires []rpm.Relation
}

func (d *dataset) goal(i int) depsolve.Goal {
	return depsolve.Goal{Group: d.group, Requires: d.sources[i].requires}
}

var (
	bookworm = sync.OnceValue(func() *dataset { return readDataset("bookworm/binary", "bookworm/source", nil) })
	updates  = sync.OnceValue(func() *dataset { return readDataset("bookworm-updates/binary", "bookworm/source", nil) })
	rebuilt  = sync.OnceValue(func() *dataset {
		return readDataset("bookworm/binary", "bookworm/source", rebuild("bookworm/binary", 100))
	})
	cs9 = sync.OnceValue(func() *dataset { return readDataset("cs9/binary", "cs9/source", nil) })
)

const sharedData = "../../../shared/data"

// load returns a dataset and skips the test where there is none.
func load(tb testing.TB, read func() *dataset) *dataset {
	tb.Helper()
	if _, err := os.Stat(sharedData); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skipf("no test data: %v", err)
	}
	return read()
}

// readDataset reads a distribution; edit may change its packages.
func readDataset(binary, sources string, edit func(*rpm.Package)) *dataset {
	d := &dataset{group: readGroup(binary)}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo(binary, 99)
	readPrimary(binary, func(p *rpm.Package) error {
		if edit != nil {
			edit(p)
		}
		_, err := b.Add(repo, p)
		return err
	})
	d.universe = b.Universe()
	readPrimary(sources, func(p *rpm.Package) error {
		d.sources = append(d.sources, source{strings.Clone(p.Name), cloneRelations(p.Requires)})
		return nil
	})
	return d
}

// rebuild returns an edit that rebuilds every nth source package: its binaries
// and whatever refers to exactly their versions get a longer release.
func rebuild(binary string, n int) func(*rpm.Package) {
	sources := make(map[string]bool)
	old := make(map[string]rpm.EVR)
	readPrimary(binary, func(p *rpm.Package) error {
		if _, ok := sources[p.Source]; !ok {
			sources[strings.Clone(p.Source)] = len(sources)%n == 0
		}
		if sources[p.Source] {
			own := cloneRelations([]rpm.Relation{{Name: p.Name, EVR: p.EVR}})[0]
			old[own.Name] = own.EVR
		}
		return nil
	})
	bump := func(r *rpm.Relation) {
		if evr, ok := old[r.Name]; ok && r.EVR == evr {
			r.EVR.Release += "+b1"
		}
	}
	return func(p *rpm.Package) {
		own := rpm.Relation{Name: p.Name, EVR: p.EVR}
		bump(&own)
		p.EVR = own.EVR
		for _, list := range [][]rpm.Relation{p.Provides, p.Requires, p.Conflicts, p.Recommends, p.Suggests} {
			for i := range list {
				bump(&list[i])
			}
		}
	}
}

func cloneRelations(relations []rpm.Relation) []rpm.Relation {
	clone := make([]rpm.Relation, len(relations))
	for i, r := range relations {
		clone[i] = rpm.Relation{Name: strings.Clone(r.Name), Op: r.Op, EVR: rpm.EVR{
			Epoch: r.EVR.Epoch, Version: strings.Clone(r.EVR.Version), Release: strings.Clone(r.EVR.Release),
		}}
	}
	return clone
}

func readPrimary(repo string, f func(*rpm.Package) error) {
	r := openOne(filepath.Join(sharedData, repo, "repodata", "*-primary.xml*"))
	if err := repodata.ScanPrimary(r, f); err != nil {
		panic(err)
	}
}

func readGroup(repo string) []string {
	r := openOne(filepath.Join(sharedData, repo, "repodata", "*-comps.xml"))
	groups, err := repodata.ScanComps(r)
	if err != nil {
		panic(err)
	}
	names, err := repodata.Install(groups, "build")
	if err != nil {
		panic(err)
	}
	return names
}

// openOne opens the only file that matches and unpacks it.
func openOne(pattern string) io.Reader {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) != 1 {
		panic(pattern)
	}
	f, err := os.Open(names[0])
	if err != nil {
		panic(err)
	}
	var r io.Reader = bufio.NewReader(f)
	switch filepath.Ext(names[0]) {
	case ".gz":
		r, err = gzip.NewReader(r)
	case ".zst":
		r, err = zstd.NewReader(r, zstd.WithDecoderMaxWindow(1<<27), zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		panic(err)
	}
	return r
}
