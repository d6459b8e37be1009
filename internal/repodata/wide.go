package repodata

import (
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// A wideReader reads UTF-16 as UTF-8, and anything else as it is. What it has before
// it is told by the first two bytes: a byte order mark, or the two of "<".
type wideReader struct {
	src   io.Reader
	order binary.ByteOrder // nil if it is not UTF-16, or before the first bytes
	begun bool
	raw   []byte // bytes of a character that is not complete
	out   []byte // read and not handed out
	err   error  // of src
}

// isWide reports whether the document is UTF-16; it is known once there has been
// something to read.
func (w *wideReader) isWide() bool { return w.order != nil }

func (w *wideReader) Read(p []byte) (int, error) {
	if !w.begun {
		w.begin()
	}
	switch {
	case len(w.out) > 0:
		n := copy(p, w.out)
		w.out = w.out[n:]
		return n, nil
	case w.err != nil:
		return 0, w.err
	case !w.isWide():
		return w.src.Read(p)
	}
	for len(w.out) == 0 && w.err == nil {
		w.fill()
	}
	if len(w.out) == 0 {
		return 0, w.err
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

func (w *wideReader) begin() {
	w.begun = true
	first := make([]byte, 2)
	n, err := io.ReadFull(w.src, first)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		w.out, w.err = first[:n], err
		return
	}
	switch [2]byte(first) {
	case [2]byte{0xFE, 0xFF}:
		w.order = binary.BigEndian
	case [2]byte{0xFF, 0xFE}:
		w.order = binary.LittleEndian
	case [2]byte{0, '<'}:
		w.order, w.raw = binary.BigEndian, first
	case [2]byte{'<', 0}:
		w.order, w.raw = binary.LittleEndian, first
	default:
		w.out = first
	}
}

// fill reads some bytes and makes UTF-8 of them.
func (w *wideReader) fill() {
	rest := len(w.raw)
	raw := append(w.raw, make([]byte, 4096)...)
	n, err := w.src.Read(raw[rest:])
	raw = raw[:rest+n]
	for len(raw) >= 2 {
		c := rune(w.order.Uint16(raw))
		size := 2
		if utf16.IsSurrogate(c) {
			if len(raw) < 4 {
				break
			}
			size = 4
			if c = utf16.DecodeRune(c, rune(w.order.Uint16(raw[2:]))); c == utf8.RuneError {
				w.err = &unpackError{"it is UTF-16 with half a character", nil}
				return
			}
		}
		w.out = utf8.AppendRune(w.out, c)
		raw = raw[size:]
	}
	w.raw = append(w.raw[:0:0], raw...)
	if w.err = err; errors.Is(err, io.EOF) && len(w.raw) > 0 {
		w.err = &unpackError{"it is UTF-16 that ends inside a character", nil}
	}
}
