package repodata

import (
	"bytes"
	"strings"
)

// scanInstruction passes over <?...?>. What the XML declaration says of the
// encoding holds for what follows it.
func (s *scanner) scanInstruction() error {
	start := s.pos + 2
	n, local := nameLength(s.buf[start:])
	rest := s.buf[start:s.end]
	length := bytes.Index(rest[n:], []byte("?>"))
	if length += n; length < n {
		return s.short()
	}
	if local < 0 {
		return s.errorf(s.pos, "a processing instruction has no name")
	}
	if string(rest[:n]) == "xml" {
		if v := pseudoAttr(rest[n:length], "version"); v != "" && v != "1.0" && v != "1.1" {
			return s.errorf(s.pos, "XML version %q is not supported", v)
		}
		encoding := strings.ToLower(pseudoAttr(rest[n:length], "encoding"))
		wide := strings.HasPrefix(encoding, "utf-16")
		switch {
		case s.wide.isWide() && encoding != "" && !wide:
			return s.errorf(s.pos, "it is UTF-16 and says that its encoding is %q", shorten(encoding))
		case wide && !s.wide.isWide():
			return s.errorf(s.pos, "it says that its encoding is %q, which it is not", shorten(encoding))
		}
		switch encoding {
		case "", "utf-8", "utf8", "utf-16", "utf-16le", "utf-16be":
		case "us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1":
			if s.base+int64(s.pos) > 0 {
				return s.errorf(s.pos, "an XML declaration behind the start of the document")
			}
			s.pos = start + length + 2
			s.recode(strings.HasSuffix(encoding, "ascii"))
			return nil
		default:
			return s.errorf(s.pos, "encoding %q is not supported", shorten(encoding))
		}
	}
	s.pos = start + length + 2
	return nil
}

// pseudoAttr is the value of name="value" in an XML declaration, or "".
func pseudoAttr(declaration []byte, name string) string {
	_, rest, found := bytes.Cut(declaration, []byte(name))
	rest, equals := bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("="))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	if !found || !equals || len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	value, _, _ := bytes.Cut(rest[1:], rest[:1])
	return string(value)
}

// scanDeclaration reads what begins with "<!": a comment or DOCTYPE, which it
// passes over, or a CDATA section, which is text.
func (s *scanner) scanDeclaration() (isText bool, err error) {
	rest := s.buf[s.pos:s.end]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return false, s.scanComment(rest)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return true, s.scanCDATA(rest)
	case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
		return false, s.scanDoctype(rest)
	case bytes.HasPrefix(rest, []byte("<!ENTITY")):
		return false, s.errorf(s.pos, "entity declarations are not allowed")
	case len(rest) < len("<![CDATA["):
		return false, s.short()
	}
	return false, s.errorf(s.pos, `"<!" begins neither a comment nor a CDATA section`)
}

func (s *scanner) scanComment(rest []byte) error {
	const opening = len("<!--")
	length := bytes.Index(rest[opening:], []byte("--"))
	closing := opening + length + 2
	switch {
	case length < 0 || closing == len(rest):
		return s.short()
	case rest[closing] != '>':
		return s.errorf(s.pos+closing, `"--" inside a comment`)
	}
	s.pos += closing + 1
	return nil
}

func (s *scanner) scanCDATA(rest []byte) error {
	const opening = len("<![CDATA[")
	length := bytes.Index(rest[opening:], []byte("]]>"))
	if length < 0 {
		return s.short()
	}
	s.text = rawText{raw: rest[opening : opening+length], cdata: true}
	for i, c := range s.text.raw {
		switch {
		case c == '\r':
			s.text.escaped = true
		case c < ' ' && c != '\t' && c != '\n':
			return s.errorf(s.pos+opening+i, "the character %#02x is not allowed", c)
		}
	}
	if at := invalidUTF8(s.text.raw); at >= 0 {
		return s.errorf(s.pos+opening+at, "a character is not valid UTF-8, or not allowed")
	}
	s.pos += opening + length + len("]]>")
	return nil
}

// scanDoctype passes over a document type, the external part of which is never
// fetched. An entity declared in it would change what the rest means.
func (s *scanner) scanDoctype(rest []byte) error {
	if s.rootSeen {
		return s.errorf(s.pos, "a DOCTYPE behind the root's start")
	}
	depth := 0 // of "<" and "["
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '"', '\'':
			length := bytes.IndexByte(rest[i+1:], c)
			if length < 0 {
				return s.short()
			}
			i += length + 1
		case '<', '[':
			if len(rest)-i < len("<!ENTITY") {
				return s.short()
			}
			if bytes.HasPrefix(rest[i:], []byte("<!--")) {
				length := bytes.Index(rest[i:], []byte("-->"))
				if length < 0 {
					return s.short()
				}
				i += length + len("-->") - 1
				continue
			}
			if bytes.HasPrefix(rest[i:], []byte("<!ENTITY")) {
				return s.errorf(s.pos+i, "entity declarations are not allowed")
			}
			depth++
		case '>', ']':
			if depth--; depth == 0 {
				s.pos += i + 1
				return nil
			}
		}
	}
	return s.short()
}
