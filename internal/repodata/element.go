package repodata

import (
	"bytes"
	"strconv"
)

// child finds the next element inside the one just entered. At the end of that
// it says false. Text between elements is passed over.
func (s *scanner) child() (bool, error) {
	for {
		s.pos += spaceRun(s.buf[s.pos:])
		switch t, err := s.next(); {
		case err != nil:
			return false, err
		case t == tokenStart:
			return true, nil
		case t == tokenEnd:
			return false, nil
		case t == tokenEOF:
			return false, s.errorf(s.pos, "the document ends too early")
		}
	}
}

// skip leaves the element just entered, whatever is in it.
func (s *scanner) skip() error {
	if s.closing {
		s.closing = false
		return nil
	}
	for depth := 1; depth > 0; {
		t, err := s.next()
		switch {
		case err != nil:
			return err
		case t == tokenStart:
			depth++
		case t == tokenEnd:
			depth--
		}
	}
	return nil
}

// leave goes to the end tag of the innermost element faster than skip: it
// does not look at what it passes over. If that has comments, CDATA sections or
// instructions, which could hold what looks like the end tag, it stays where it
// is.
func (s *scanner) leave() error {
	name := s.innermost()
	for at := s.pos; ; at++ {
		next := bytes.IndexByte(s.buf[at:s.end], '<')
		if at += next; next < 0 || at+len("</")+len(name) >= s.end {
			if s.exhausted() {
				return nil // the next token will say what is wrong
			}
			offset := s.end - s.pos
			if next >= 0 {
				offset = at - s.pos
			}
			if err := s.more(); err != nil {
				return err
			}
			at = s.pos + offset - 1
			continue
		}
		switch s.buf[at+1] {
		case '!', '?':
			return nil
		case '/':
			tag := s.buf[at+2:]
			if bytes.HasPrefix(tag, name) && nameClass[tag[len(name)]] {
				s.pos = at
				return nil
			}
		}
	}
}

// content is the text of the element just entered, up to its end; that of
// elements inside is left out. The caller has called hold.
func (s *scanner) content() (string, error) {
	first, err := s.next()
	if err != nil || first == tokenEnd {
		return "", err
	}
	if first == tokenStart {
		return s.joined(nil, first)
	}
	text := s.text
	second, err := s.next()
	if err != nil {
		return "", err
	}
	if second == tokenEnd {
		return s.string(text), nil
	}
	return s.joined(appendUnescaped(nil, text), second)
}

// joined is content for what is not one text alone.
func (s *scanner) joined(joined []byte, t token) (string, error) {
	for depth := 1; ; {
		switch {
		case t == tokenText && depth == 1:
			joined = appendUnescaped(joined, s.text)
		case t == tokenStart:
			depth++
		case t == tokenEnd:
			if depth--; depth == 0 {
				return string(joined), nil
			}
		}
		var err error
		if t, err = s.next(); err != nil {
			return "", err
		}
	}
}

// root enters the root element, which must have the name.
func (s *scanner) root(name string) error {
	t, err := s.next()
	switch {
	case err != nil:
		return err
	case t != tokenStart || string(s.name) != name:
		return s.errorf(s.pos, "the root element is <%s>, not <%s>", s.name, name)
	}
	return nil
}

// finish reads what follows the root element.
func (s *scanner) finish() error {
	_, err := s.next()
	return err
}

// trimmed is s without the white space around it.
func trimmed(s string) string {
	start, end := 0, len(s)
	for start < end && isSpace(s[start]) {
		start++
	}
	for start < end && isSpace(s[end-1]) {
		end--
	}
	return s[start:end]
}

// attr is the value of an attribute of the start tag just read, or "".
func (s *scanner) attr(name string) string {
	for i := range s.attrs {
		if string(s.attrName(i)) == name {
			return s.attrValue(i)
		}
	}
	return ""
}

func (s *scanner) hasAttr(name string) bool {
	for i := range s.attrs {
		if string(s.attrName(i)) == name {
			return true
		}
	}
	return false
}

// number reads a decimal number that says how much there is of what.
func (s *scanner) number(text, what string) (int64, error) {
	n, err := strconv.ParseInt(trimmed(text), 10, 64)
	if err != nil || n < 0 {
		return 0, s.errorf(s.pos, "%s %q is no number", what, shorten(text))
	}
	return n, nil
}

// shorten cuts a text that goes into an error message.
func shorten(text string) string {
	const most = 100
	if len(text) > most {
		return text[:most] + "..."
	}
	return string(bytes.Clone([]byte(text)))
}
