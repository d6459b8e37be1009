package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unsafe"
)

// A token is what scanner.next has found.
type token uint8

const (
	tokenEOF   token = iota
	tokenStart       // name and attrs are set; <a/> gives a start and an end
	tokenEnd
	tokenText // text is set; texts may follow each other
)

// A scanner splits an XML document into tokens. It checks that the document is
// well-formed: tags match, characters are allowed, references are known, there
// is one root.
//
// Strings and slices that it hands out lie in its buffers. They are valid until
// the next call of next or, if hold was called, until release is: the buffer
// that a held string lies in is never written to, the scanner goes on in
// another one.
type scanner struct {
	src  io.Reader
	wide *wideReader // the first in src
	err  error       // of src; io.EOF at the end

	// buf[pos:end] is what is left. At least padding zero bytes follow end, so
	// that loops need not look for it at each step.
	buf      []byte
	pos, end int
	base     int64 // offset of buf[0] in the document

	held    int    // buf from here on must stay, -1 if nothing is held
	retired []byte // the buffer that strings of the held part lie in
	spare   []byte // a free buffer

	open     []byte // raw names of the open elements, one after the other
	starts   []int  // where they begin in open
	rootSeen bool
	closing  bool // the start tag just handed out was <a/>

	name    []byte // local name of the start tag
	attrs   []attr
	text    rawText
	unquote []byte // strings with references taken out
}

// An attr is one attribute of a start tag, as offsets in the buffer: there are
// many, and slices would cost twice as much.
type attr struct {
	name, nameEnd   int32
	value, valueEnd int32
	escaped         bool // see rawText
}

// A rawText is text as it stands in the document.
type rawText struct {
	raw     []byte
	escaped bool // has references or white space to be replaced
	cdata   bool
	attr    bool // is the value of an attribute
}

const (
	bufferSize = 256 << 10
	padding    = 16
)

// errShort is returned inside the scanner when a token goes on behind the
// buffer's end.
var errShort = errors.New("token is not complete")

func newScanner(src io.Reader) *scanner {
	wide := &wideReader{src: src}
	return &scanner{src: wide, wide: wide, buf: make([]byte, bufferSize), held: -1}
}

