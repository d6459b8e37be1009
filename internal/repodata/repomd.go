package repodata

import (
	"bytes"
	"crypto/sha1" // old repositories have nothing better; it guards against accidents only
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
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
	flaw     string   // why the file cannot be read, "" if it can; of no interest to who does not want it
}

// note notes what is wrong, if nothing was before.
func (e *entry) note(format string, args ...any) {
	if e.flaw == "" {
		e.flaw = fmt.Sprintf(format, args...)
	}
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
		if first := slices.IndexFunc(entries, func(other entry) bool { return other.kind == e.kind }); first >= 0 {
			entries[first].note("it names two files for %q", shorten(e.kind))
			continue
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
				e.note("location %q of %q leaves the repository", shorten(e.href), shorten(e.kind))
			}
			err = s.skip()
		case "checksum":
			e.sum, err = readChecksum(s, &e)
		case "open-checksum":
			e.openSum, err = readChecksum(s, &e)
		case "size":
			e.size, err = readSize(s, &e, "size", maxPacked)
		case "open-size":
			e.openSize, err = readSize(s, &e, "open-size", maxUnpacked)
		default:
			err = s.skip()
		}
		if err != nil {
			return e, err
		}
	}
}

func readChecksum(s *scanner, e *entry) (checksum, error) {
	c := checksum{algorithm: strings.ToLower(s.attr("type"))}
	text, err := s.content()
	if err != nil {
		return c, err
	}
	c.want = strings.ToLower(trimmed(text))
	h := c.newHash()
	if h == nil {
		e.note("checksums of type %q are not supported", shorten(c.algorithm))
	} else if sum, err := hex.DecodeString(c.want); err != nil || len(sum) != h.Size() {
		e.note("%q is no %s checksum", shorten(c.want), c.algorithm)
	}
	return c, nil
}

func readSize(s *scanner, e *entry, what string, limit int64) (int64, error) {
	text, err := s.content()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(trimmed(text), 10, 64)
	switch {
	case err != nil || n < 0:
		e.note("%s %q is no number", what, shorten(text))
	case n > limit:
		e.note("%s %d is more than the %d allowed", what, n, limit)
	}
	return n, nil
}
