package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei"
)

// UnknownNames names those that are not known in one sentence, wrapping
// koschei.ErrNotFound; nil if there is none.
func UnknownNames(what, where string, names []string, known map[string]bool) error {
	var unknown []string
	for _, name := range names {
		if !known[name] && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	switch len(unknown) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s %s %s: %w", what, unknown[0], where, koschei.ErrNotFound)
	}
	return fmt.Errorf("%ss %s %s: %w", what, strings.Join(unknown, ", "), where, koschei.ErrNotFound)
}
