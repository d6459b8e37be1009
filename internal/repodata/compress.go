package repodata

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// An unpackError says that a file cannot be unpacked as its name says.
type unpackError struct {
	reason string
	err    error
}

func (e *unpackError) Error() string { return e.reason }
func (e *unpackError) Unwrap() error { return e.err }

// decompress unpacks src as the file's name says or, if that says nothing, as its
// first bytes do.
func decompress(src io.Reader, file string) (io.ReadCloser, error) {
	switch path.Ext(file) {
	case ".xml":
		return io.NopCloser(src), nil
	case ".gz":
		return newGzip(src)
	case ".zst":
		return newZstd(src)
	case ".xz":
		return newXZ(src)
	case ".bz2":
		return newBzip2(src), nil
	}
	buffered := bufio.NewReaderSize(src, 64<<10)
	head, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch begins := func(with string) bool { return bytes.HasPrefix(head, []byte(with)) }; {
	case begins("\x1f\x8b"):
		return newGzip(buffered)
	case begins("\x28\xb5\x2f\xfd"):
		return newZstd(buffered)
	case begins("\xfd7zXZ\x00"):
		return newXZ(buffered)
	case begins("BZh"):
		return newBzip2(buffered), nil
	}
	return io.NopCloser(buffered), nil
}

// An unpacker tells errors of a decompressor from those of what reads from it.
type unpacker struct {
	format string
	src    io.Reader
	close  func()
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.src.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader says EOF unwrapped
		err = corrupt(u.format, err)
	}
	return n, err
}

func (u *unpacker) Close() error {
	u.close()
	return nil
}

func corrupt(format string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &unpackError{fmt.Sprintf("the %s data are cut short", format), err}
	}
	return &unpackError{fmt.Sprintf("the %s data are corrupt (%v)", format, err), err}
}

func newGzip(src io.Reader) (io.ReadCloser, error) {
	r, err := gzip.NewReader(bufio.NewReaderSize(src, 64<<10))
	if err != nil {
		return nil, corrupt("gzip", err)
	}
	return &unpacker{"gzip", r, func() { _ = r.Close() }}, nil
}

func newZstd(src io.Reader) (io.ReadCloser, error) {
	r, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, corrupt("zstd", err)
	}
	return &unpacker{"zstd", r, r.Close}, nil
}

func newBzip2(src io.Reader) io.ReadCloser {
	return &unpacker{"bzip2", bzip2.NewReader(bufio.NewReaderSize(src, 64<<10)), func() {}}
}

func newXZ(src io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(src, 64<<10)
	if size := dictionarySize(buffered); size > maxWindow {
		return nil, &unpackError{fmt.Sprintf("the xz dictionary of %d bytes is larger than the %d allowed", size, maxWindow), nil}
	}
	r, err := xz.ReaderConfig{DictCap: 1 << 16}.NewReader(buffered)
	if err != nil {
		return nil, corrupt("xz", err)
	}
	return &unpacker{"xz", r, func() {}}, nil
}

// dictionarySize is the size of the dictionary that the first block of an xz
// file needs, 0 if it cannot be told. The xz package would allocate whatever
// the file asks for.
func dictionarySize(r *bufio.Reader) int64 {
	const streamHeader = 12
	head, _ := r.Peek(streamHeader + 2 + 2*10 + 3)
	if len(head) < streamHeader+2 {
		return 0
	}
	flags, filter := head[streamHeader+1], head[streamHeader+2:]
	for _, hasSize := range []bool{flags&0x40 != 0, flags&0x80 != 0} {
		for hasSize && len(filter) > 0 && filter[0]&0x80 != 0 {
			filter = filter[1:]
		}
		if hasSize && len(filter) > 0 {
			filter = filter[1:]
		}
	}
	const lzma2 = 0x21
	if len(filter) < 3 || filter[0] != lzma2 || filter[1] != 1 {
		return 0
	}
	bits := filter[2] & 0x3F
	if bits >= 40 {
		return 1<<32 - 1
	}
	return int64(2|bits&1) << (bits/2 + 11)
}
