package repodata

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A class marks the bytes that end a run of plain ones.
type class [256]bool

// textClass has what matters in text, valueClass in attribute values.
var (
	textClass  = makeClass("<&]\r")
	valueClass = makeClass("<&\"'\r\n\t")
	nameClass  = makeNameClass()
)

// makeClass is all of special, the control characters that XML forbids, and
// what is not ASCII.
func makeClass(special string) (c class) {
	for b := range len(c) {
		c[b] = b < ' ' && b != '\t' && b != '\n' || b >= 0x80
	}
	for _, b := range []byte(special) {
		c[b] = true
	}
	return c
}

// makeNameClass is what ends a name, or its prefix. All of Unicode beyond ASCII can,
// which is more than XML allows; the names that we look for are ASCII.
func makeNameClass() (c class) {
	for b := range len(c) {
		letter := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		c[b] = !letter && !digit && b < 0x80 && !strings.ContainsRune("_.-", rune(b))
	}
	return c
}

// plainRun is the number of bytes at the front of b that are not in c. One
// that is must follow.
func plainRun(b []byte, c *class) int {
	for i, x := range b {
		if c[x] {
			return i
		}
	}
	return len(b)
}

// nameLength is the length of the run of name bytes at the front of b, and
// where in it the local name begins, behind the prefix. That is -1 if the run
// is no name.
func nameLength(b []byte) (n, local int) {
	n = plainRun(b, &nameClass)
	if b[n] == ':' {
		return prefixedLength(b, n)
	}
	if n == 0 || b[0] == '-' || b[0] == '.' || isDigit(b[0]) {
		return n, -1
	}
	return n, 0
}

func prefixedLength(b []byte, colon int) (n, local int) {
	n = colon + 1 + plainRun(b[colon+1:], &nameClass)
	switch {
	case b[n] == ':':
		return n, -1
	case colon == 0 || n == colon+1:
		return n, 0
	case b[0] == '-' || b[0] == '.' || isDigit(b[0]):
		return n, -1
	}
	return n, colon + 1
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// spaceRun is the number of white-space bytes at the front of b.
func spaceRun(b []byte) int {
	for i, c := range b {
		if !isSpace(c) {
			return i
		}
	}
	return len(b)
}

// invalidUTF8 is where b has something that is no character of XML, or -1.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 || !isCharacter(r) {
			return i
		}
		i += size
	}
	return -1
}

func isCharacter(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xFFFE && r != 0xFFFF && !utf16.IsSurrogate(r)
}

// checkReferences checks the references of raw, which begins at start of the
// buffer.
func (s *scanner) checkReferences(raw []byte, start int) error {
	for i := 0; ; {
		next := bytes.IndexByte(raw[i:], '&')
		if next < 0 {
			return nil
		}
		i += next
		_, length := reference(raw[i:])
		if length == 0 {
			return s.errorf(start+i, `"&" begins no known reference`)
		}
		i += length
	}
}

// appendUnescaped writes t with its references replaced and its line ends made
// newlines, as XML wants it. In an attribute white space is a blank.
func appendUnescaped(dst []byte, t rawText) []byte {
	for i := 0; i < len(t.raw); i++ {
		switch c := t.raw[i]; {
		case c == '\r' && i+1 < len(t.raw) && t.raw[i+1] == '\n':
		case t.attr && (c == '\r' || c == '\n' || c == '\t'):
			dst = append(dst, ' ')
		case c == '\r':
			dst = append(dst, '\n')
		case c == '&' && !t.cdata:
			r, length := reference(t.raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += length - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// reference reads the reference at the front of b, which begins with "&". Its
// length is 0 if there is none that stands for a character.
func reference(b []byte) (r rune, length int) {
	semicolon := bytes.IndexByte(b[:min(len(b), 32)], ';')
	if semicolon < 0 {
		return 0, 0
	}
	name, length := b[1:semicolon], semicolon+1
	switch string(name) {
	case "amp":
		return '&', length
	case "lt":
		return '<', length
	case "gt":
		return '>', length
	case "quot":
		return '"', length
	case "apos":
		return '\'', length
	}
	digits, isNumber := bytes.CutPrefix(name, []byte("#"))
	base := 10
	if hex, isHex := bytes.CutPrefix(digits, []byte("x")); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(string(digits), base, 31)
	if !isNumber || err != nil || n > utf8.MaxRune || !isCharacter(rune(n)) {
		return 0, 0
	}
	return rune(n), length
}
