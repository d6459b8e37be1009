package repodata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/rpm"
)

const smallPrimary = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="2">
<package type="rpm">
  <name>a&amp;b</name><arch>x86_64</arch>
  <version epoch="0" ver="1.0" rel="1.fc40"/>
  <checksum type="sha256" pkgid="YES">cfee81</checksum>
  <summary>S <![CDATA[<&>]]> é</summary>
  <location xml:base="http://x/" href="a-1.0-1.x86_64.rpm"/>
  <format>
    <rpm:sourcerpm>a-1.0-1.src.rpm</rpm:sourcerpm>
    <rpm:provides>
      <rpm:entry name="a" flags="EQ" epoch="0" ver="1.0" rel="1.fc40"/>
      <rpm:entry name='b "c" &#x41;&#66;'></rpm:entry>
    </rpm:provides>
    <rpm:requires><rpm:entry name="/bin/sh" pre="1"/></rpm:requires>
    <file>/etc/x</file><file type="dir">/etc/<!-- no -->y<?pi ?>z</file>
  </format>
</package>
<package type="rpm"><name>b</name><arch>noarch</arch><version ver="2"/></package>
</metadata>
`

// FuzzScanPrimary holds the reader, which bears with what is odd, to a strict one
// that encoding/xml reads for: all that the strict one takes reads the same, and
// what is no XML neither takes. The exceptions are what the scanner is stricter about
// (document types) or more generous (names that are not ASCII, long forms of numbers,
// UTF-16 and XML 1.1).
func FuzzScanPrimary(f *testing.F) {
	f.Add([]byte(smallPrimary))
	for _, s := range []string{
		"", "<metadata/>", "<metadata></metadata>", "\uFEFF<metadata/>", "<metadata>]]></metadata>", "<metadata>&lt;</metadata>",
		"<metadata><package><name>\r\nx\r</name><arch>y</arch><version ver='&#13;'/></package></metadata>",
		"<metadata><a b='1'c=\"2\"/></metadata>", "<metadata><a:b:c/></metadata>", "<metadata><?xml version='1.1'?></metadata>",
		"<?xml version='1.0' encoding='ISO-8859-1'?><metadata><package><name>\xe9</name><arch>y</arch><version ver='1'/></package></metadata>",
		"<metadata><package><name>x</name><arch>y</arch><version ver='1'/><location href='../x'/><format><requires><entry name='a' flags='NE' ver='1-2-3'/></requires><requires/></format></package></metadata>",
		"<metadata><a/ ></metadata>", "<metadata\n>\n</metadata\n>\n<!-- -- -->", "<metadata/><metadata/>", "x<metadata/>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		got, gotErr := scanAll(bytes.NewReader(document))
		want, wantErr := referenceAll(document)
		compareReaders(t, document, got, gotErr, want, wantErr)
		if gotErr == nil {
			checkKnown(t, document, got)
		}
		slow, slowErr := scanAll(iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(document))))
		if diff := cmp.Diff(got, slow); diff != "" || (gotErr == nil) != (slowErr == nil) {
			t.Errorf("read slowly it is different: %v, %v\n%s", gotErr, slowErr, diff)
		}
	})
}

// checkKnown reads a good document again, knowing all packages that have a
// checksum: only the others may be left.
func checkKnown(t *testing.T, document []byte, packages []*rpm.Package) {
	t.Helper()
	want := 0
	for _, p := range packages {
		if p.PkgID == "" {
			want++
		}
	}
	got := 0
	err := scanPrimary(bytes.NewReader(document), func(pkgID string) bool { return pkgID != "" }, func(*rpm.Package) error {
		got++
		return nil
	})
	if err != nil || got > want {
		t.Errorf("knowing all packages: %d are left, %v; want %d", got, err, want)
	}
}

// isGenerous: names outside ASCII, UTF-16, XML 1.1; and RawToken does not look at
// "xml" declarations the way Token does.
func isGenerous(document []byte) bool {
	if bytes.IndexByte(document, 0) >= 0 || bytes.Contains(document, []byte("1.1")) {
		return true
	}
	return bytes.ContainsFunc(document, func(r rune) bool { return r >= 0x80 })
}

// isStrict: declarations, an XML declaration that is not the first thing, and
// references longer than any that is needed.
func isStrict(document []byte) bool {
	return bytes.Contains(document, []byte("<!")) || bytes.Contains(document, []byte("<?xml")) ||
		bytes.Contains(document, []byte("&#"))
}

func scanAll(r io.Reader) ([]*rpm.Package, error) {
	var packages []*rpm.Package
	err := ScanPrimary(r, func(p *rpm.Package) error {
		packages = append(packages, p.Clone())
		return nil
	})
	return packages, err
}

// strictDecoder knows the encodings that the scanner knows.
func strictDecoder(document []byte) *xml.Decoder {
	dec := xml.NewDecoder(bytes.NewReader(document))
	dec.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "iso-8859-1", "iso8859-1", "latin1":
			raw, err := io.ReadAll(r)
			runes := make([]rune, len(raw))
			for i, b := range raw {
				runes[i] = rune(b)
			}
			return strings.NewReader(string(runes)), err
		}
		return nil, errors.New("unsupported " + charset)
	}
	return dec
}

func referenceAll(document []byte) ([]*rpm.Package, error) {
	reader := newReferenceReader(strictDecoder(document))
	var packages []*rpm.Package
	for {
		p, err := reader.next()
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return packages, err
		}
		packages = append(packages, p.Clone())
	}
}

// TestBufferBounds reads one document in all ways that it can be cut by the
// buffer's end.
func TestBufferBounds(t *testing.T) {
	t.Parallel()
	want, err := scanAll(bytes.NewReader([]byte(smallPrimary)))
	if err != nil || len(want) != 2 {
		t.Fatalf("%d packages, %v", len(want), err)
	}
	for pad := bufferSize - padding - len(smallPrimary); pad <= bufferSize-padding; pad++ {
		document := bytes.Replace([]byte(smallPrimary), []byte("<!-- a comment -->"),
			append(append([]byte("<!--"), bytes.Repeat([]byte("x"), pad)...), "-->"...), 1)
		got, err := scanAll(bytes.NewReader(document))
		if err != nil {
			t.Fatalf("with a comment of %d bytes: %v", pad, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("with a comment of %d bytes:\n%s", pad, diff)
		}
	}
}

// FuzzScanOthers holds the readers of groups and of files to strict ones, as
// FuzzScanPrimary does, and all to giving the same answer however the document is
// cut, and to an answer at all.
func FuzzScanOthers(f *testing.F) {
	f.Add([]byte(smallComps))
	f.Add([]byte(smallFilelists))
	f.Add([]byte(`<repomd><data type="primary"><checksum type="sha">00</checksum><location href="a"/><size>1</size></data></repomd>`))
	f.Add([]byte(`<?xml version='1.0'?><!DOCTYPE comps [<!ELEMENT a (b)> <!-- ' --> ]><comps><group><id>a</id></group></comps>`))
	f.Fuzz(func(t *testing.T, document []byte) {
		groups, err := ScanComps(bytes.NewReader(document))
		want, wantErr := strictGroups(document)
		compareReaders(t, document, groups, err, want, wantErr)
		slowly, slowErr := ScanComps(iotest.OneByteReader(bytes.NewReader(document)))
		if diff := cmp.Diff(groups, slowly); diff != "" || (err == nil) != (slowErr == nil) {
			t.Errorf("read slowly groups are different: %v, %v\n%s", err, slowErr, diff)
		}
		for _, g := range groups {
			if _, err := Install(groups, g.ID); err != nil && !errors.Is(err, ErrNoGroup) {
				t.Error(err)
			}
		}
		files, err := filesOf(document)
		wantFiles, wantErr := strictFiles(document)
		compareReaders(t, document, files, err, wantFiles, wantErr)
		entries, err := parseRepomd(document)
		for _, e := range entries {
			if err == nil && e.flaw == "" && !inside(e.href) {
				t.Errorf("location %q is taken", e.href)
			}
		}
	})
}
