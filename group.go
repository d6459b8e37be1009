package koschei

import (
	"fmt"
	"strings"
)

// A Group is a named set of base packages. A global group has no namespace;
// any other lives in the namespace of the user who made it.
type Group struct {
	ID        int64
	Namespace string
	Name      string
	Packages  int // members that are not blocked everywhere
}

// FullName returns the name used in URLs, messages and commands.
func (g Group) FullName() string {
	if g.Namespace == "" {
		return g.Name
	}
	return g.Namespace + "/" + g.Name
}

// ParseGroupName splits "namespace/name" or "name". Errors wrap ErrInvalid.
func ParseGroupName(full string) (namespace, name string, err error) {
	namespace, name, found := strings.Cut(full, "/")
	if !found {
		namespace, name = "", full
	} else if err := ValidateName("user", namespace); err != nil {
		return "", "", fmt.Errorf("group %q: %w", full, err)
	}
	if err := ValidateName("group", name); err != nil {
		return "", "", err
	}
	return namespace, name, nil
}
