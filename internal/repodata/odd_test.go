package repodata

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestOddPackages has packages that say odd things. They are read as libsolv
// reads them.
func TestOddPackages(t *testing.T) {
	t.Parallel()
	evr := func(version, release string) rpm.EVR { return rpm.EVR{Version: version, Release: release} }
	requires := func(r ...rpm.Relation) rpm.Package { return rpm.Package{Requires: r} }
	supplements := func(r ...rpm.Relation) rpm.Package { return rpm.Package{Supplements: r} }
	for _, test := range []struct {
		text string
		want rpm.Package // but for name and architecture
	}{
		{`<location href="../../pool/a.rpm"/>`, rpm.Package{Location: "../../pool/a.rpm"}},
		{`<location href="/a.rpm" xml:base="ftp://x/"/>`, rpm.Package{Location: "/a.rpm", Base: "ftp://x/"}},
		{`<checksum> AB12 </checksum>`, rpm.Package{PkgID: "ab12"}},
		{
			`<requires><entry name="b" flags="NE" epoch="0" ver="1" rel="1"/></requires>`,
			requires(rpm.Relation{Name: "b", Op: rpm.Less | rpm.Greater, EVR: evr("1", "1")}),
		},
		{
			`<requires><entry name="b" flags="==" ver="1"/></requires>`,
			requires(rpm.Relation{Name: "b", Op: rpm.NoComparison, EVR: evr("1", "")}),
		},
		{`<requires><entry name="b" flags="" epoch="" ver="" rel=""/></requires>`, requires(rpm.Relation{Name: "b", Op: rpm.NoComparison})},
		{`<requires><entry name="b" flags="EQ"/></requires>`, requires(rpm.Relation{Name: "b", Op: rpm.Equal})},
		{`<requires><entry name="b" flags="EQ" epoch="x" ver="1"/></requires>`, requires(rpm.Relation{Name: "b", Op: rpm.NoComparison})},
		{`<requires><entry flags="EQ" ver="1"/><entry name="c"/></requires>`, requires(rpm.Relation{Name: "c"})},
		{
			`<requires><entry name="b" kind="pattern"/><entry name="c" kind="package"/></requires>`,
			requires(rpm.Relation{Name: "pattern:b"}, rpm.Relation{Name: "c"}),
		},
		{`<requires><entry name="b"/></requires><requires><entry name="c"/></requires>`, requires(rpm.Relation{Name: "c"})},
		{
			`<provides><entry name="b" flags="EQ" epoch="0" ver="1.0" rel="beta-3"/></provides>`,
			rpm.Package{Provides: []rpm.Relation{{Name: "b", Op: rpm.Equal, EVR: evr("1.0-beta", "3")}}},
		},
		{
			`<rpm:requires><rpm:entry name="b" flags="GE" epoch="0" ver="1.0" rel="beta-3"/></rpm:requires>`,
			requires(rpm.Relation{Name: "b", Op: rpm.Greater | rpm.Equal, EVR: evr("1.0-beta", "3")}),
		},
		{
			`<rpm:requires><rpm:entry name="b" flags="GE" epoch="0" ver="1-2-3" rel=""/></rpm:requires>`,
			requires(rpm.Relation{Name: "b", Op: rpm.Greater | rpm.Equal, EVR: evr("1-2", "3")}),
		},
		{
			`<requires><entry name="b" flags="GE" ver="1-2" rel="3"/></requires>`,
			requires(rpm.Relation{Name: "b", Op: rpm.Greater | rpm.Equal, EVR: evr("1-2", "3")}),
		},
		{
			`<conflicts><entry name="otherproviders(x(y))"/><entry name="otherproviders("/><entry name="otherproviders(x)" flags="EQ" ver="1"/></conflicts>`,
			rpm.Package{Conflicts: []rpm.Relation{{Name: "x(y)"}, {Name: "otherproviders("}, {Name: "otherproviders(x)", Op: rpm.Equal, EVR: evr("1", "")}}},
		},
		{
			`<supplements><entry name="packageand(b:c(d))"/><entry name="packageand(b::pattern:c:d)"/><entry name="packageand(b)"/></supplements>`,
			supplements(rpm.Relation{Name: "(b and c(d))"}, rpm.Relation{Name: "(b and pattern:c and d)"}, rpm.Relation{Name: "b"}),
		},
		{"<requires><entry name='(a\tor\r\nb\rif&#9;c)'/></requires>", requires(rpm.Relation{Name: "(a or b if\tc)"})},
	} {
		document := `<metadata><package><name>a</name><version ver="1"/>` + test.text + `</package></metadata>`
		if strings.Contains(test.text, "entry") {
			document = `<metadata><package><name>a</name><version ver="1"/><format>` + test.text + `</format></package></metadata>`
		}
		test.want.NEVRA = rpm.NEVRA{Name: "a", EVR: evr("1", ""), Arch: "noarch"}
		got, err := scanAll(strings.NewReader(document))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		} else if diff := cmp.Diff([]*rpm.Package{&test.want}, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.text, diff)
		}
	}
}

