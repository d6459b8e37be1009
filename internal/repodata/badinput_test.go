package repodata

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestBadRepomd changes the repomd.xml of a good repository.
func TestBadRepomd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new string
		want     string // a part of the error
	}{
		{"wrong root", "<repomd", "<metadata", "the root element is <metadata>, not <repomd>"},
		{"cut short", "</repomd>\n", "", "the document ends inside <repomd>"},
		{"empty", "<repomd xmlns", "<!-- ", "the document ends inside a tag"},
		{"no primary", `type="primary"`, `type="secondary"`, `it names no "primary" file`},
		{"two primaries", `type="filelists"`, `type="primary"`, `it names two files for "primary"`},
		{"no location", "repodata/primary.xml.gz", "", `it does not say where the "primary" file is`},
		{"no checksum", "checksum", "sum", `it has no checksum for the "primary" file`},
		{"unknown checksum", `type="sha256"`, `type="crc32"`, `checksums of type "crc32" are not supported`},
		{"short checksum", `<checksum type="sha256">`, `<checksum type="sha256">00</checksum><checksum>`, `"00" is no sha256 checksum`},
		{"absolute location", "repodata/primary", "/etc/primary", "leaves the repository"},
		{"location outside", "repodata/primary", "../primary", `location "../primary.xml.gz" of "primary" leaves the repository`},
		{"hidden location outside", "repodata/primary", "repodata/%2E%2e/../primary", "leaves the repository"},
		{"location elsewhere", "repodata/primary", "http://example.com/primary", "leaves the repository"},
		{"base elsewhere", `<location href="repodata/primary`, `<location xml:base="http://example.com/" href="repodata/primary`, "leaves the repository"},
		{"absurd size", "<size>", "<size>999999999999", "is more than the"},
		{"absurd open size", "<open-size>", "<open-size>99999999999999999999999", "is no number"},
		{"negative size", "<size>", "<size>-", "is no number"},
		{"entity", "<repomd", `<!DOCTYPE repomd [<!ENTITY a "b">]><repomd`, "entity declarations are not allowed"},
		{"entity in use", "<revision>1", "<revision>&a;", `"&" begins no known reference`},
		{"wrong size", "<size>", "<size>9", "repomd.xml says 9"},
		{"too small a size", "</size>", "</size><size>10</size>", "it is longer than the 10 bytes that repomd.xml says"},
		{"too small an open size", "</open-size>", "</open-size><open-size>100</open-size>", "unpacked it is longer than the 100 bytes that repomd.xml says"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkBad(t, writeRepo(t, smallRepo(".gz"), tt.old, tt.new), "", tt.want)
		})
	}
}

// TestBadFiles changes the files of a good repository, without or with
// repomd.xml knowing of it.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	half := func(b []byte) []byte { return b[:len(b)/2] }
	flip := func(b []byte) []byte {
		b[len(b)/2] ^= 0xff
		return b
	}
	longer := func(b []byte) []byte { return append(b, "more"...) }
	gone := func([]byte) []byte { return nil }
	tests := []struct {
		name string
		file metadataFile
		want string
	}{
		{"gone", metadataFile{name: "p.xml.gz", content: smallPrimary, edit: gone}, "the file does not exist"},
		{"gzip cut short", metadataFile{name: "p.xml.gz", content: smallPrimary, edit: half}, "bytes long, repomd.xml says"},
		{"zstd cut short", metadataFile{name: "p.xml.zst", content: smallPrimary, edit: half}, "bytes long, repomd.xml says"},
		{"xz cut short", metadataFile{name: "p.xml.xz", content: smallPrimary, edit: half}, "bytes long, repomd.xml says"},
		{"xml cut short", metadataFile{name: "p.xml", content: smallPrimary, edit: half}, "bytes long, repomd.xml says"},
		{"gzip corrupt", metadataFile{name: "p.xml.gz", content: smallPrimary, edit: flip}, "it has the sha256 checksum"},
		{"zstd corrupt", metadataFile{name: "p.xml.zst", content: smallPrimary, edit: flip}, "it has the sha256 checksum"},
		{"xz corrupt", metadataFile{name: "p.xml.xz", content: smallPrimary, edit: flip}, "it has the sha256 checksum"},
		{"xml corrupt", metadataFile{name: "p.xml", content: smallPrimary, edit: flip}, "it has the sha256 checksum"},
		{"longer", metadataFile{name: "p.xml.gz", content: smallPrimary, edit: longer}, "it is longer than the"},
		{"no gzip", metadataFile{name: "p.xml.gz", content: smallPrimary, edit: func([]byte) []byte { return []byte(smallPrimary) }}, "it is longer than the"},
		{"no bzip2", metadataFile{name: "p.xml.bz2", content: smallPrimary}, `the bzip2 data are corrupt`},
		{"no known compression", metadataFile{name: "p.lzma", content: "\x5d\x00\x00"}, `the character 0x00 is not allowed`},
		{"no XML", metadataFile{name: "p.xml.gz", content: "hello"}, "text outside the root element"},
		{"empty", metadataFile{name: "p.xml.gz", content: ""}, "the document is empty"},
		{"XML cut short", metadataFile{name: "p.xml.zst", content: smallPrimary[:len(smallPrimary)/2]}, "the document ends inside"},
		{"XML goes on", metadataFile{name: "p.xml.zst", content: smallPrimary + "<a/>"}, "a second root element <a>"},
		{"tags cross", metadataFile{name: "p.xml.gz", content: "<metadata><a><b></a></b></metadata>"}, "<b> is closed by </a>"},
		{"entity", metadataFile{name: "p.xml.gz", content: "<!DOCTYPE metadata [\n<!ENTITY x SYSTEM 'file:///etc/passwd'>]><metadata/>"}, "entity declarations are not allowed"},
		{"parameter entity", metadataFile{name: "p.xml.gz", content: "<!DOCTYPE metadata [ <!ENTITY % x 'y'> ]><metadata/>"}, "entity declarations are not allowed"},
		{"absurd count", metadataFile{name: "p.xml.gz", content: `<metadata packages="99999999999"/>`}, "99999999999 packages, more than the 1048576 allowed"},
		{"no count", metadataFile{name: "p.xml.gz", content: `<metadata packages="many"/>`}, `the number of packages "many" is no number`},
		{"too deep", metadataFile{name: "p.xml.gz", content: "<metadata>" + strings.Repeat("<a>", maxDepth)}, "elements are nested more than 64 deep"},
		{"encoding", metadataFile{name: "p.xml.gz", content: `<?xml version="1.0" encoding="EBCDIC"?><metadata/>`}, `encoding "ebcdic" is not supported`},
		{"not ASCII", metadataFile{name: "p.xml.gz", content: `<?xml version="1.0" encoding="US-ASCII"?><metadata><a>é</a></metadata>`}, `it has the character 0xc3, which is not in the encoding US-ASCII`},
		{"two declarations", metadataFile{name: "p.xml.gz", content: `<?xml version="1.0" encoding="Latin1"?><metadata><?xml version="1.0" encoding="Latin1"?></metadata>`}, `an XML declaration behind the start of the document`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.file.kind = "primary"
			checkBad(t, writeRepo(t, []metadataFile{tt.file}), tt.file.name, tt.want)
		})
	}
}

