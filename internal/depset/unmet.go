package depset

import (
	"unicode/utf8"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Unmet is a dependency that nothing in a repo provides and that keeps a
// buildroot from being made.
type Unmet struct {
	Dependency string     // as who needs it spells it
	By         rpm.NEVRA  // the package that requires it; zero if the BuildRequires do
	Asked      string     // the entry of BuildRequires that leads there; "" if the buildroot group does
	Cause      UnmetCause // zero as a resolver tells it
}

// An UnmetCause is what made a dependency unmet, as far as two repos prove it.
type UnmetCause struct {
	Why      UnmetWhy
	Source   string // the update that did it; "" unless Why is UnmetGone or UnmetNew
	Before   string // its version-release in the repo before; "" if it was not there
	After    string // its version-release in the repo; "" if it is not there any more
	Provider string // what provided the dependency in the repo before, as name-version-release.arch; "" unless Why is UnmetGone
}

// An UnmetWhy is what is known of when a dependency was last met.
type UnmetWhy string

// What can be known of it.
const (
	UnmetUnknown UnmetWhy = "unknown" // the repo before was not looked at
	UnmetGone    UnmetWhy = "gone"    // the repo before had a provider, which an update took away
	UnmetNew     UnmetWhy = "new"     // an update brought the package that requires it
	UnmetAbsent  UnmetWhy = "absent"  // the repo before had no provider either
)

// maxDependency is how many bytes of a dependency are kept.
const maxDependency = 500

// Shortened is the unmet dependency with no text longer than is stored.
func (u Unmet) Shortened() Unmet {
	u.Dependency, u.Asked = shortened(u.Dependency), shortened(u.Asked)
	return u
}

func shortened(text string) string {
	if len(text) <= maxDependency {
		return text
	}
	cut := maxDependency
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
