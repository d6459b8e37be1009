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
	bookworm = sync.OnceValue(func() *dataset { return readDataset("bookworm/binary", "bookworm/source") })
	updates  = sync.OnceValue(func() *dataset { return readDataset("bookworm-updates/binary", "bookworm/source") })
	cs9      = sync.OnceValue(func() *dataset { return readDataset("cs9/binary", "cs9/source") })
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

func readDataset(binary, sources string) *dataset {
	d := &dataset{group: readGroup(binary)}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo(binary, 99)
	readPrimary(binary, func(p *rpm.Package) error {
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
