package kojifiles

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// blockSize is how many packages of the hub share one compressed frame of
// primary.xml. A new repo renders only blocks in which a build changed; a
// smaller block would compress worse.
const blockSize = 64

// A frame is the compressed XML of one block of packages for one architecture.
type frame struct {
	data []byte
	open int // size before compression
	pkgs int // binary packages in it
}

// frameCache keeps the frames that recent repos use. It has a lock of its own:
// rendering does not hold up the world.
type frameCache struct {
	mu     sync.Mutex // protects what follows; taken without the world's lock
	frames map[frameKey]*frame
	age    map[frameKey]int // rendering in which it was used last
	count  int              // renderings so far
	enc    *zstd.Encoder
	buf    []byte
}

type frameKey struct {
	arch   string
	block  int    // below 0: of packages that belong to no build
	builds uint64 // which builds are in it, or of which tag the packages are
}

// A block is what one frame is made of: builds, or packages that have none.
type block struct {
	key    frameKey
	builds []*kojisim.Build
	loose  []*rpm.Package
}

func newFrameCache() *frameCache {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic("kojisim: zstd with fixed options: " + err.Error())
	}
	return &frameCache{frames: map[frameKey]*frame{}, age: map[frameKey]int{}, enc: enc}
}

// keepRenderings is for how many renderings an unused frame stays.
const keepRenderings = 4

func (c *frameCache) sweep() {
	c.count++
	for k, age := range c.age {
		if age < c.count-keepRenderings {
			delete(c.frames, k)
			delete(c.age, k)
		}
	}
}

// blocks lists what a repo of t at event holds for arch.
func blocks(w *kojisim.System, t *kojisim.Tag, event int, arch string) []block {
	tags := t.Order()
	var out []block
	for _, a := range tags {
		i := 0
		for part := range slices.Chunk(a.Loose, blockSize) {
			i--
			out = append(out, block{key: frameKey{arch: arch, block: i, builds: uint64(a.ID)}, loose: part})
		}
	}
	for i := 0; i*blockSize < len(w.Packages); i++ {
		b := block{key: frameKey{arch: arch, block: i}}
		sum := fnv.New64a()
		for _, p := range w.Packages[i*blockSize : min(len(w.Packages), (i+1)*blockSize)] {
			if made := kojisim.LatestBuildIn(tags, p, event); made != nil {
				b.builds = append(b.builds, made)
				_, _ = sum.Write(strconv.AppendInt(nil, int64(made.ID), 10))
				_, _ = sum.Write([]byte{' '})
			}
		}
		b.key.builds = sum.Sum64()
		out = append(out, b)
	}
	return out
}

// primary renders the primary.xml of blocks as frames, the first and last of
// which hold the document's begin and end.
func (c *frameCache) primary(blocks []block) []*frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	frames := make([]*frame, 1, len(blocks)+2)
	total := 0
	for _, b := range blocks {
		f := c.frame(b)
		total += f.pkgs
		frames = append(frames, f)
	}
	c.sweep()
	frames[0] = c.compress(fmt.Appendf(nil, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+
		"<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"%d\">\n", total))
	return append(frames, c.compress([]byte("</metadata>\n")))
}

// frame returns the frame of a block, which may be known already.
func (c *frameCache) frame(b block) *frame {
	c.age[b.key] = c.count
	if f, ok := c.frames[b.key]; ok {
		return f
	}
	c.buf = c.buf[:0]
	n := 0
	for _, p := range b.loose {
		c.buf = appendPackage(c.buf, nil, p, b.key.arch)
		n++
	}
	for _, from := range b.builds {
		for _, p := range from.Binaries {
			if p.Arch != "noarch" && !kojisim.Admits(from.Content, b.key.arch) {
				continue
			}
			c.buf = appendPackage(c.buf, from, p, b.key.arch)
			n++
		}
	}
	f := c.compress(c.buf)
	f.pkgs = n
	c.frames[b.key] = f
	return f
}

func (c *frameCache) compress(open []byte) *frame {
	return &frame{data: c.enc.EncodeAll(open, nil), open: len(open)}
}

