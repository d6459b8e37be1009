package depset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"

	"github.com/koschei-ci/koschei"
)

// distanceBits of each number are the distance, the rest is how far its id is
// from the one before.
const distanceBits = 3

// appendTo appends the set's plain form: a varint for each member.
func (s Set) appendTo(dst []byte) []byte {
	last := int32(0)
	for _, m := range s {
		dst = binary.AppendUvarint(dst, uint64(m.ID-last)<<distanceBits|uint64(m.Distance))
		last = m.ID
	}
	return dst
}

// A Codec turns sets into the bytes that are stored, and back. It is safe for
// concurrent use.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec returns a Codec. It takes some memory: one is enough for a process.
func NewCodec() *Codec {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(8<<10), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(16<<20))
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	return &Codec{encoder: encoder, decoder: decoder}
}

// Encode returns the bytes of a set.
func (c *Codec) Encode(s Set) []byte {
	return c.encoder.EncodeAll(s.appendTo(nil), nil)
}

// ErrDamaged is the error of bytes that are no set.
var ErrDamaged = errors.New("stored dependency set is damaged")

// Decode returns the set that was encoded. An error wraps ErrDamaged.
func (c *Codec) Decode(content []byte) (Set, error) {
	plain, err := c.decoder.DecodeAll(content, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	s := make(Set, 0, len(plain)/2)
	last := uint64(0)
	for len(plain) > 0 {
		v, n := binary.Uvarint(plain)
		last += v >> distanceBits
		distance := v & (1<<distanceBits - 1)
		if n <= 0 || last > math.MaxInt32 || distance >= uint64(len(koschei.Distances{})) {
			return nil, ErrDamaged
		}
		s = append(s, Member{ID: int32(last), Distance: uint8(distance)})
		plain = plain[n:]
	}
	return s, nil
}