// TestOddRepomd has entries of files that are not read, which may say anything.
func TestOddRepomd(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		`<data type="other"><checksum type="md5">00</checksum><location href="repodata/o.xml"/></data>`,
		`<data type="other"><checksum type="sha256">00</checksum></data>`,
		`<data type="updateinfo"></data><data type="updateinfo"></data>`,
		`<data type="other"><location href="../o.xml"/></data>`,
		`<data type="other"><location xml:base="http://x/" href="o.xml"/></data>`,
		`<data type="other"><size>-1</size><open-size>9999999999999999999999</open-size></data>`,
		`<data></data><data/>`,
	} {
		repo, err := Open(t.Context(), writeRepo(t, smallRepo(".gz"), "</repomd>", entry+"</repomd>"), nil)
		if err != nil {
			t.Errorf("%s: %v", entry, err)
			continue
		}
		checkSmallRepo(t, repo)
	}
}

func TestOddComps(t *testing.T) {
	t.Parallel()
	document := strings.NewReplacer(`type="optional">emacs`, `type="unknown">emacs`, `<groupreq type="optional">`, `<groupreq type="">`,
		"<id>broken</id>", "").Replace(smallComps)
	groups, err := ScanComps(strings.NewReader(document))
	if err != nil || len(groups) != 2 {
		t.Fatalf("%v, %v; want two groups", groups, err)
	}
	names, err := Install(groups, "build")
	if diff := cmp.Diff([]string{"bash", "make", "gcc", "rpm-build"}, names); diff != "" || err != nil {
		t.Errorf("build: %v\n%s", err, diff)
	}
}

// TestEncodings reads one document in all encodings, in all ways that it can be
// cut by the buffer's end.
func TestEncodings(t *testing.T) {
	t.Parallel()
	const body = "<metadata><package><name>a</name><version ver='1'/><location href='%s'/></package></metadata>"
	for _, test := range []struct{ encoding, text, want string }{
		{"ISO-8859-1", "\xe9\xff<", "éÿ"},
		{"iso-8859-1", "\x80", "\u0080"},
		{"US-ASCII", "e", "e"},
		{"UTF-8", "é", "é"},
	} {
		text := strings.TrimSuffix(test.text, "<")
		for pad := bufferSize - 2*padding - 300; pad < bufferSize; pad += 7 {
			document := fmt.Sprintf("<?xml version='1.0' encoding='%s'?><!--%s-->"+body, test.encoding, strings.Repeat("x", pad), strings.Repeat(text, 40))
			got, err := scanAll(strings.NewReader(document))
			if err != nil || len(got) != 1 || got[0].Location != strings.Repeat(test.want, 40) {
				t.Fatalf("%s, %d bytes before: %v, %v", test.encoding, pad, got, err)
			}
		}
	}
}

