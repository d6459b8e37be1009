package koschei

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseArches(t *testing.T) {
	t.Parallel()
	const (
		tag  = "aarch64 armv7hl i686 ppc64 ppc64le s390x x86_64"
		ours = "i386 x86_64 armhfp"
	)
	words := strings.Fields
	arm := words("armv3l armv4b armv4l armv5tel armv6l armv7hl armv7hnl")
	tests := []struct {
		name     string
		header   ArchHeader
		override string
		ours     string // "" for the usual
		want     string
	}{
		{name: "plain", want: "armv7hl i686 x86_64"},
		{name: "noarch", header: ArchHeader{BuildArchs: words("noarch")}, want: "noarch"},
		{name: "noarch said twice", header: ArchHeader{BuildArchs: words("noarch noarch")}, want: "noarch"},
		{name: "noarch besides", header: ArchHeader{BuildArchs: words("noarch x86_64")}, want: "noarch x86_64"},
		{name: "noarch where exclusive", header: ArchHeader{BuildArchs: words("noarch"), ExclusiveArch: words("x86_64 noarch")}, want: "noarch"},
		{name: "noarch with an exclusive arch", header: ArchHeader{BuildArchs: words("noarch"), ExclusiveArch: words("x86_64")}, want: "noarch"},
		{name: "noarch excluded", header: ArchHeader{BuildArchs: words("noarch x86_64"), ExcludeArch: words("noarch")}, want: "x86_64"},
		{name: "exclusive to ARM", header: ArchHeader{ExclusiveArch: arm}, want: "armv7hl"},
		{
			name:   "exclusive and excluded",
			header: ArchHeader{ExclusiveArch: words("i386 i486 i586 i686 x86_64 armv7hl s390x"), ExcludeArch: words("armv7hl")},
			want:   "i686 x86_64",
		},
		{name: "excluded in another spelling", header: ArchHeader{ExcludeArch: words("i386")}, want: "armv7hl i686 x86_64"},
		{name: "exclusive to others", header: ArchHeader{ExclusiveArch: words("s390x ppc64le")}, want: ""},
		{name: "override", override: "x86_64 i386", want: "x86_64 i386"},
		{name: "override by one", override: "i686", want: "i686"},
		{name: "override beats the header", header: ArchHeader{ExclusiveArch: arm}, override: "x86_64", want: "x86_64"},
		{name: "override by what the tag lacks", override: "riscv64 x86_64", want: "x86_64"},
		{name: "override by what we do not build", override: "s390x", want: ""},
		{name: "all but, canonical", override: "^armhfp", want: "i686 x86_64"},
		{name: "all but, as in the tag", override: "^armv7hl", want: "i686 x86_64"},
		{name: "all but several", override: "^armv7hl i386", want: "x86_64"},
		{name: "ours in other spellings", ours: "i686 armv7hl", want: "armv7hl i686"},
	}
	for _, test := range tests {
		ours := words(ours)
		if test.ours != "" {
			ours = words(test.ours)
		}
		got := ChooseArches(words(tag), test.header, test.override, ours)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestChooseArchesLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	tag := []string{"i686", "x86_64"}
	header := ArchHeader{BuildArchs: []string{"x86_64", "noarch"}, ExcludeArch: []string{"x86_64"}}
	ChooseArches(tag, header, "^i686", []string{"x86_64"})
	ChooseArches(tag, ArchHeader{}, "^i686", []string{"x86_64"})
	if diff := cmp.Diff([]string{"i686", "x86_64"}, tag); diff != "" {
		t.Errorf("tag arches changed: %s", diff)
	}
	if diff := cmp.Diff([]string{"x86_64", "noarch"}, header.BuildArchs); diff != "" {
		t.Errorf("header changed: %s", diff)
	}
}

func TestCanonArch(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"i386": "i386", "i686": "i386", "athlon": "i386", "ia32e": "x86_64", "x86_64": "x86_64",
		"armv7hl": "armhfp", "armhfp": "armhfp", "armv5tel": "arm", "aarch64": "aarch64",
		"ppc64": "ppc64", "ppc64p7": "ppc64", "ppc64le": "ppc64le", "ppc": "ppc",
		"sparc64v": "sparc64", "sparcv9": "sparc", "alphaev6": "alpha", "s390x": "s390x", "noarch": "noarch",
	}
	for arch, want := range tests {
		if got := CanonArch(arch); got != want {
			t.Errorf("%s is %s, want %s", arch, got, want)
		}
	}
}

func TestParseArchOverride(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", " x86_64, i386 ": "x86_64 i386", "^x86_64": "^x86_64", "^armv7hl,^s390x": "^armv7hl s390x", "i686\ni686": "i686", "^": "",
	} {
		if got, err := ParseArchOverride(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"x86-64", "amd64", "x86_64; rm", strings.Repeat("i686 ", 300)} {
		if got, err := ParseArchOverride(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20q: got %q, %v", text, got, err)
		}
	}
}