// TestBadPackages has a good document with something wrong in a package.
func TestBadPackages(t *testing.T) {
	t.Parallel()
	tests := []struct{ old, new, want string }{
		{`name="/bin/sh"`, `name="/bin/sh" name="x"`, "attribute name is there twice"},
		{`name="/bin/sh"`, `name=/bin/sh`, "the value of attribute name is not quoted"},
		{`name="/bin/sh"`, `name="<"`, `"<" inside an attribute value`},
		{"<file>/etc/x</file>", "<file>/etc/\x00</file>", "the character 0x00 is not allowed"},
		{"<file>/etc/x</file>", "<file>/etc/\xff</file>", "a character is not valid UTF-8, or not allowed"},
		{"<file>/etc/x</file>", "<file>&#xd800;</file>", `"&" begins no known reference`},
		{"<file>/etc/x</file>", "<file>&nbsp;</file>", `"&" begins no known reference`},
		{"<file>/etc/x</file>", "<file>]]></file>", "]]> outside a CDATA section"},
	}
	for _, tt := range tests {
		content := strings.Replace(smallPrimary, tt.old, tt.new, 1)
		if content == smallPrimary {
			t.Errorf("%q is not there to be replaced", tt.old)
		}
		file := metadataFile{kind: "primary", name: "p.xml.gz", content: content}
		checkBad(t, writeRepo(t, []metadataFile{file}), file.name, tt.want)
	}
}

// checkBad checks that reading the packages of a repository fails with one
// sentence that names the file.
func checkBad(t *testing.T, dir, file, want string) {
	t.Helper()
	repo, err := Open(t.Context(), dir, nil)
	if err == nil {
		err = repo.Packages(t.Context(), func(*rpm.Package) error { return nil })
	}
	var input *InputError
	if !errors.As(err, &input) {
		t.Fatalf("error %v (%T), want an InputError with %q", err, err, want)
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q, want one line with %q", err, want)
	}
	if place := filepath.Join(dir, "repodata", file); !strings.HasPrefix(err.Error(), place) {
		t.Errorf("error %q, want it to begin with %q", err, place)
	}
}

func TestBadComps(t *testing.T) {
	t.Parallel()
	tests := []struct{ old, new, want string }{
		{`"comps.dtd"`, `"comps.dtd" [<!ENTITY x "y">]`, "entity declarations are not allowed"},
		{"<comps>", "<groups>", "the root element is <groups>, not <comps>"},
		{"</comps>", "", "the document ends inside <comps>"},
	}
	for _, tt := range tests {
		file := metadataFile{kind: "group", name: "comps.xml", content: strings.Replace(smallComps, tt.old, tt.new, 1)}
		dir := writeRepo(t, []metadataFile{file})
		repo, err := Open(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = repo.Group(t.Context(), "build")
		checkError(t, err, false, tt.want)
	}
}

// TestLimitOfElement has a text that is longer than a buffer may become.
func TestLimitOfElement(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader("<metadata><package><name>"), letters{})
	err := ScanPrimary(endless, func(*rpm.Package) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "an element is longer than 33554432 bytes") {
		t.Errorf("error %v", err)
	}
}

// letters is text without an end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestXZDictionary has a file that asks for 4 GiB of memory.
func TestXZDictionary(t *testing.T) {
	t.Parallel()
	file := metadataFile{kind: "primary", name: "p.xml.xz", content: smallPrimary}
	packed := pack(t, file.name, []byte(file.content))
	if packed[14] != 0x21 {
		t.Fatalf("the filter is not where the test expects it: % x", packed[:20])
	}
	for i := range 64 {
		if packed[16] = byte(i); i > 40 {
			break
		}
		_, err := decompress(strings.NewReader(string(packed)), file.name)
		tooLarge := err != nil && strings.Contains(err.Error(), "xz dictionary")
		if want := i > 30; tooLarge != want {
			t.Errorf("dictionary size %d: %v, want too large: %v", i, err, want)
		}
	}
}
