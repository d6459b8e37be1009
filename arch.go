package koschei

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// An ArchHeader is what an SRPM's header says about architectures.
type ArchHeader struct {
	BuildArchs    []string
	ExclusiveArch []string
	ExcludeArch   []string
}

// ChooseArches returns the architectures to build an SRPM for, in the
// spelling they came in, as Koji's builder would choose them, narrowed to those
// Koschei builds for. override is the package's: empty, a list that replaces the
// choice, or "^" and a list to leave out. An empty result means that there is
// nothing to build on; one with "noarch" in it means any builder will do, and
// the build must be submitted without an override of architectures.
func ChooseArches(tagArches []string, header ArchHeader, override string, buildArches []string) []string {
	arches := headerArches(tagArches, header)
	if rest, ok := strings.CutPrefix(override, "^"); ok {
		excluded := canonSet(strings.Fields(rest))
		arches = slices.DeleteFunc(arches, func(a string) bool { return excluded[CanonArch(a)] })
	} else if override != "" {
		arches = strings.Fields(override)
	}
	tag, ours := canonSet(tagArches), canonSet(buildArches)
	arches = slices.DeleteFunc(arches, func(a string) bool {
		canon := CanonArch(a)
		return a != "noarch" && (!tag[canon] || !ours[canon])
	})
	return dedup(arches)
}

// headerArches is the builder's own rule. It compares names as they stand.
func headerArches(tagArches []string, h ArchHeader) []string {
	arches := slices.Clone(tagArches)
	if len(h.BuildArchs) > 0 {
		arches = slices.Clone(h.BuildArchs)
	}
	if len(h.ExclusiveArch) > 0 {
		arches = slices.DeleteFunc(arches, func(a string) bool { return !slices.Contains(h.ExclusiveArch, a) })
	}
	arches = slices.DeleteFunc(arches, func(a string) bool { return slices.Contains(h.ExcludeArch, a) })
	mayBeNoarch := slices.Contains(h.BuildArchs, "noarch") || slices.Contains(h.ExclusiveArch, "noarch")
	if mayBeNoarch && !slices.Contains(h.ExcludeArch, "noarch") {
		arches = append(arches, "noarch")
	}
	return arches
}

func canonSet(arches []string) map[string]bool {
	set := map[string]bool{}
	for _, a := range arches {
		set[CanonArch(a)] = true
	}
	return set
}

func dedup(arches []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(arches, func(a string) bool {
		was := seen[a]
		seen[a] = true
		return was
	})
}

// CanonArch returns the canonical name of an architecture, as Koji has it.
func CanonArch(arch string) string {
	switch {
	case len(arch) == 4 && arch[0] == 'i' && arch[2:] == "86", arch == "athlon":
		return "i386"
	case arch == "ia32e":
		return "x86_64"
	case arch == "ppc64le":
		return "ppc64le"
	case strings.HasPrefix(arch, "ppc64"):
		return "ppc64"
	case strings.HasPrefix(arch, "sparc64"):
		return "sparc64"
	case strings.HasPrefix(arch, "sparc"):
		return "sparc"
	case strings.HasPrefix(arch, "alpha"):
		return "alpha"
	case strings.HasPrefix(arch, "arm") && strings.Contains(arch, "h"):
		return "armhfp"
	case strings.HasPrefix(arch, "arm"):
		return "arm"
	}
	return arch
}

// ParseArchOverride reads an override that somebody typed: names of
// architectures with spaces or commas between them, all of them to be left out if
// a ^ is in front. Errors wrap ErrInvalid. It knows what RPM builds for, and not
// what some hub does.
func ParseArchOverride(text string) (override string, err error) {
	const most = 1000
	if len(text) > most {
		return "", fmt.Errorf("an override has at most %d characters: %w", most, ErrInvalid)
	}
	rest, leave := strings.CutPrefix(strings.TrimSpace(text), "^")
	names := strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	known := []string{"aarch64", "armhfp", "i386", "loongarch64", "ppc64", "ppc64le", "riscv64", "s390", "s390x", "x86_64"}
	for i, name := range names {
		name = strings.TrimPrefix(name, "^") // some put it in front of each
		if !slices.Contains(known, CanonArch(name)) {
			return "", fmt.Errorf("there is no architecture %q, they are %s: %w", name, strings.Join(known, " "), ErrInvalid)
		}
		names[i] = name
	}
	override = strings.Join(dedup(names), " ")
	if leave && override != "" {
		override = "^" + override
	}
	return override, nil
}
