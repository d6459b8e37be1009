package kojisim

import (
	"strings"
)

// canonical is the architecture of the tag that a build for arch belongs to.
func canonical(arch string) string {
	switch {
	case len(arch) == 4 && arch[0] == 'i' && arch[2:] == "86", arch == "athlon":
		return "i386"
	case arch == "ia32e":
		return "x86_64"
	case strings.HasPrefix(arch, "ppc64") && arch != "ppc64le":
		return "ppc64"
	case strings.HasPrefix(arch, "arm") && strings.Contains(arch[3:], "h"):
		return "armhfp"
	case strings.HasPrefix(arch, "arm"):
		return "arm"
	}
	return arch
}
