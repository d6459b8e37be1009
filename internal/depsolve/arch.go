package depsolve

import "slices"

// isInferior reports whether machines of architecture arch also run packages
// of architecture other, though they have a better choice.
func isInferior(other, arch string) bool {
	switch arch {
	case "x86_64", "ia64":
		return slices.Contains([]string{"i686", "i586", "i486", "i386"}, other)
	case "i686", "i586", "i486":
		return slices.Contains([]string{"i586", "i486", "i386"}, other) && other < arch
	case "s390x":
		return other == "s390"
	case "ppc64":
		return other == "ppc"
	case "ppc64p7":
		return other == "ppc64" || other == "ppc"
	case "armv8hl":
		return other == "armv7hl" || other == "armv6hl"
	case "armv7hl":
		return other == "armv6hl"
	case "sparc64":
		return slices.Contains([]string{"sparcv9", "sparcv8", "sparc"}, other)
	}
	return false
}
