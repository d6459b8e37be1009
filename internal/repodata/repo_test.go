package repodata

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

const smallFilelists = `<filelists packages="2">
<package pkgid="cfee81" name="a" arch="x86_64"><version epoch="0" ver="1.0" rel="1"/>
<file>/usr/bin/a</file><file type="dir">/usr/share/a&amp;b</file></package>
<package pkgid="beef" name="b" arch="noarch"><file>/usr/bin/b</file></package>
</filelists>`

func smallRepo(extension string) []metadataFile {
	return []metadataFile{
		{kind: "primary", name: "primary.xml" + extension, content: smallPrimary},
		{kind: "filelists", name: "filelists.xml" + extension, content: smallFilelists},
		{kind: "group", name: "comps.xml", content: smallComps},
		{kind: "primary_db", name: "primary.sqlite.bz2", content: "never looked at"},
	}
}

func TestCompressions(t *testing.T) {
	t.Parallel()
	for _, extension := range []string{"", ".gz", ".zst", ".xz"} {
		repo, err := Open(t.Context(), writeRepo(t, smallRepo(extension)), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkSmallRepo(t, repo)
	}
}

func checkSmallRepo(t *testing.T, repo *Repo) {
	t.Helper()
	var names []string
	err := repo.Packages(t.Context(), func(p *rpm.Package) error {
		names = append(names, p.String())
		return nil
	})
	if diff := cmp.Diff([]string{"a&b-1.0-1.fc40.x86_64", "b-2.noarch"}, names); diff != "" || err != nil {
		t.Errorf("%s: packages: %v\n%s", repo.Location, err, diff)
	}
	var files []string
	wanted := func(path string) bool { return path != "/usr/bin/a" }
	err = repo.Files(t.Context(), wanted, func(pkgID, path string) error {
		files = append(files, pkgID+" "+path)
		return nil
	})
	if diff := cmp.Diff([]string{"cfee81 /usr/share/a&b", "beef /usr/bin/b"}, files); diff != "" || err != nil {
		t.Errorf("%s: files: %v\n%s", repo.Location, err, diff)
	}
	group, err := repo.Group(t.Context(), "build")
	if diff := cmp.Diff([]string{"bash", "make", "gcc", "rpm-build"}, group); diff != "" || err != nil {
		t.Errorf("%s: group: %v\n%s", repo.Location, err, diff)
	}
	if n := repo.Announced(t.Context()); n != 2 {
		t.Errorf("%s: %d packages are announced, want 2", repo.Location, n)
	}
}

// TestLoad has packages with something odd in them. It costs that.
func TestLoad(t *testing.T) {
	t.Parallel()
	const primary = `<metadata packages="7">
<package><name>good</name><arch>x86_64</arch><version ver="1" rel="1"/></package>
<package><name>odd</name><arch>noarch</arch><version ver="1" rel="1"/>
<format><rpm:requires><rpm:entry name="(a or"/><rpm:entry name="last"/></rpm:requires></format></package>
<package><arch>noarch</arch><version ver="1" rel="1"/></package>
<package><name>none</name><arch>noarch</arch></package>
<package><name>epoch</name><arch>noarch</arch><version epoch="-1" ver="1" rel="1"/></package>
<package><name>foreign</name><arch>s390x</arch><version ver="1" rel="1"/></package>
<package><name>32bit</name><arch>i686</arch><version ver="1" rel="1"/></package>
<package><name>last</name><version ver="1" rel="1"/></package>
</metadata>`
	repo, err := Open(t.Context(), writeRepo(t, []metadataFile{{kind: "primary", name: "primary.xml.gz", content: primary}}), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	loaded, err := repo.Load(t.Context(), b, b.AddRepo("r", 0))
	if err != nil {
		t.Fatal(err)
	}
	want := &Loaded{Packages: 4, Foreign: 1, Unusable: []string{
		repo.Location + `: package number 3 has no name`,
		repo.Location + `: package none has no version`,
		repo.Location + `: package epoch: epoch "-1" is no number below 2^32`,
	}}
	if diff := cmp.Diff(want, loaded); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	u := b.Universe()
	if n := u.Len(); n != 4 || u.NEVRA(4).String() != "last-1-1.noarch" {
		t.Errorf("the universe has %d packages, want 4; the last is %v", n, u.NEVRA(4))
	}
	if dropped := u.Dropped(); len(dropped) != 1 {
		t.Errorf("dropped %q, want one dependency", dropped)
	}
}

// TestLongPackage has one package that needs many buffers, so that its first
// strings outlive several of them.
func TestLongPackage(t *testing.T) {
	t.Parallel()
	const files = 100_000
	document := strings.Replace(smallPrimary, "<file>/etc/x</file>", strings.Repeat("<file>/etc/&lt;123456789></file>", files), 1)
	got, err := scanAll(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].Files) != files+1 || got[0].Name != "a&b" || got[0].Provides[1].Name != `b "c" AB` {
		t.Errorf("package %v has %d files, provides %v", got[0].NEVRA, len(got[0].Files), got[0].Provides)
	}
	for _, path := range got[0].Files[:files] {
		if path != "/etc/<123456789>" {
			t.Fatalf("a file is %q", path)
		}
	}
}

func TestErrorOfCallback(t *testing.T) {
	t.Parallel()
	repo, err := Open(t.Context(), writeRepo(t, smallRepo(".zst")), nil)
	if err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	if err := repo.Packages(t.Context(), func(*rpm.Package) error { return mine }); err != mine { //nolint:errorlint // the very same
		t.Errorf("error %v, want the callback's own", err)
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	dir := writeRepo(t, smallRepo(".gz"))
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	repo, err := Open(t.Context(), server.URL+"/", client)
	if err != nil {
		t.Fatal(err)
	}
	checkSmallRepo(t, repo)
}

func TestServerErrors(t *testing.T) {
	t.Parallel()
	answers := map[string]func(http.ResponseWriter){
		"gone":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone) },
		"forbidden": func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) },
		"busy":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"html":      func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html><body>hello</body></html>")) },
		"cut": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("<repomd>"))
		},
		"endless": func(w http.ResponseWriter) { _, _ = w.Write(bytes.Repeat([]byte(" "), maxRepomd+2)) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[strings.Split(r.URL.Path, "/")[1]](w)
	}))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	tests := []struct {
		path        string
		unavailable bool
		want        string
	}{
		{"gone", false, "/gone/repodata/repomd.xml: the server says 410 Gone"},
		{"forbidden", false, "/forbidden/repodata/repomd.xml: the server says 403 Forbidden"},
		{"busy", true, "/busy/repodata/repomd.xml: the server says 503 Service Unavailable"},
		{"html", false, "/html/repodata/repomd.xml: byte 7 of the XML: the root element is <html>, not <repomd>"},
		{"cut", true, "/cut/repodata/repomd.xml: unexpected EOF"},
		{"endless", false, "/endless/repodata/repomd.xml: it is longer than the 4194304 bytes allowed"},
	}
	for _, tt := range tests {
		_, err := Open(t.Context(), server.URL+"/"+tt.path, client)
		checkError(t, err, tt.unavailable, tt.want)
	}
	server.Close()
	_, err := Open(t.Context(), server.URL, client)
	checkError(t, err, true, "connection refused")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, server.URL, client); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: error %v", err)
	}
}

func checkError(t *testing.T, err error, isUnavailable bool, want string) {
	t.Helper()
	var (
		input       *InputError
		unavailable *UnavailableError
	)
	if errors.As(err, &input) == isUnavailable || errors.As(err, &unavailable) != isUnavailable {
		t.Errorf("error %T, want an unavailable one: %v", err, isUnavailable)
	}
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, want it to end with %q", err, want)
	}
}

func TestMissingDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, location := range []string{dir, filepath.Join(dir, "none")} {
		_, err := Open(t.Context(), location, nil)
		checkError(t, err, false, "does not exist")
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: error %v, want one that is ErrNotExist", location, err)
		}
	}
}