// appendPackage writes one <package>. The checksum stands for a file that does
// not exist: it is that of the package's name.
func appendPackage(b []byte, from *kojisim.Build, p *rpm.Package, repoArch string) []byte {
	arch := repoArch
	if p.Arch == "noarch" || p.Arch == "all" {
		arch = p.Arch
	}
	file := p.Name + "-" + p.Version + "-" + p.Release + "." + arch + ".rpm"
	sum := sha256.Sum256([]byte(file))
	b = append(b, "<package type=\"rpm\">\n  <name>"...)
	b = appendEscaped(b, p.Name)
	b = append(b, "</name>\n  <arch>"...)
	b = appendEscaped(b, arch)
	b = append(b, "</arch>\n  <version"...)
	b = appendEVR(b, p.EVR)
	b = append(b, "/>\n  <checksum type=\"sha256\" pkgid=\"YES\">"...)
	b = hex.AppendEncode(b, sum[:])
	b = append(b, "</checksum>\n  <summary>"...)
	b = appendEscaped(b, p.Name)
	b = append(b, "</summary>\n  <description/>\n  <packager/>\n  <url/>\n  <time file=\"1700000000\" build=\"1700000000\"/>\n"+
		"  <size package=\"1000\" installed=\"10000\" archive=\"10000\"/>\n  <location"...)
	if from != nil {
		b = append(b, " href=\"toplink/packages/"...)
		b = appendEscaped(b, from.Package.Name+"/"+from.EVR.Version+"/"+from.EVR.Release+"/"+arch+"/"+file)
	} else {
		b = append(b, " xml:base=\"http://external.example.test/\" href=\""...)
		b = appendEscaped(b, p.Location)
	}
	b = append(b, "\"/>\n  <format>\n    <rpm:license>Unknown</rpm:license>\n    <rpm:vendor/>\n    <rpm:group>Unspecified</rpm:group>\n"+
		"    <rpm:buildhost>localhost</rpm:buildhost>\n    <rpm:sourcerpm>"...)
	if from != nil {
		b = appendEscaped(b, from.SourceFile())
	} else {
		b = appendEscaped(b, p.Source)
	}
	b = append(b, "</rpm:sourcerpm>\n    <rpm:header-range start=\"4504\" end=\"100000\"/>\n"...)
	b = appendRelations(b, "provides", p.Provides)
	b = appendRelations(b, "requires", p.Requires)
	b = appendRelations(b, "conflicts", p.Conflicts)
	b = appendRelations(b, "obsoletes", p.Obsoletes)
	b = appendRelations(b, "suggests", p.Suggests)
	b = appendRelations(b, "enhances", p.Enhances)
	b = appendRelations(b, "recommends", p.Recommends)
	b = appendRelations(b, "supplements", p.Supplements)
	for _, f := range p.Files {
		b = append(b, "    <file>"...)
		b = appendEscaped(b, f)
		b = append(b, "</file>\n"...)
	}
	return append(b, "  </format>\n</package>\n"...)
}

func appendRelations(b []byte, kind string, rs []rpm.Relation) []byte {
	if len(rs) == 0 {
		return b
	}
	b = append(append(append(b, "    <rpm:"...), kind...), ">\n"...)
	for _, r := range rs {
		b = append(b, "      <rpm:entry name=\""...)
		b = appendEscaped(b, r.Name)
		b = append(b, '"')
		if r.Op != 0 {
			b = append(append(append(b, " flags=\""...), flagName(r.Op)...), '"')
			b = appendEVR(b, r.EVR)
		}
		b = append(b, "/>\n"...)
	}
	return append(append(append(b, "    </rpm:"...), kind...), ">\n"...)
}

func flagName(op rpm.Op) string {
	switch op {
	case rpm.Less:
		return "LT"
	case rpm.Less | rpm.Equal:
		return "LE"
	case rpm.Greater:
		return "GT"
	case rpm.Greater | rpm.Equal:
		return "GE"
	}
	return "EQ"
}

func appendEVR(b []byte, e rpm.EVR) []byte {
	b = append(b, " epoch=\""...)
	b = strconv.AppendUint(b, uint64(e.Epoch), 10)
	b = append(b, "\" ver=\""...)
	b = appendEscaped(b, e.Version)
	if e.Release != "" {
		b = append(b, "\" rel=\""...)
		b = appendEscaped(b, e.Release)
	}
	return append(b, '"')
}

// appendEscaped writes text for an element or a quoted attribute.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '"':
			b = append(b, "&quot;"...)
		default:
			b = append(b, c)
		}
	}
	return b
}
