package repodata

import (
	"bytes"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// usualEntry reads an <rpm:entry/> as createrepo writes it, with the attributes
// in its order and nothing that needs a second look. Most of primary.xml
// is such entries, and to compare them with what is expected takes a third of
// the time of taking them apart. Of any other it says false and stays before it:
// readRelation reads all that XML allows.
func (s *scanner) usualEntry() (r rpm.Relation, ok bool) {
	s.pos += spaceRun(s.buf[s.pos:])
	c := cursor{s.buf[s.pos:]}
	if s.closing || !c.skip(`<rpm:entry name="`) {
		return r, false
	}
	name := c.value()
	if len(name) == 0 || !c.skip(`"`) {
		return r, false
	}
	var version, release []byte
	if c.skip(` flags="`) {
		if r.Op, ok = c.comparison(); !ok || !c.skip(`" epoch="`) || !isDigit(c.rest[0]) {
			return r, false
		}
		r.EVR.Epoch = uint32(c.rest[0] - '0')
		c.rest = c.rest[1:]
		if !c.skip(`" ver="`) {
			return r, false
		}
		version = c.value()
		if len(version) == 0 || !c.skip(`" rel="`) {
			return r, false
		}
		release = c.value()
		if !c.skip(`"`) {
			return r, false
		}
	}
	if !c.skip(`/>`) {
		return r, false
	}
	s.pos = len(s.buf) - len(c.rest)
	r.Name = s.string(rawText{raw: name})
	r.EVR.Version, r.EVR.Release = s.string(rawText{raw: version}), s.string(rawText{raw: release})
	r.EVR = splitRelease(r.EVR)
	return r, true
}

// A cursor goes through what is left of a buffer. At the buffer's end are zero
// bytes, which nothing here takes for what it looks for.
type cursor struct{ rest []byte }

// skip goes past prefix, if that comes next.
func (c *cursor) skip(prefix string) bool {
	if !bytes.HasPrefix(c.rest, []byte(prefix)) {
		return false
	}
	c.rest = c.rest[len(prefix):]
	return true
}

// value goes to the end of an attribute's value, or to what in it needs a
// second look.
func (c *cursor) value() []byte {
	n := plainRun(c.rest, &valueClass)
	value := c.rest[:n]
	c.rest = c.rest[n:]
	return value
}

// comparison reads the value of the attribute flags.
func (c *cursor) comparison() (op rpm.Op, ok bool) {
	if len(c.rest) < len("EQ") {
		return 0, false
	}
	op, ok = comparison(string(c.rest[:2]))
	c.rest = c.rest[2:]
	return op, ok
}

// comparison reads the names that rpm-md has for comparisons.
func comparison(flags string) (op rpm.Op, ok bool) {
	switch flags {
	case "EQ":
		return rpm.Equal, true
	case "GE":
		return rpm.Greater | rpm.Equal, true
	case "LE":
		return rpm.Less | rpm.Equal, true
	case "LT":
		return rpm.Less, true
	case "GT":
		return rpm.Greater, true
	case "NE":
		return rpm.Less | rpm.Greater, true
	}
	return 0, false
}