// TestUTF16 reads one document in UTF-16, cut anywhere.
func TestUTF16(t *testing.T) {
	t.Parallel()
	const body = "<metadata><package><name>a</name><version ver='1'/><location href='é𝄞'/></package></metadata>"
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		for _, beginning := range []string{
			"", "\uFEFF", "<?xml version='1.0'?>", "\uFEFF<?xml version='1.1' encoding='utf-16'?>", "<?xml version='1.0' encoding='UTF-16LE'?>",
		} {
			document := inUTF16(beginning+body, order)
			for _, src := range []io.Reader{
				bytes.NewReader(document), iotest.OneByteReader(bytes.NewReader(document)), iotest.DataErrReader(bytes.NewReader(document)),
			} {
				got, err := scanAll(src)
				if err != nil || len(got) != 1 || got[0].Location != "é𝄞" {
					t.Errorf("%v, %q: %v, %v", order, beginning, got, err)
				}
			}
		}
	}
	for document, want := range map[string]string{
		"<?xml version='1.0' encoding='UTF-16'?>" + body:                                 `it says that its encoding is "utf-16", which it is not`,
		string(inUTF16("<?xml version='1.0' encoding='UTF-8'?>"+body, binary.BigEndian)): `it is UTF-16 and says that its encoding is "utf-8"`,
		string(inUTF16(body, binary.BigEndian)) + "\x00":                                 "it is UTF-16 that ends inside a character",
		string(inUTF16("<metadata>", binary.BigEndian)) + "\xd8\x00\x00<\x00/\x00m":      "it is UTF-16 with half a character",
		string(inUTF16("<metadata>", binary.LittleEndian)):                               "the document ends inside <metadata>",
		"<":    "the document ends inside",
		"\xff": "a character is not valid UTF-8",
	} {
		if _, err := scanAll(strings.NewReader(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", document, err, want)
		}
	}
}

func inUTF16(text string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

// TestSniffing reads files whose names do not say how they are packed.
func TestSniffing(t *testing.T) {
	t.Parallel()
	const document = `<metadata><package><name>a</name><version ver="1"/></package></metadata>`
	bzip2, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWWGIjJMAAAWZgFAAoAcuq90AIABUNR6gAGg0EqepPQmTRpgWaLRcpdpxitGekNoyIuVLEg/MGxHRvI8YRSVJQbiCFf8XckU4UJBhiIyT")
	if err != nil {
		t.Fatal(err)
	}
	for extension, packed := range map[string][]byte{
		".xml": []byte(document), ".gz": nil, ".xz": nil, ".zst": nil, ".bz2": bzip2,
	} {
		if packed == nil {
			packed = pack(t, extension, []byte(document))
		}
		for _, name := range []string{"primary" + extension, "primary", "primary.xml.1"} {
			r, err := decompress(strings.NewReader(string(packed)), name)
			if err != nil {
				t.Errorf("%s as %s: %v", extension, name, err)
				continue
			}
			if got, err := scanAll(r); err != nil || len(got) != 1 {
				t.Errorf("%s as %s: %v, %v", extension, name, got, err)
			}
		}
	}
}

// TestPkgIDs has a checksum in capitals, and one that two packages have: the files
// are the first one's.
func TestPkgIDs(t *testing.T) {
	t.Parallel()
	const primary = `<metadata>
<package><name>a</name><version ver="1"/><checksum>aB</checksum></package>
<package><name>b</name><version ver="1"/><checksum>ab</checksum></package>
<package><name>c</name><version ver="1"/><format><requires><entry name="/usr//x"/></requires></format></package></metadata>`
	const lists = `<filelists><package pkgid="Ab"><file>/usr/x</file></package></filelists>`
	repo, err := Open(t.Context(), writeRepo(t, []metadataFile{
		{kind: "primary", name: "p.xml", content: primary}, {kind: "filelists", name: "f.xml", content: lists},
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	if _, err := repo.Load(t.Context(), b, b.AddRepo("r", 0)); err != nil {
		t.Fatal(err)
	}
	u := b.Universe()
	r := u.NewSolver(depsolve.SolverOptions{}).Solve(depsolve.Goal{Requires: []rpm.Relation{{Name: "c"}}})
	if len(r.Packages) != 2 || u.Name(r.Packages[0]) != "a" {
		t.Errorf("%v; want a and c", r)
	}
}
