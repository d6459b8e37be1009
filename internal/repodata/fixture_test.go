package repodata

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// A metadataFile is one file of a repository made for a test.
type metadataFile struct {
	kind    string
	name    string // its extension says how it is packed
	content string
	// edit, if not nil, changes the file behind repomd.xml's back.
	edit func(packed []byte) []byte
}

// writeRepo writes a repository, changes its repomd.xml with the replacements
// (old, new, old, new ...), and returns its directory.
func writeRepo(tb testing.TB, files []metadataFile, replacements ...string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "repodata"), 0o755); err != nil {
		tb.Fatal(err)
	}
	repomd := "<?xml version=\"1.0\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n<revision>1</revision>\n"
	for _, f := range files {
		packed := pack(tb, f.name, []byte(f.content))
		repomd += fmt.Sprintf(`<data type="%s">
<checksum type="sha256">%x</checksum><open-checksum type="sha256">%x</open-checksum>
<location href="repodata/%s"/><timestamp>1</timestamp><size>%d</size><open-size>%d</open-size>
</data>
`, f.kind, sha256.Sum256(packed), sha256.Sum256([]byte(f.content)), f.name, len(packed), len(f.content))
		if f.edit != nil {
			packed = f.edit(packed)
		}
		if packed != nil {
			writeFile(tb, filepath.Join(dir, "repodata", f.name), packed)
		}
	}
	repomd = strings.NewReplacer(replacements...).Replace(repomd + "</repomd>\n")
	writeFile(tb, filepath.Join(dir, "repodata", "repomd.xml"), []byte(repomd))
	return dir
}

func writeFile(tb testing.TB, name string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(name, content, 0o644); err != nil {
		tb.Fatal(err)
	}
}

func pack(tb testing.TB, name string, content []byte) []byte {
	tb.Helper()
	var packed bytes.Buffer
	var w io.WriteCloser
	var err error
	switch path.Ext(name) {
	case ".gz":
		w = gzip.NewWriter(&packed)
	case ".zst":
		w, err = zstd.NewWriter(&packed)
	case ".xz":
		w, err = xz.NewWriter(&packed)
	default:
		return content
	}
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return packed.Bytes()
}
