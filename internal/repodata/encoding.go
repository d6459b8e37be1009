package repodata

import (
	"bytes"
	"fmt"
	"io"
)

// recode has what follows the declaration read as ISO-8859-1, or as ASCII.
func (s *scanner) recode(ascii bool) {
	rest := bytes.NewReader(bytes.Clone(s.buf[s.pos:s.end]))
	src := s.src
	if s.err != nil {
		src = failing{s.err}
		s.err = nil
	}
	clear(s.buf[s.pos:s.end])
	s.end = s.pos
	s.src = &latin1{src: io.MultiReader(rest, src), ascii: ascii}
}

// failing is a reader that is at an end.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// latin1 reads ISO-8859-1 as UTF-8.
type latin1 struct {
	src   io.Reader
	ascii bool // only the characters of ASCII are allowed
	left  byte // second byte of a character whose first one has been read, or 0
}

// Read reads into the rear half of p, or into a byte of its own, and spreads that
// from the front on.
func (l *latin1) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if l.left != 0 {
		p[0], l.left = l.left, 0
		return 1, nil
	}
	var one [1]byte
	raw := one[:]
	if len(p) > 1 {
		raw = p[len(p)-len(p)/2:]
	}
	read, err := l.src.Read(raw)
	for _, c := range raw[:read] {
		switch {
		case c < 0x80:
			p[n] = c
			n++
			continue
		case l.ascii:
			return n, &unpackError{fmt.Sprintf("it has the character %#02x, which is not in the encoding US-ASCII", c), nil}
		}
		p[n] = 0xC0 | c>>6
		if second := 0x80 | c&0x3F; n+1 < len(p) {
			p[n+1] = second
			n += 2
		} else {
			l.left = second
			n++
		}
	}
	return n, err
}
