package kojisim

import (
	"fmt"
)

func findTag(w *System, name string) (*tag, error) {
	if t := w.tagByName(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no tag %q", name)
}

// findUser finds a user; no name stands for the first one.
func findUser(w *System, name string) (*user, error) {
	if name == "" && len(w.users) > 0 {
		return w.users[0], nil
	}
	if u := w.userByName(name); u != nil {
		return u, nil
	}
	return nil, fmt.Errorf("no user %q", name)
}
