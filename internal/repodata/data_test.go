package repodata

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestWholeDistributions compares all packages of the data with what
// encoding/xml reads.
func TestWholeDistributions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		packages int
	}{
		{"bookworm/binary", 63436},
		{"bookworm/source", 34230},
		{"bookworm-updates/binary", 63666},
		{"cs9/binary", 15843},
		{"cs9/source", 17719},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repo := openData(t, tt.name)
			reference := newReferenceReader(xml.NewDecoder(bytes.NewReader(unpacked(t, repo, "primary"))))
			n := 0
			err := repo.Packages(t.Context(), func(got *rpm.Package) error {
				n++
				want, err := reference.next()
				if err != nil {
					return err
				}
				if !equalPackages(got, want) {
					t.Errorf("package %d (-want +got):\n%s", n, cmp.Diff(want, got))
					return errStop
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n != tt.packages {
				t.Errorf("%d packages, want %d", n, tt.packages)
			}
			if p, err := reference.next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the end encoding/xml finds %v, %v", p, err)
			}
		})
	}
}

var errStop = errors.New("one is enough")

func equalPackages(a, b *rpm.Package) bool {
	return a.NEVRA == b.NEVRA && a.PkgID == b.PkgID && a.Location == b.Location && a.Base == b.Base && a.Source == b.Source &&
		slices.Equal(a.Requires, b.Requires) && slices.Equal(a.Provides, b.Provides) &&
		slices.Equal(a.Conflicts, b.Conflicts) && slices.Equal(a.Obsoletes, b.Obsoletes) &&
		slices.Equal(a.Recommends, b.Recommends) && slices.Equal(a.Suggests, b.Suggests) &&
		slices.Equal(a.Supplements, b.Supplements) && slices.Equal(a.Enhances, b.Enhances) &&
		slices.Equal(a.Files, b.Files)
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

// BenchmarkScanPrimary measures the scanner alone: MB/s are of XML.
func BenchmarkScanPrimary(b *testing.B) {
	for _, name := range []string{"bookworm/binary", "cs9/binary"} {
		b.Run(name, func(b *testing.B) {
			document := unpacked(b, openData(b, name), "primary")
			b.SetBytes(int64(len(document)))
			for b.Loop() {
				if err := ScanPrimary(bytes.NewReader(document), func(*rpm.Package) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadRepo adds reading, unpacking and checksums.
func BenchmarkReadRepo(b *testing.B) {
	for _, name := range []string{"bookworm/binary", "cs9/binary"} {
		b.Run(name, func(b *testing.B) {
			repo := openData(b, name)
			b.SetBytes(repo.find("primary").openSize)
			for b.Loop() {
				if err := repo.Packages(b.Context(), func(*rpm.Package) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
