package repodata

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestNewPackages checks that every combination of known packages is passed
// over, whatever is in them.
func TestNewPackages(t *testing.T) {
	t.Parallel()
	var document strings.Builder
	document.WriteString("<metadata>\n")
	inside := []string{
		"<packager>p</packager>", "<!-- </package> -->", "<d><![CDATA[</package>]]></d>", "<?pi </package> ?>",
		"<x a='</package'/>", "<package/>", strings.Repeat("<y/>", bufferSize/4),
	}
	inside[4] = `<x a="&lt;/package>"/>`
	for i, extra := range inside {
		fmt.Fprintf(&document, "<package><name>n%d</name><arch>a</arch><version ver='1'/><checksum>%d</checksum>%s</package >\n", i, i, extra)
	}
	document.WriteString("</metadata>")
	for set := range 1 << len(inside) {
		var want, got, asked []string
		for i := range inside {
			if set&(1<<i) == 0 {
				want = append(want, fmt.Sprint("n", i))
			}
		}
		known := func(pkgID string) bool {
			asked = append(asked, strings.Clone(pkgID))
			return set&(1<<(pkgID[0]-'0')) != 0
		}
		err := scanPrimary(strings.NewReader(document.String()), known, func(p *rpm.Package) error {
			got = append(got, strings.Clone(p.Name))
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil || len(asked) != len(inside) {
			t.Fatalf("known %b: %v, asked for %v\n%s", set, err, asked, diff)
		}
	}
}

// TestNewPackagesAreStillChecked has errors in packages that are known, and
// behind them.
func TestNewPackagesAreStillChecked(t *testing.T) {
	t.Parallel()
	const pkg = "<metadata><package><checksum>1</checksum><a>b</a></package>"
	for _, rest := range []string{"", "<package><checksum>1</checksum><a>", "<package><checksum>1</checksum><a></package", "</metadata></metadata>"} {
		err := scanPrimary(strings.NewReader(pkg+rest), func(string) bool { return true }, func(*rpm.Package) error { return nil })
		if err == nil {
			t.Errorf("%q is taken", pkg+rest)
		}
	}
}

// TestNextUniverse builds the universe of a repository's next state from the
// one before, and compares it with the one built from nothing.
func TestNextUniverse(t *testing.T) {
	t.Parallel()
	day1, day2 := openData(t, "bookworm/binary"), openData(t, "bookworm-updates/binary")
	before, ids, _ := nextUniverse(t, day1, nil, nil)
	after, _, kept := nextUniverse(t, day2, before, ids)
	want, _, _ := nextUniverse(t, day2, nil, nil)
	if kept < 60_000 {
		t.Errorf("%d packages are kept, want nearly all", kept)
	}
	if after.Len() != want.Len() {
		t.Fatalf("%d packages, want %d", after.Len(), want.Len())
	}
	for id := depsolve.ID(1); int(id) <= want.Len(); id++ {
		if got, want := after.NEVRA(id), want.NEVRA(id); got != want {
			t.Fatalf("package %d is %v, want %v", id, got, want)
		}
	}
}

// nextUniverse builds a universe, from the one before if that is not nil.
func nextUniverse(tb testing.TB, repo *Repo, before *depsolve.Universe, ids map[string]depsolve.ID) (*depsolve.Universe, map[string]depsolve.ID, int) {
	tb.Helper()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	if before != nil {
		b = before.Next()
	}
	id := b.AddRepo("r", 0)
	next := make(map[string]depsolve.ID, len(ids))
	kept := 0
	err := repo.NewPackages(tb.Context(), func(pkgID string) bool {
		old, ok := ids[pkgID]
		if ok {
			next[strings.Clone(pkgID)] = b.Keep(old)
			kept++
		}
		return ok
	}, func(p *rpm.Package) error {
		added, err := b.Add(id, p)
		next[strings.Clone(p.PkgID)] = added
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b.Universe(), next, kept
}

// BenchmarkScanKnown measures how fast known packages are passed over.
func BenchmarkScanKnown(b *testing.B) {
	document := unpacked(b, openData(b, "bookworm/binary"), "primary")
	benchmark(b, int64(len(document)), func() error {
		return scanPrimary(bytes.NewReader(document), func(string) bool { return true }, func(*rpm.Package) error { return nil })
	})
}
