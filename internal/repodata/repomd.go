package repodata

import (
	"bytes"
	"crypto/sha1" // old repositories have nothing better; it guards against accidents only
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// An entry is what repomd.xml says of one metadata file.
type entry struct {
	kind     string
	href     string
	sum      checksum
	openSum  checksum // of the unpacked file; none if algorithm is ""
	size     int64    // 0 if not said
	openSize int64    // 0 if not said
}

type checksum struct {
	algorithm string
	want      string // lower-case hexadecimal
}

// newHash returns nil for an unknown algorithm.
func (c checksum) newHash() hash.Hash {
	switch c.algorithm {
	case "sha", "sha1":
		return sha1.New()
	case "sha224":
		return sha256.New224()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// parseRepomd reads a repomd.xml.
func parseRepomd(document []byte) ([]entry, error) {
	s := newScanner(bytes.NewReader(document))
	if err := s.root("repomd"); err != nil {
		return nil, err
	}
	var entries []entry
	for {
		more, err := s.child()
		if err != nil {
			return nil, err
		}
		if !more {
			return entries, s.finish()
		}
		if string(s.name) != "data" {
			if err := s.skip(); err != nil {
				return nil, err
			}
			continue
		}
		e, err := readEntry(s)
		if err != nil {
			return nil, err
		}
		for _, other := range entries {
			if other.kind == e.kind {
				return nil, s.errorf(s.pos, "it names two files for %q", e.kind)
			}
		}
		entries = append(entries, e)
	}
}

// readEntry reads what follows <data>.
func readEntry(s *scanner) (entry, error) {
	s.hold()
	defer s.release()
	e := entry{kind: strings.Clone(s.attr("type"))}
	for {
		more, err := s.child()
		if err != nil {
			return e, err
		}
		if !more {
			return e, nil
		}
		switch string(s.name) {
		case "location":
			e.href = strings.Clone(s.attr("href"))
			if s.attr("xml:base") != "" || !inside(e.href) {
				return e, s.errorf(s.pos, "location %q of %q leaves the repository", shorten(e.href), e.kind)
			}
			err = s.skip()
		case "checksum":
			e.sum, err = readChecksum(s)
		case "open-checksum":
			e.openSum, err = readChecksum(s)
		case "size":
			e.size, err = readSize(s, "size", maxPacked)
		case "open-size":
			e.openSize, err = readSize(s, "open-size", maxUnpacked)
		default:
			err = s.skip()
		}
		if err != nil {
			return e, err
		}
	}
}

func readChecksum(s *scanner) (checksum, error) {
	c := checksum{algorithm: strings.ToLower(s.attr("type"))}
	text, err := s.content()
	if err != nil {
		return c, err
	}
	c.want = strings.ToLower(trimmed(text))
	h := c.newHash()
	if h == nil {
		return c, s.errorf(s.pos, "checksums of type %q are not supported", shorten(c.algorithm))
	}
	if sum, err := hex.DecodeString(c.want); err != nil || len(sum) != h.Size() {
		return c, s.errorf(s.pos, "%q is no %s checksum", shorten(c.want), c.algorithm)
	}
	return c, nil
}

func readSize(s *scanner, what string, limit int64) (int64, error) {
	text, err := s.content()
	if err != nil {
		return 0, err
	}
	n, err := s.number(text, what)
	if err == nil && n > limit {
		err = s.errorf(s.pos, "%s %d is more than the %d allowed", what, n, limit)
	}
	return n, err
}
