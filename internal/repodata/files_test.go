package repodata

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	got := Paths(nil, []rpm.Relation{
		{Name: "/bin/sh"},
		{Name: "/usr/share/a"},
		{Name: "/etc/b"},
		{Name: "/usr/lib/sendmail"},
		{Name: "perl(a/b)"},
		{Name: "(/usr/share/c or (/sbin/d if (e and /opt/f)))"},
		{Name: "(/usr/share/broken or"},
	})
	if diff := cmp.Diff([]string{"/usr/share/a", "/usr/share/c", "/opt/f"}, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

// TestLoadFiles has packages and a goal that need files which only the file
// lists know.
func TestLoadFiles(t *testing.T) {
	t.Parallel()
	const primary = `<metadata packages="4">
<package><name>user</name><arch>noarch</arch><version ver="1" rel="1"/><checksum>1</checksum>
<format><rpm:requires><rpm:entry name="/usr/share/deep"/></rpm:requires></format></package>
<package><name>deep</name><arch>noarch</arch><version ver="1" rel="1"/><checksum>2</checksum></package>
<package><name>wide</name><arch>noarch</arch><version ver="1" rel="1"/><checksum>3</checksum></package>
<package><name>none</name><arch>s390x</arch><version ver="1" rel="1"/><checksum>4</checksum></package>
</metadata>`
	const filelists = `<filelists packages="4">
<package pkgid="1"><file>/usr/share/user</file></package>
<package pkgid="2"><file>/usr/share/deep</file></package>
<package pkgid="3"><file type="dir">/usr/share/wide</file></package>
<package pkgid="4"><file>/usr/share/deep</file><file>/usr/share/wide</file></package>
</filelists>`
	repo, err := Open(t.Context(), writeRepo(t, []metadataFile{
		{kind: "primary", name: "primary.xml.gz", content: primary},
		{kind: "filelists", name: "filelists.xml.gz", content: filelists},
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	goal := []rpm.Relation{{Name: "user"}, {Name: "/usr/share/wide"}}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	if _, err := repo.Load(t.Context(), b, b.AddRepo("r", 0), Paths(nil, goal)...); err != nil {
		t.Fatal(err)
	}
	u := b.Universe()
	result := u.NewSolver(depsolve.SolverOptions{}).Solve(depsolve.Goal{Requires: goal})
	if !result.OK || len(result.Packages) != 3 {
		t.Errorf("the goal resolves: %v, with %d packages; want 3", result.OK, len(result.Packages))
	}
}
