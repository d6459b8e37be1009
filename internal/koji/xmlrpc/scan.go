package xmlrpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// ErrTooLarge is the error of input beyond a limit of Limits.
var ErrTooLarge = errors.New("XML-RPC message exceeds its limit")

// A SyntaxError is input that is not XML, or not XML-RPC. Input that ends too
// early also matches io.ErrUnexpectedEOF.
type SyntaxError struct {
	Msg          string
	Line, Column int // from 1 and from 0, as expat counts
	err          error
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s: line %d, column %d", e.Msg, e.Line, e.Column)
}

func (e *SyntaxError) Unwrap() error { return e.err }

// A DoctypeError is a document type declaration, which is always refused.
type DoctypeError struct {
	Entity string // the first entity that it declares, if any
}

func (e *DoctypeError) Error() string {
	if e.Entity == "" {
		return "document type declaration refused"
	}
	return "declaration of entity " + e.Entity + " refused"
}

const windowSize = 64 << 10

// A scanner cuts XML into tags and texts. It looks at its input through a
// window that grows only for a single long text, so memory does not depend on
// the length of the document. Slices it returns are valid until its next call.
type scanner struct {
	r        io.Reader
	window   []byte
	pos, end int   // the unread part of window
	left     int64 // bytes that may still be read
	maxText  int   // bytes of one text, or of one tag
	scratch  []byte

	line, column int // of window[0]
}

func newScanner(r io.Reader, maxBytes int64, maxText int) *scanner {
	return &scanner{r: r, window: make([]byte, windowSize), left: maxBytes, maxText: maxText, line: 1}
}

// A tag is <name>, </name> or <name/>.
type tag struct {
	name   []byte
	closes bool
	empty  bool
}

