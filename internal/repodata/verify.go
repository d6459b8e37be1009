package repodata

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// A verifier passes data on and holds them to a size and a checksum.
type verifier struct {
	src   io.Reader
	hash  hash.Hash // nil if there is no checksum
	want  string
	name  string // of the checksum
	what  string // what the data are: "it", or "unpacked it"
	size  int64  // 0 if not known
	limit int64
	n     int64
}

// A mismatchError says that data are not those that repomd.xml speaks of.
type mismatchError struct{ reason string }

func (e *mismatchError) Error() string { return e.reason }

func newVerifier(src io.Reader, what string, sum checksum, size, limit int64) *verifier {
	return &verifier{src: src, hash: sum.newHash(), want: sum.want, name: sum.algorithm, what: what, size: size, limit: limit}
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.src.Read(p)
	v.n += int64(n)
	if v.hash != nil {
		v.hash.Write(p[:n])
	}
	switch {
	case v.size > 0 && v.n > v.size:
		return n, &mismatchError{fmt.Sprintf("%s is longer than the %d bytes that repomd.xml says", v.what, v.size)}
	case v.n > v.limit:
		return n, &mismatchError{fmt.Sprintf("%s is longer than the %d bytes allowed", v.what, v.limit)}
	}
	return n, err
}

// finish reads what is left and reports whether all was as announced.
func (v *verifier) finish() error {
	if _, err := io.Copy(io.Discard, v); err != nil {
		return err
	}
	if v.size > 0 && v.n != v.size {
		return &mismatchError{fmt.Sprintf("%s is %d bytes long, repomd.xml says %d", v.what, v.n, v.size)}
	}
	if v.hash == nil {
		return nil
	}
	if got := hex.EncodeToString(v.hash.Sum(nil)); got != v.want {
		return &mismatchError{fmt.Sprintf("%s has the %s checksum %s, repomd.xml says %s", v.what, v.name, got, v.want)}
	}
	return nil
}

// verified hands the unpacked content of a metadata file to f. It is an
// InputError if the file is not what e says, if it cannot be unpacked, or if f
// finds a syntaxError in it. Other errors of f are returned as they are.
func verified(raw io.Reader, file string, e entry, f func(io.Reader) error) error {
	packed := newVerifier(raw, "it", e.sum, e.size, maxFor(e))
	unpacked, err := decompress(packed, e.href)
	if err != nil {
		return rootCause(err, packed, file)
	}
	defer func() { _ = unpacked.Close() }()
	limit := int64(maxUnpacked)
	if e.isComps() {
		limit = maxComps
	}
	open := newVerifier(unpacked, "unpacked it", e.openSum, e.openSize, limit)
	if err := f(open); err != nil {
		return rootCause(err, packed, file)
	}
	if err := open.finish(); err != nil {
		return rootCause(err, packed, file)
	}
	return rootCause(packed.finish(), packed, file)
}

// isComps tells a file of groups, in whatever form it comes.
func (e entry) isComps() bool { return strings.HasPrefix(e.kind, "group") }

// maxFor is how many bytes a file may have as it is stored.
func maxFor(e entry) int64 {
	if e.isComps() {
		return maxComps
	}
	return maxPacked
}

// rootCause makes an error of reading a file the one to report: a corrupt file
// fails in many ways, but the first thing to say is that it is not the file
// that repomd.xml speaks of.
func rootCause(err error, packed *verifier, file string) error {
	var (
		syntax   *syntaxError
		mismatch *mismatchError
		unpack   *unpackError
	)
	if !errors.As(err, &syntax) && !errors.As(err, &mismatch) && !errors.As(err, &unpack) {
		return err
	}
	if cause := packed.finish(); errors.As(cause, &mismatch) {
		return &InputError{file, mismatch.reason, nil}
	} else if cause != nil {
		return cause
	}
	return &InputError{file, err.Error(), nil}
}
