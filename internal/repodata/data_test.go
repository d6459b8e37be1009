package repodata

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// dataDir is the folder with the metadata of whole distributions.
func dataDir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("the test data are missing: %v", err)
		}
		tb.Skipf("the test data are missing: %v", err)
	}
	return dir
}

func openData(tb testing.TB, name string) *Repo {
	tb.Helper()
	repo, err := Open(tb.Context(), filepath.Join(dataDir(tb), name), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return repo
}

// unpacked is the whole document of one kind.
func unpacked(tb testing.TB, repo *Repo, kind string) []byte {
	tb.Helper()
	var document bytes.Buffer
	err := repo.read(tb.Context(), []string{kind}, func(r io.Reader) error {
		_, err := io.Copy(&document, r)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return document.Bytes()
}

const distributions = "testdata/distributions.txt"

// TestWholeDistributions holds all packages of the data to what encoding/xml
// reads. That takes it a minute, so the digest of what it has read is kept in a
// file; UPDATE_GOLDEN=1 has it read them again.
func TestWholeDistributions(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(distributions)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"bookworm/binary", "bookworm/source", "bookworm-updates/binary", "cs9/binary", "cs9/source"}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		want = nil
		for _, name := range names {
			document := unpacked(t, openData(t, name), "primary")
			want = digestAll(t, want, name, newReferenceReader(xml.NewDecoder(bytes.NewReader(document))).each)
		}
		writeFile(t, distributions, want)
	}
	var got []byte
	for _, name := range names {
		repo := openData(t, name)
		got = digestAll(t, got, name, func(f func(*rpm.Package) error) error { return repo.Packages(t.Context(), f) })
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("packages (-encoding/xml +scanner):\n%s", diff)
	}
}

// digestAll adds a line to dst: how many packages read calls back with, and
// the digest of them all.
func digestAll(t *testing.T, dst []byte, name string, read func(func(*rpm.Package) error) error) []byte {
	t.Helper()
	count, hash := 0, sha256.New()
	var line []byte
	err := read(func(p *rpm.Package) error {
		count++
		line = appendPackage(line[:0], p)
		hash.Write(line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(dst, "%-24s %6d packages %x\n", name, count, hash.Sum(nil))
}

// appendPackage writes all of a package so that different ones differ.
func appendPackage(dst []byte, p *rpm.Package) []byte {
	for _, s := range []string{p.Name, p.EVR.String(), p.Arch, p.PkgID, p.Location, p.Base, p.Source} {
		dst = append(append(dst, s...), 0)
	}
	for _, list := range [][]rpm.Relation{
		p.Requires, p.Provides, p.Conflicts, p.Obsoletes, p.Recommends, p.Suggests, p.Supplements, p.Enhances,
	} {
		for _, r := range list {
			dst = append(append(append(dst, r.Name...), 0, byte(r.Op)), r.EVR.Version...)
			dst = append(append(append(dst, 0), r.EVR.Release...), 0)
			dst = binary.LittleEndian.AppendUint32(dst, r.EVR.Epoch)
		}
		dst = append(dst, 1)
	}
	for _, path := range p.Files {
		dst = append(append(dst, path...), 0)
	}
	return append(dst, '\n')
}

func TestBuildGroupOfTheData(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"bookworm/binary": 24, "cs9/binary": 21} {
		group, err := openData(t, name).Group(t.Context(), "build")
		if err != nil || len(group) != want {
			t.Errorf("%s: group build has %d packages, %v; want %d", name, len(group), err, want)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	err := openData(t, "bookworm/source").Packages(ctx, func(*rpm.Package) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n > 2000 {
		t.Errorf("after a cancel: error %v, %d packages", err, n)
	}
}

// cpuSeconds is the CPU time of this process, user and system.
func cpuSeconds(tb testing.TB) float64 {
	tb.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// benchmark measures read, which reads size bytes of XML, in MB of XML for each
// second of CPU.
func benchmark(b *testing.B, size int64, read func() error) {
	b.Helper()
	runtime.GC()
	start, n := cpuSeconds(b), 0
	for b.Loop() {
		if err := read(); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(size)*float64(n)/1e6/(cpuSeconds(b)-start), "MB/cpu-s")
}

// BenchmarkScanPrimary measures the scanner alone.
func BenchmarkScanPrimary(b *testing.B) {
	for _, name := range []string{"bookworm/binary", "cs9/binary"} {
		b.Run(name, func(b *testing.B) {
			document := unpacked(b, openData(b, name), "primary")
			benchmark(b, int64(len(document)), func() error {
				return ScanPrimary(bytes.NewReader(document), func(*rpm.Package) error { return nil })
			})
		})
	}
}

// BenchmarkReadRepo adds reading, unpacking and checksums.
func BenchmarkReadRepo(b *testing.B) {
	for _, name := range []string{"bookworm/binary", "cs9/binary"} {
		b.Run(name, func(b *testing.B) {
			repo := openData(b, name)
			benchmark(b, repo.find("primary").openSize, func() error {
				return repo.Packages(b.Context(), func(*rpm.Package) error { return nil })
			})
		})
	}
}
