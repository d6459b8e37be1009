package edit

import (
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A CollectionChange gives one setting of a collection, by the name that
// schema.CollectionSettings has for it, another value.
type CollectionChange struct {
	Setting string
	Was     string // what whoever changes it has seen
	Becomes string
}

// Apply is for EditCollection. An error wraps koschei.ErrConflict if the setting
// has another value than whoever changes it has seen, and is not what they want
// either; koschei.ErrInvalid if there is no such setting or value.
func (change CollectionChange) Apply(c *koschei.Collection) error {
	s, ok := schema.CollectionSetting(change.Setting)
	if !ok {
		return fmt.Errorf("a collection has no setting %.60q: %w", change.Setting, koschei.ErrInvalid)
	}
	name, now := c.Name, fmt.Sprint(s.Value(c))
	if err := s.Set(c, change.Becomes); err != nil {
		return err
	}
	if now != change.Was && now != fmt.Sprint(s.Value(c)) {
		return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("the %s of collection %s is %s by now, and not %s", s.Label, name, shown(now), shown(change.Was)))
	}
	return nil
}
