package repodata

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A bomb is a small file of which much comes out.
type bomb struct {
	name  string
	begin string
	more  string // again and again
	size  int64  // of all
	want  string // in the error; "" if there is none
}

func bombs() []bomb {
	const head = `<metadata packages="1">`
	spaces := strings.Repeat(" ", 1<<20)
	return []bomb{
		{"spaces", head, spaces, 1 << 30, "longer than"},
		{"zeros", "", strings.Repeat("\x00", 1<<20), 1 << 30, "primary"},
		{"depth", head, strings.Repeat("<a>", 1<<18), 256 << 20, "deep"},
		{"a text", head + "<package><name>", strings.Repeat("a", 1<<20), 1 << 30, "longer than"},
		{"a tag", head + "<package ", strings.Repeat("a", 1<<20), 1 << 30, "longer than"},
		{"an attribute", head + `<package type="`, strings.Repeat("a", 1<<20), 1 << 30, "longer than"},
		{"comments", head, "<!--" + spaces + "-->", 1 << 30, "ends inside <metadata>"},
		{"members of one package", head + "<package><name>a</name><format><rpm:provides>", strings.Repeat(`<rpm:entry name="a"/>`, 1<<15), 1 << 30, "more than the 262144 entries allowed"},
	}
}

// Files that unpack to much more than they are cost a sentence, a while and little
// memory, however they are packed.
func TestBombs(t *testing.T) { //nolint:paralleltest // it measures memory
	extensions, share := []string{".gz", ".xz", ".zst"}, int64(1)
	if os.Getenv("KOSCHEI_SIEGE") == "" {
		extensions, share = extensions[2:], 8
	}
	for _, extension := range extensions {
		for _, b := range bombs() {
			b.size /= share
			t.Run(b.name+extension, func(t *testing.T) {
				repo, err := Open(t.Context(), writeBomb(t, &b, extension), nil)
				if err != nil {
					t.Fatal(err)
				}
				peak := watchMemory(t)
				err = repo.Packages(t.Context(), func(*rpm.Package) error { return nil })
				most := peak()
				t.Logf("%d MiB: %v", most>>20, err)
				if err == nil || !strings.Contains(err.Error(), b.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
					t.Errorf("got %v, want a sentence with %q", err, b.want)
				}
				if most > 256<<20 {
					t.Errorf("it took %d MiB", most>>20)
				}
			})
		}
	}
}

// writeBomb writes a repository whose packages are b. What is packed once may stand
// in a file as often as one likes: all of it is unpacked.
func writeBomb(t *testing.T, b *bomb, extension string) (dir string) {
	t.Helper()
	name := "primary.xml" + extension
	more := pack(t, name, []byte(b.more))
	packed := bytes.NewBuffer(pack(t, name, []byte(b.begin)))
	for n := int64(0); n < b.size; n += int64(len(b.more)) {
		packed.Write(more)
	}
	dir = writeRepo(t, []metadataFile{{kind: "primary", name: name, content: "x"}},
		fmt.Sprintf("%x", sha256.Sum256(pack(t, name, []byte("x")))), fmt.Sprintf("%x", sha256.Sum256(packed.Bytes())),
		"<size>", "<x>", "</size>", "</x>", "<open-size>", "<x>", "</open-size>", "</x>", "open-checksum", "other")
	writeFile(t, filepath.Join(dir, "repodata", name), packed.Bytes())
	return dir
}

// watchMemory returns what tells the most bytes of heap that were in use since, above
// those before.
func watchMemory(t *testing.T) (peak func() int64) {
	t.Helper()
	read := func() int64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	before := read()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		highest := before
		for ticker := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-ticker.C:
				highest = max(highest, read())
			case <-stop:
				ticker.Stop()
				most <- highest - before
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}