// fill reads more behind the unread part and may move it.
func (s *scanner) fill() error {
	if s.pos > 0 {
		s.line, s.column = s.position(s.pos)
		s.end = copy(s.window, s.window[s.pos:s.end])
		s.pos = 0
	}
	if s.end == len(s.window) {
		if s.end >= s.maxText {
			return fmt.Errorf("a text of more than %d bytes: %w", s.maxText, ErrTooLarge)
		}
		s.window = append(s.window, make([]byte, len(s.window))...)
	}
	space := s.window[s.end:]
	for range 100 {
		n, err := s.r.Read(space)
		s.end += n
		if s.left -= int64(n); s.left < 0 {
			return ErrTooLarge
		}
		switch {
		case n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return s.fail("no element found", io.ErrUnexpectedEOF)
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// position returns line and column of window[i].
func (s *scanner) position(i int) (line, column int) {
	seen := s.window[:i]
	newlines := bytes.Count(seen, []byte{'\n'})
	if newlines == 0 {
		return s.line, s.column + i
	}
	return s.line + newlines, i - bytes.LastIndexByte(seen, '\n') - 1
}

func (s *scanner) fail(msg string, cause error) error {
	at := s.pos
	if cause != nil {
		at = s.end
	}
	line, column := s.position(at)
	return &SyntaxError{Msg: msg, Line: line, Column: column, err: cause}
}

func (s *scanner) failf(format string, args ...any) error {
	return s.fail(fmt.Sprintf(format, args...), nil)
}

// find returns the distance of the first c at or behind from, both counted
// from the first unread byte.
func (s *scanner) find(c byte, from int) (int, error) {
	for {
		if i := bytes.IndexByte(s.window[s.pos+from:s.end], c); i >= 0 {
			return from + i, nil
		}
		from = s.end - s.pos
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// need makes sure that n bytes are unread in the window.
func (s *scanner) need(n int) error {
	for s.end-s.pos < n {
		if err := s.fill(); err != nil {
			return err
		}
	}
	return nil
}

// next skips white space, comments and processing instructions and returns
// the tag behind them.
func (s *scanner) next() (tag, error) {
	for {
		if err := s.skipSpace(); err != nil {
			return tag{}, err
		}
		if s.window[s.pos] != '<' {
			return tag{}, s.failf("text where an element was expected")
		}
		if err := s.need(2); err != nil {
			return tag{}, err
		}
		if c := s.window[s.pos+1]; c != '?' && c != '!' {
			return s.tag()
		}
		if err := s.skipMarkup(); err != nil {
			return tag{}, err
		}
	}
}

func (s *scanner) skipSpace() error {
	for {
		for s.pos < s.end {
			switch s.window[s.pos] {
			case ' ', '\t', '\n', '\r':
				s.pos++
			default:
				return nil
			}
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// tag reads the tag that begins at the first unread byte.
func (s *scanner) tag() (tag, error) {
	n, err := s.find('>', 1)
	if err != nil {
		return tag{}, err
	}
	t := tag{name: s.window[s.pos+1 : s.pos+n]}
	if len(t.name) > 0 && t.name[0] == '/' {
		t.closes, t.name = true, t.name[1:]
	}
	if !isName(t.name) {
		return s.unusualTag()
	}
	s.pos += n + 1
	return t, nil
}

// isName tells whether a tag is nothing but its name, as those of the hub are.
func isName(b []byte) bool {
	for _, c := range b {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == ':':
		default:
			return false
		}
	}
	return len(b) > 0
}

// unusualTag reads a tag that is empty or has spaces or attributes.
func (s *scanner) unusualTag() (tag, error) {
	n, err := s.endOfAttributes()
	if err != nil {
		return tag{}, err
	}
	raw := s.window[s.pos+1 : s.pos+n]
	t := tag{name: raw}
	if len(raw) > 0 && raw[0] == '/' {
		t.closes, t.name = true, raw[1:]
	} else if len(raw) > 0 && raw[len(raw)-1] == '/' {
		t.empty, t.name = true, raw[:len(raw)-1]
	}
	if i := bytes.IndexAny(t.name, " \t\r\n"); i >= 0 {
		t.name = t.name[:i]
	}
	if !isName(t.name) {
		return tag{}, s.failf("not well-formed (invalid token)")
	}
	s.pos += n + 1
	return t, nil
}

// endOfAttributes finds the end of a tag whose attribute values may hold '>'.
func (s *scanner) endOfAttributes() (int, error) {
	var quote byte
	for n := 1; ; n++ {
		if err := s.need(n + 1); err != nil {
			return 0, err
		}
		switch c := s.window[s.pos+n]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return n, nil
		}
	}
}

// skipMarkup skips a comment or a processing instruction.
func (s *scanner) skipMarkup() error {
	if s.window[s.pos+1] == '?' {
		_, err := s.through("?>")
		return err
	}
	if err := s.need(4); err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(s.window[s.pos:s.end], []byte("<!--")):
		s.pos += 4
		_, err := s.through("-->")
		return err
	case s.window[s.pos+2] == 'D':
		return s.doctype()
	default:
		return s.failf("not well-formed (invalid token)")
	}
}

// through reads to the end of mark and returns what is before it.
func (s *scanner) through(mark string) ([]byte, error) {
	from := 0
	for {
		if i := bytes.Index(s.window[s.pos+from:s.end], []byte(mark)); i >= 0 {
			before := s.window[s.pos : s.pos+from+i]
			s.pos += from + i + len(mark)
			return before, nil
		}
		from = max(0, s.end-s.pos-len(mark)+1)
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

func (s *scanner) doctype() error {
	// Whatever follows is refused, so it is only looked at for a better message.
	text := s.window[s.pos:s.end]
	_, rest, _ := bytes.Cut(text, []byte("<!ENTITY"))
	fields := bytes.Fields(rest[:min(len(rest), 200)])
	if len(fields) == 0 {
		return &DoctypeError{}
	}
	return &DoctypeError{Entity: string(fields[0])}
}

// text returns the characters up to the next tag, with references replaced
// and line ends made '\n'.
func (s *scanner) text() ([]byte, error) {
	n, err := s.find('<', 0)
	if err != nil {
		return nil, err
	}
	if err := s.need(n + 2); err != nil {
		return nil, err
	}
	raw := s.window[s.pos : s.pos+n]
	if s.window[s.pos+n+1] == '!' || bytes.IndexByte(raw, '&') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		return s.mixedText()
	}
	if !utf8.Valid(raw) {
		return nil, s.failf("not well-formed (invalid UTF-8)")
	}
	s.pos += n
	return raw, nil
}

// mixedText is text for the seldom case of references, carriage returns,
// comments and CDATA sections.
func (s *scanner) mixedText() ([]byte, error) {
	s.scratch = s.scratch[:0]
	for {
		n, err := s.find('<', 0)
		if err != nil {
			return nil, err
		}
		if err := s.appendCharacters(s.window[s.pos : s.pos+n]); err != nil {
			return nil, err
		}
		s.pos += n
		if len(s.scratch) > s.maxText {
			return nil, fmt.Errorf("a text of more than %d bytes: %w", s.maxText, ErrTooLarge)
		}
		if err := s.need(2); err != nil {
			return nil, err
		}
		if s.window[s.pos+1] != '!' {
			break
		}
		if err := s.commentOrCDATA(); err != nil {
			return nil, err
		}
	}
	if !utf8.Valid(s.scratch) {
		return nil, s.failf("not well-formed (invalid UTF-8)")
	}
	return s.scratch, nil
}

func (s *scanner) commentOrCDATA() error {
	const cdata = "<![CDATA["
	if err := s.need(len(cdata)); err != nil {
		return err
	}
	if !bytes.HasPrefix(s.window[s.pos:s.end], []byte(cdata)) {
		return s.skipMarkup()
	}
	s.pos += len(cdata)
	body, err := s.through("]]>")
	if err != nil {
		return err
	}
	s.scratch = appendLines(s.scratch, body)
	return nil
}

// appendCharacters adds raw text to scratch, with its references replaced.
func (s *scanner) appendCharacters(raw []byte) error {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			s.scratch = appendLines(s.scratch, raw)
			return nil
		}
		s.scratch = appendLines(s.scratch, raw[:i])
		raw = raw[i+1:]
		name, rest, ok := bytes.Cut(raw, []byte{';'})
		if !ok {
			return s.failf("not well-formed (reference without end)")
		}
		r, ok := character(string(name))
		if !ok {
			return s.failf("undefined entity %.20q", name)
		}
		s.scratch = utf8.AppendRune(s.scratch, r)
		raw = rest
	}
}

// character returns what a reference stands for.
func character(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// appendLines adds text whose line ends may be "\r\n" or "\r".
func appendLines(b, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\r')
		if i < 0 {
			return append(b, text...)
		}
		b = append(append(b, text[:i]...), '\n')
		text = text[i+1:]
		if len(text) > 0 && text[0] == '\n' {
			text = text[1:]
		}
	}
}

// finish fails if anything but white space and comments is left.
func (s *scanner) finish() error {
	for {
		err := s.skipSpace()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.need(2); err != nil || s.window[s.pos] != '<' || s.window[s.pos+1] != '!' && s.window[s.pos+1] != '?' {
			return s.failf("junk after document element")
		}
		if err := s.skipMarkup(); err != nil {
			return err
		}
	}
}
