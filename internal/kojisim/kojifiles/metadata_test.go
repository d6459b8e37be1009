package kojifiles

import (
	"bytes"
	"testing"

	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

const oneTag = `
-- world --
user kojiadmin
tag f40
tag f40-build arches=x86_64 parents=f40
package foo tag=f40
build foo-1-1 tag=f40
 binary foo
repo f40-build
`

func TestMetadataIsMadeAgain(t *testing.T) {
	t.Parallel()
	world, err := worldtext.Parse([]byte(oneTag), 1)
	if err != nil {
		t.Fatal(err)
	}
	d := NewRenderer()
	repomd := func(id int) []byte {
		r := world.Lock().RepoByID(id)
		world.Unlock()
		text, ok := d.Metadata(world, r, "x86_64").XML("repomd.xml")
		if !ok {
			t.Fatalf("repo %d has no repomd.xml", id)
		}
		return text
	}
	first := repomd(1)
	for i := 2; i < keepRendered+4; i++ {
		w := world.Lock()
		w.ReadyRepo(w.InitRepo(w.TagByName("f40-build"), nil, 0))
		world.Unlock()
		repomd(i)
	}
	gone := d.files[world.Lock().RepoByID(1)] == nil
	world.Unlock()
	if len(d.files) != keepRendered || !gone {
		t.Errorf("%d repos are kept, the first gone: %t; want %d, true", len(d.files), gone, keepRendered)
	}
	if again := repomd(1); !bytes.Equal(again, first) {
		t.Errorf("made again it differs:\n%s\n%s", again, first)
	}
}
