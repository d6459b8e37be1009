package resolution_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A repo of two packages, one of which contains files that primary.xml does
// not list.
const (
	primaryXML = `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="3">
<package type="rpm"><name>owner</name><arch>x86_64</arch><version epoch="0" ver="1" rel="1"/><checksum type="sha256" pkgid="YES">aa</checksum>
<location href="owner.rpm"/><format><rpm:sourcerpm>things-1-1.src.rpm</rpm:sourcerpm></format></package>
<package type="rpm"><name>user</name><arch>x86_64</arch><version epoch="0" ver="1" rel="1"/><checksum type="sha256" pkgid="YES">bb</checksum>
<location href="user.rpm"/><format><rpm:requires><rpm:entry name="/usr/lib/owned"/></rpm:requires></format></package>
<package type="rpm"><name>owner</name><arch>i686</arch><version epoch="0" ver="1" rel="1"/><checksum type="sha256" pkgid="YES">cc</checksum>
<location href="owner.i686.rpm"/><format/></package>
</metadata>`
	filelistsXML = `<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="2">
<package pkgid="aa" name="owner" arch="x86_64"><version epoch="0" ver="1" rel="1"/><file>/usr/lib/owned</file><file>/usr/share/other</file></package>
<package pkgid="bb" name="user" arch="x86_64"><version epoch="0" ver="1" rel="1"/></package>
</filelists>`
)

func TestFileLists(t *testing.T) {
	t.Parallel()
	repomd := `<repomd xmlns="http://linux.duke.edu/metadata/repo">`
	mux := http.NewServeMux()
	serve := func(name, content string) {
		mux.HandleFunc("/repodata/"+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) })
	}
	for kind, content := range map[string]string{"primary": primaryXML, "filelists": filelistsXML} {
		repomd += fmt.Sprintf(`<data type=%q><checksum type="sha256">%x</checksum><location href="repodata/%s.xml"/></data>`,
			kind, sha256.Sum256([]byte(content)), kind)
		serve(kind+".xml", content)
	}
	serve("repomd.xml", repomd+"</repomd>")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	n := &numbers{ids: map[rpm.NEVRA]int32{}}
	repos := &resolution.Repos{
		Files: &repodata.Cache{Dir: t.TempDir(), Client: repodata.NewClient()}, Arch: "x86_64", Intern: n.intern,
	}
	requires := [][]string{{"user"}, {"/usr/share/other"}, {"(user and /usr/share/other)"}, {"/usr/share/none"}}
	for _, known := range []int{1, len(requires)} { // the second time there is more to look for
		repo, err := repos.Open(t.Context(), server.URL, resolution.Paths(requires[:known]))
		if err != nil {
			t.Fatal(err)
		}
		answers, err := repo.Resolver(resolution.Options{}).Resolve(t.Context(), goals(requires[:known]))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{2, 1, 2, 0}[:known] {
			if len(answers[i].Set) != want {
				t.Errorf("%v: %d packages, want %d; problems %q", requires[i], len(answers[i].Set), want, answers[i].Problems)
			}
		}
	}
}