// next finds the next token, passing over comments and processing instructions.
func (s *scanner) next() (token, error) {
	if s.closing {
		s.closing = false
		return tokenEnd, nil
	}
	for {
		t, err := s.scan()
		if err == nil && t == tokenText && len(s.starts) == 0 {
			if err = s.checkOutside(); err == nil {
				continue
			}
		}
		if err != errShort { //nolint:errorlint // never wrapped, and this is the hottest loop
			return t, err
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// scan reads one token from the buffer. If that is too short it says errShort
// and has changed nothing.
func (s *scanner) scan() (token, error) {
	for {
		if s.pos == s.end {
			if s.err == nil {
				return 0, errShort
			}
			return tokenEOF, s.atEOF()
		}
		if s.buf[s.pos] != '<' {
			return tokenText, s.scanText()
		}
		switch s.buf[s.pos+1] {
		case '/':
			return tokenEnd, s.scanEndTag()
		case '?':
			if err := s.scanInstruction(); err != nil {
				return 0, err
			}
		case '!':
			isText, err := s.scanDeclaration()
			if err != nil || isText {
				return tokenText, err
			}
		default:
			return tokenStart, s.scanStartTag()
		}
	}
}

func (s *scanner) atEOF() error {
	switch {
	case !errors.Is(s.err, io.EOF):
		return s.err
	case len(s.starts) > 0:
		return s.errorf(s.pos, "the document ends inside <%s>", s.innermost())
	case !s.rootSeen:
		return s.errorf(s.pos, "the document is empty")
	}
	return nil
}

// short is the error for a token that goes on behind the buffer's end.
func (s *scanner) short() error {
	switch {
	case s.err == nil:
		return errShort
	case !errors.Is(s.err, io.EOF):
		return s.err
	}
	return s.errorf(s.end, "the document ends inside a tag")
}

// more reads on. What is held, or else the token begun, moves to the front of
// the buffer, or of another one if strings may lie in this one.
func (s *scanner) more() error {
	keep := s.pos
	if s.held >= 0 {
		keep = s.held
	}
	kept := s.end - keep
	if kept > maxElement {
		return s.errorf(keep, "an element is longer than %d bytes", maxElement)
	}
	dst := s.buf
	if s.held >= 0 {
		dst, s.spare = s.spare, nil
		if s.retired == nil {
			s.retired = s.buf
		}
	}
	if len(dst) < 2*kept+padding || len(dst) == 0 {
		dst = make([]byte, max(bufferSize, 2*kept+padding))
	}
	copy(dst, s.buf[keep:s.end])
	s.base += int64(keep)
	s.pos -= keep
	s.end = kept
	s.buf = dst
	if s.held >= 0 {
		s.held = 0
	}
	s.fill()
	return nil
}

// exhausted reports whether there is nothing more to read into the buffer.
func (s *scanner) exhausted() bool { return s.err != nil }

func (s *scanner) fill() {
	limit := len(s.buf) - padding
	for idle := 0; s.end < limit && s.err == nil; idle++ {
		var n int
		n, s.err = s.src.Read(s.buf[s.end:limit])
		if s.end += n; n > 0 {
			idle = 0
		}
		if idle == 100 {
			s.err = io.ErrNoProgress
		}
	}
	clear(s.buf[s.end : s.end+padding])
}

// hold keeps strings valid, from the token just read on, until release.
func (s *scanner) hold() {
	s.held = s.pos
	s.unquote = s.unquote[:0]
}

func (s *scanner) release() {
	s.held = -1
	if s.retired != nil {
		s.spare, s.retired = s.retired, nil
	}
}

func (s *scanner) scanText() error {
	i, escaped, high := s.pos, false, false
	for {
		i += plainRun(s.buf[i:], &textClass)
		switch c := s.buf[i]; {
		case c == '<':
			s.text = rawText{raw: s.buf[s.pos:i], escaped: escaped}
			return s.finishText(i, i, high)
		case i >= s.end:
			if len(s.starts) > 0 || s.err == nil {
				return s.shortText()
			}
			s.text = rawText{raw: s.buf[s.pos:s.end], escaped: escaped}
			return s.finishText(s.end, s.end, high)
		case c == '&' || c == '\r':
			escaped = true
		case c == ']':
			if i+2 >= s.end && s.err == nil {
				return errShort
			}
			if s.buf[i+1] == ']' && s.buf[i+2] == '>' {
				return s.errorf(i, "]]> outside a CDATA section")
			}
		case c >= 0x80:
			high = true
		default:
			return s.errorf(i, "the character %#02x is not allowed", c)
		}
		i++
	}
}

// shortText is short for text, which is inside no tag.
func (s *scanner) shortText() error {
	if s.err != nil && errors.Is(s.err, io.EOF) {
		return s.errorf(s.end, "the document ends inside <%s>", s.innermost())
	}
	return s.short()
}

// finishText checks the text found, which ends at end, and goes on at next.
func (s *scanner) finishText(end, next int, high bool) error {
	if high {
		if at := invalidUTF8(s.text.raw); at >= 0 {
			return s.errorf(end-len(s.text.raw)+at, "a character is not valid UTF-8, or not allowed")
		}
	}
	if s.text.escaped {
		if err := s.checkReferences(s.text.raw, end-len(s.text.raw)); err != nil {
			return err
		}
	}
	s.pos = next
	return nil
}

func (s *scanner) scanEndTag() error {
	i := s.pos + 2
	if len(s.starts) > 0 { // most are as they should be, without a blank
		name := s.innermost()
		if rest := s.buf[i:s.end]; len(rest) > len(name) && rest[len(name)] == '>' && string(rest[:len(name)]) == string(name) {
			s.closeElement(i + len(name) + 1)
			return nil
		}
	}
	n, _ := nameLength(s.buf[i:])
	raw := s.buf[i : i+n]
	i += n
	i += spaceRun(s.buf[i:])
	if i >= s.end {
		return s.short()
	}
	if len(s.starts) == 0 {
		return s.errorf(s.pos, "</%s> closes nothing", raw)
	}
	if string(raw) != string(s.innermost()) {
		return s.errorf(s.pos, "<%s> is closed by </%s>", s.innermost(), raw)
	}
	if s.buf[i] != '>' {
		return s.errorf(i, "the end tag of <%s> is not closed", raw)
	}
	s.closeElement(i + 1)
	return nil
}

// closeElement leaves the innermost element, whose end tag ends before next.
func (s *scanner) closeElement(next int) {
	s.pos = next
	last := len(s.starts) - 1
	s.open = s.open[:s.starts[last]]
	s.starts = s.starts[:last]
}

func (s *scanner) scanStartTag() error {
	i := s.pos + 1
	n, local := nameLength(s.buf[i:])
	raw := s.buf[i : i+n]
	i += n
	s.attrs = s.attrs[:0]
	for {
		i += spaceRun(s.buf[i:])
		if i >= s.end {
			return s.short()
		}
		c := s.buf[i]
		if c == '>' {
			return s.openElement(raw, local, i+1, false)
		}
		if c == '/' {
			switch {
			case i+1 >= s.end:
				return s.short()
			case s.buf[i+1] != '>':
				return s.errorf(i, `"/" inside a tag`)
			}
			return s.openElement(raw, local, i+2, true)
		}
		var err error
		if i, err = s.scanAttr(i); err != nil {
			return err
		}
	}
}

// openElement enters the element whose start tag ends before next. Its local
// name begins at byte local of raw.
func (s *scanner) openElement(raw []byte, local, next int, empty bool) error {
	switch {
	case local < 0:
		return s.errorf(s.pos, "<%s> is no tag", raw)
	case len(s.starts) == 0 && s.rootSeen:
		return s.errorf(s.pos, "a second root element <%s>", raw)
	case len(s.starts) == maxDepth:
		return s.errorf(s.pos, "elements are nested more than %d deep", maxDepth)
	}
	s.name = raw[local:]
	s.rootSeen = true
	if s.closing = empty; !empty {
		s.starts = append(s.starts, len(s.open))
		s.open = append(s.open, raw...)
	}
	s.pos = next
	return nil
}

// scanAttr reads the attribute that begins at i, and says where it ends.
func (s *scanner) scanAttr(i int) (int, error) {
	n, local := nameLength(s.buf[i:])
	a := attr{name: int32(i), nameEnd: int32(i + n)}
	name := s.buf[i : i+n]
	i += n
	i += spaceRun(s.buf[i:])
	if i >= s.end {
		return 0, s.short()
	}
	if local < 0 {
		return 0, s.errorf(int(a.name), "an attribute has no valid name")
	}
	if s.buf[i] != '=' {
		return 0, s.errorf(i, "attribute %s has no value", name)
	}
	i++
	i += spaceRun(s.buf[i:])
	if i >= s.end {
		return 0, s.short()
	}
	for j := range s.attrs {
		if string(s.attrName(j)) == string(name) {
			return 0, s.errorf(int(a.name), "attribute %s is there twice", name)
		}
	}
	if s.buf[i] != '"' && s.buf[i] != '\'' {
		return 0, s.errorf(i, "the value of attribute %s is not quoted", name)
	}
	if err := s.scanValue(i, &a); err != nil {
		return 0, err
	}
	s.attrs = append(s.attrs, a)
	return int(a.valueEnd) + 1, nil
}

// scanValue reads the attribute value whose opening quote is at i.
func (s *scanner) scanValue(i int, a *attr) error {
	quote, high := s.buf[i], false
	i++
	a.value = int32(i)
	for {
		i += plainRun(s.buf[i:], &valueClass)
		c := s.buf[i]
		if c == quote {
			break
		}
		switch {
		case i >= s.end:
			return s.short()
		case c == '&' || c == '\r' || c == '\n' || c == '\t':
			a.escaped = true
		case c >= 0x80:
			high = true
		case c == '"' || c == '\'':
		case c == '<':
			return s.errorf(i, `"<" inside an attribute value`)
		default:
			return s.errorf(i, "the character %#02x is not allowed", c)
		}
		i++
	}
	a.valueEnd = int32(i)
	value := s.buf[a.value:i]
	if high {
		if at := invalidUTF8(value); at >= 0 {
			return s.errorf(int(a.value)+at, "a character is not valid UTF-8, or not allowed")
		}
	}
	if a.escaped {
		return s.checkReferences(value, int(a.value))
	}
	return nil
}

// attrName is the name of attribute i, with its prefix.
func (s *scanner) attrName(i int) []byte { return s.buf[s.attrs[i].name:s.attrs[i].nameEnd] }

// attrValue is the value of attribute i, references replaced.
func (s *scanner) attrValue(i int) string {
	a := &s.attrs[i]
	return s.string(rawText{raw: s.buf[a.value:a.valueEnd], escaped: a.escaped, attr: true})
}

// checkOutside checks a text outside the root element.
func (s *scanner) checkOutside() error {
	raw := s.text.raw
	start := s.base + int64(s.pos-len(raw))
	if start == 0 {
		raw = bytes.TrimPrefix(raw, []byte("\uFEFF"))
	}
	if s.text.cdata || spaceRun(raw) != len(raw) {
		return s.errorf(s.pos, "text outside the root element")
	}
	return nil
}

func (s *scanner) innermost() []byte { return s.open[s.starts[len(s.starts)-1]:] }

// string hands out t as a string, references replaced.
func (s *scanner) string(t rawText) string {
	if !t.escaped {
		return unsafe.String(unsafe.SliceData(t.raw), len(t.raw))
	}
	start := len(s.unquote)
	s.unquote = appendUnescaped(s.unquote, t)
	decoded := s.unquote[start:]
	return unsafe.String(unsafe.SliceData(decoded), len(decoded))
}

func (s *scanner) errorf(at int, format string, args ...any) error {
	return &syntaxError{s.base + int64(at), fmt.Sprintf(format, args...)}
}
