package worldtext

import (
	"fmt"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

func findTag(w *kojisim.System, name string) (*kojisim.Tag, error) {
	if t := w.TagByName(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no tag %q", name)
}

// findUser finds a user; no name stands for the first one.
func findUser(w *kojisim.System, name string) (*kojisim.User, error) {
	if name == "" && len(w.Users) > 0 {
		return w.Users[0], nil
	}
	if u := w.UserByName(name); u != nil {
		return u, nil
	}
	return nil, fmt.Errorf("no user %q", name)
}
