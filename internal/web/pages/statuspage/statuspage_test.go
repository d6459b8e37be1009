package statuspage

import (
	"testing"

	"github.com/koschei-ci/koschei"
)

// Every kind of finding has a name on pages.
func TestKindNames(t *testing.T) {
	t.Parallel()
	for _, k := range koschei.FindingKinds() {
		if kindName(k) == string(k) {
			t.Errorf("%s has no name", k)
		}
	}
}
