package kojifiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// repoFiles is the metadata of a repo, made when it is first asked for.
type repoFiles struct {
	mu     sync.Mutex // protects arches; held while one is made, so that it is made once
	arches map[string]*archFiles
}

// archFiles is the metadata of a repo for one architecture.
type archFiles struct {
	repomd      []byte
	primary     []*frame
	primaryName string
	size        int
	comps       []byte
	compsName   string
}

// keepRendered is how many repos have their files at hand; those of others are
// made again when somebody asks.
const keepRendered = 8

// openSumLimit is the size of a primary.xml beyond which repomd.xml goes
// without the checksum of the uncompressed file, which is not at hand: only
// frames are kept.
const openSumLimit = 16 << 20

// A Renderer makes the metadata of repos when it is asked for.
type Renderer struct {
	frames *frameCache

	mu     sync.Mutex                   // protects what follows; taken with the world locked
	files  map[*kojisim.Repo]*repoFiles // of the repos of recent
	recent []*kojisim.Repo              // the one that was asked for first is the first
}

// NewRenderer returns a renderer that has made nothing yet.
func NewRenderer() *Renderer {
	return &Renderer{frames: newFrameCache(), files: map[*kojisim.Repo]*repoFiles{}}
}

// of returns where a repo's files are kept.
func (d *Renderer) of(r *kojisim.Repo) *repoFiles {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[r] == nil {
		d.files[r] = &repoFiles{arches: map[string]*archFiles{}}
		d.recent = append(d.recent, r)
		if len(d.recent) > keepRendered {
			delete(d.files, d.recent[0])
			d.recent = slices.Delete(d.recent, 0, 1)
		}
	}
	return d.files[r]
}

// Metadata returns a repo's files for arch.
func (d *Renderer) Metadata(world *kojisim.World, r *kojisim.Repo, arch string) *archFiles {
	w := world.Lock()
	files := d.of(r)
	content := blocks(w, r.Tag, r.Holds, arch)
	groups := comps(r.Tag)
	created := r.Created
	world.Unlock()

	files.mu.Lock()
	defer files.mu.Unlock()
	if a := files.arches[arch]; a != nil {
		return a
	}
	a := &archFiles{primary: d.frames.primary(content), comps: groups}
	a.describe(created)
	files.arches[arch] = a
	return a
}

// XML returns the file with a name, if it is one that is not compressed.
func (a *archFiles) XML(name string) ([]byte, bool) {
	switch name {
	case "repomd.xml":
		return a.repomd, true
	case a.compsName, "comps.xml":
		return a.comps, true
	}
	return nil, false
}

// Compressed returns the parts and the size of the file with a name, if it is
// one that is compressed.
func (a *archFiles) Compressed(name string) (parts [][]byte, size int, ok bool) {
	if name != a.primaryName {
		return nil, 0, false
	}
	for _, f := range a.primary {
		parts = append(parts, f.data)
	}
	return parts, a.size, true
}

// describe writes repomd.xml.
func (a *archFiles) describe(created time.Time) {
	sum, open := sha256.New(), 0
	for _, f := range a.primary {
		_, _ = sum.Write(f.data)
		a.size += len(f.data)
		open += f.open
	}
	primary := hex.EncodeToString(sum.Sum(nil))
	groupSum := sha256.Sum256(a.comps)
	group := hex.EncodeToString(groupSum[:])
	a.primaryName, a.compsName = primary+"-primary.xml.zst", group+"-comps.xml"
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>%d</revision>\n", created.Unix())
	fmt.Fprintf(&b, "  <data type=\"primary\">\n    <checksum type=\"sha256\">%s</checksum>\n", primary)
	if open <= openSumLimit {
		fmt.Fprintf(&b, "    <open-checksum type=\"sha256\">%s</open-checksum>\n", a.openSum())
	}
	fmt.Fprintf(&b, "    <location href=\"repodata/%s\"/>\n    <timestamp>%d</timestamp>\n    <size>%d</size>\n    <open-size>%d</open-size>\n  </data>\n",
		a.primaryName, created.Unix(), a.size, open)
	fmt.Fprintf(&b, "  <data type=\"group\">\n    <checksum type=\"sha256\">%s</checksum>\n    <location href=\"repodata/%s\"/>\n    <timestamp>%d</timestamp>\n    <size>%d</size>\n  </data>\n</repomd>\n",
		group, a.compsName, created.Unix(), len(a.comps))
	a.repomd = b.Bytes()
}

func (a *archFiles) openSum() string {
	sum := sha256.New()
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic("kojisim: zstd with fixed options: " + err.Error())
	}
	defer dec.Close()
	for _, f := range a.primary {
		open, err := dec.DecodeAll(f.data, nil)
		if err != nil {
			panic("kojisim: a frame of our own is broken: " + err.Error())
		}
		_, _ = sum.Write(open)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
