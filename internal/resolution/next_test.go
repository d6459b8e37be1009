package resolution_test

import (
	"crypto/sha256"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A drawn package is one of a repository that the test makes up.
type drawn struct {
	name, arch string
	version    int
	requires   []string
	files      []string // that only the file lists have
}

var (
	drawnNames = []string{"a", "b", "c", "d", "e", "f"}
	drawnPaths = []string{"/usr/lib/one", "/usr/lib/two", "/usr/lib/three"}
	drawnNeeds = slices.Concat(drawnNames, drawnPaths, []string{"none", "/usr//lib/two", "(a or c)", "(b if d)", "(a or"}) // the last one is no dependency
)

func drawPackage(t *rapid.T) drawn {
	return drawn{
		name:     rapid.SampledFrom(drawnNames).Draw(t, "name"),
		arch:     rapid.SampledFrom([]string{"x86_64", "x86_64", "noarch", "i686"}).Draw(t, "arch"),
		version:  rapid.IntRange(1, 3).Draw(t, "version"),
		requires: rapid.SliceOfN(rapid.SampledFrom(drawnNeeds), 0, 3).Draw(t, "requires"),
		files:    rapid.SliceOfNDistinct(rapid.SampledFrom(drawnPaths), 0, 2, rapid.ID).Draw(t, "files"),
	}
}

// edit replaces, adds, removes or moves a package.
func edit(t *rapid.T, packages []drawn) []drawn {
	packages = slices.Clone(packages)
	at := rapid.IntRange(0, len(packages)-1).Draw(t, "at")
	switch rapid.SampledFrom([]string{"replace", "add", "remove", "move"}).Draw(t, "edit") {
	case "replace":
		packages[at] = drawPackage(t)
	case "add":
		packages = slices.Insert(packages, at, drawPackage(t))
	case "remove":
		if len(packages) > 1 {
			packages = slices.Delete(packages, at, at+1)
		}
	case "move":
		packages[0], packages[at] = packages[at], packages[0]
	}
	return packages
}

// write makes a repository of packages, with file lists or without.
func write(t *rapid.T, dir string, packages []drawn, lists bool) *repodata.Repo {
	var primary, files strings.Builder
	for _, p := range packages {
		id := fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(p))))
		fmt.Fprintf(&primary, `<package type="rpm"><name>%s</name><arch>%s</arch><version epoch="0" ver="%d" rel="1"/>`+
			`<checksum type="sha256" pkgid="YES">%s</checksum><location href="x.rpm"/><format><sourcerpm>source-%s-1-1.src.rpm</sourcerpm><requires>`,
			p.name, p.arch, p.version, id, p.name)
		for _, r := range p.requires {
			fmt.Fprintf(&primary, `<entry name="%s"/>`, html.EscapeString(r))
		}
		primary.WriteString("</requires></format></package>\n")
		fmt.Fprintf(&files, `<package pkgid="%s" name="%s" arch="%s">`, id, p.name, p.arch)
		for _, path := range p.files {
			fmt.Fprintf(&files, `<file>%s</file>`, path)
		}
		files.WriteString("</package>\n")
	}
	documents := map[string]string{
		"primary": fmt.Sprintf("<metadata packages=\"%d\">\n%s</metadata>\n", len(packages), &primary),
		"group":   "<comps><group><id>build</id><packagelist><packagereq>a</packagereq></packagelist></group></comps>",
	}
	if lists {
		documents["filelists"] = "<filelists>\n" + files.String() + "</filelists>\n"
	}
	repomd := "<repomd>\n"
	for _, kind := range slices.Sorted(maps.Keys(documents)) {
		put(t, filepath.Join(dir, "repodata", kind+".xml"), documents[kind])
		repomd += fmt.Sprintf("<data type=%q><checksum type=\"sha256\">%x</checksum><location href=\"repodata/%s.xml\"/></data>\n",
			kind, sha256.Sum256([]byte(documents[kind])), kind)
	}
	put(t, filepath.Join(dir, "repodata", "repomd.xml"), repomd+"</repomd>\n")
	repo, err := repodata.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func put(t *rapid.T, path, content string) {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestNext checks that a repository loaded with the help of others before it
// is the one that is loaded without.
func TestNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n := &numbers{ids: map[rpm.NEVRA]int32{}}
		packages := []drawn{drawPackage(t)}
		lists := rapid.Bool().Draw(t, "file lists")
		var repo *resolution.Repo
		for range rapid.IntRange(2, 5).Draw(t, "generations") {
			for range rapid.IntRange(0, 4).Draw(t, "edits") {
				packages = edit(t, packages)
			}
			if rapid.IntRange(0, 9).Draw(t, "other lists") == 0 {
				lists = !lists
			}
			requires := [][]string{rapid.SliceOfN(rapid.SampledFrom(drawnNeeds), 0, 2).Draw(t, "requires")}
			paths := resolution.Paths(requires)
			files := write(t, dir, packages, lists)
			want, err := resolution.Load(t.Context(), files, "x86_64", n.intern, paths)
			if err != nil {
				t.Fatal(err)
			}
			if repo == nil {
				repo = want
				continue
			}
			if repo, err = repo.Next(t.Context(), files, n.intern, paths); err != nil {
				t.Fatal(err)
			}
			for _, name := range drawnNames {
				requires = append(requires, []string{name})
			}
			compareRepos(t, repo, want, requires)
		}
	})
}

func compareRepos(t *rapid.T, got, want *resolution.Repo, requires [][]string) {
	if diff := cmp.Diff(want.Contents, got.Contents, cmp.AllowUnexported(resolution.Contents{})); diff != "" {
		t.Fatalf("contents (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.LeftOut, got.LeftOut); diff != "" {
		t.Fatalf("left out (-want +got):\n%s", diff)
	}
	var answers [2][]resolution.Answer
	for i, repo := range []*resolution.Repo{want, got} {
		group, err := repo.Group("build", noHub)
		if err != nil {
			t.Fatal(err)
		}
		for _, members := range [][]string{nil, group} {
			some, err := repo.Resolver(resolution.Options{Group: members}).Resolve(t.Context(), goals(requires))
			if err != nil {
				t.Fatal(err)
			}
			answers[i] = append(answers[i], some...)
		}
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Fatalf("answers (-want +got):\n%s", diff)
	}
}
