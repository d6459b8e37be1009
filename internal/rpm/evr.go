package rpm

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Compare compares as relations do: by epoch, version and release, where a
// release that is missing on either side equals any. It is therefore no order
// to sort by (1-1 and 1-2 both equal 1); Order is.
func (e EVR) Compare(other EVR) int {
	if c := e.compareVersion(other); c != 0 {
		return c
	}
	if e.Release == "" || other.Release == "" {
		return 0
	}
	return CompareVersions(e.Release, other.Release)
}

// Order compares like Compare, but a missing release is older than any other.
// It is a total order up to spellings that RPM takes for the same (1.0 and
// 1.00).
func (e EVR) Order(other EVR) int {
	if c := e.compareVersion(other); c != 0 {
		return c
	}
	if e.Release == "" || other.Release == "" {
		return len(e.Release) - len(other.Release)
	}
	return CompareVersions(e.Release, other.Release)
}

func (e EVR) compareVersion(other EVR) int {
	if c := cmp.Compare(e.Epoch, other.Epoch); c != 0 {
		return c
	}
	return CompareVersions(e.Version, other.Version)
}

// String is [epoch:]version[-release]; an epoch of 0 is left out.
func (e EVR) String() string {
	return string(e.append(nil, false))
}

// append writes e; without withEpoch an epoch of 0 is left out, unless the
// version would then be read as having one.
func (e EVR) append(dst []byte, withEpoch bool) []byte {
	if withEpoch || e.Epoch != 0 || strings.Contains(e.Version, ":") {
		dst = strconv.AppendUint(dst, uint64(e.Epoch), 10)
		dst = append(dst, ':')
	}
	dst = append(dst, e.Version...)
	if e.Release != "" {
		dst = append(dst, '-')
		dst = append(dst, e.Release...)
	}
	return dst
}

// ParseEVR reads [epoch:]version[-release]. As in RPM the release begins after
// the last "-", and what stands before ":" is an epoch only if it is all
// digits.
func ParseEVR(s string) (EVR, error) {
	e, _, err := parseEVR(s)
	if err != nil {
		return EVR{}, fmt.Errorf("version %s: %w", quote(s), err)
	}
	return e, nil
}

// parseEVR also says at which byte of s the error is.
func parseEVR(s string) (e EVR, pos int, err error) {
	rest := s
	if colon := strings.IndexByte(s, ':'); colon >= 0 && allDigits(s[:colon]) {
		if colon > 0 {
			epoch, err := strconv.ParseUint(s[:colon], 10, 32)
			if err != nil {
				return EVR{}, 0, errors.New("the epoch is larger than 4294967295")
			}
			e.Epoch = uint32(epoch)
		}
		rest = s[colon+1:]
		pos = colon + 1
	}
	e.Version = rest
	if dash := strings.LastIndexByte(rest, '-'); dash >= 0 {
		e.Version, e.Release = rest[:dash], rest[dash+1:]
		if e.Release == "" {
			return EVR{}, len(s), errors.New(`the release after "-" is empty`)
		}
	}
	if e.Version == "" {
		return EVR{}, pos, errors.New("the version is empty")
	}
	return e, 0, nil
}

// String is name-[epoch:]version-release.arch; an epoch of 0 is left out.
func (n NEVRA) String() string {
	return string(n.append(nil, false))
}

// Long is name-epoch:version-release.arch, the epoch always there.
func (n NEVRA) Long() string {
	return string(n.AppendLong(nil))
}

// AppendLong appends what Long returns to dst.
func (n NEVRA) AppendLong(dst []byte) []byte { return n.append(dst, true) }

func (n NEVRA) append(dst []byte, withEpoch bool) []byte {
	dst = append(dst, n.Name...)
	dst = append(dst, '-')
	dst = n.EVR.append(dst, withEpoch)
	dst = append(dst, '.')
	return append(dst, n.Arch...)
}

// ParseNEVRA reads name-[epoch:]version-release.arch, the name of a package
// file too: a ".rpm" at the end is dropped.
func ParseNEVRA(s string) (NEVRA, error) {
	rest := strings.TrimSuffix(s, ".rpm")
	dot := strings.LastIndexByte(rest, '.')
	dash := strings.LastIndexByte(rest[:max(dot, 0)], '-')
	if dash < 0 || dot == len(rest)-1 {
		return NEVRA{}, fmt.Errorf("package %s: it does not have the form name-version-release.arch", quote(s))
	}
	n := NEVRA{Arch: rest[dot+1:]}
	first := strings.LastIndexByte(rest[:dash], '-')
	if first <= 0 {
		return NEVRA{}, fmt.Errorf("package %s: it does not have the form name-version-release.arch", quote(s))
	}
	n.Name = rest[:first]
	var err error
	if n.EVR, _, err = parseEVR(rest[first+1 : dot]); err != nil {
		return NEVRA{}, fmt.Errorf("package %s: %w", quote(s), err)
	}
	return n, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// quote quotes s for an error message, the middle of a long one left out.
func quote(s string) string {
	const most = 200
	if len(s) > most {
		return strconv.Quote(s[:most/2]) + "..." + strconv.Quote(s[len(s)-most/2:])
	}
	return strconv.Quote(s)
}
