package koji

import "context"

// A ListedPackage is an entry of a tag's package list.
type ListedPackage struct {
	ID          int64  `koji:"package_id"`
	Name        string `koji:"package_name"`
	Blocked     bool   `koji:"blocked"`
	Owner       string `koji:"owner_name"`
	ExtraArches Words  `koji:"extra_arches"`
	Tag         string `koji:"tag_name"` // that lists it, perhaps one inherited from
}

// ListPackages returns the package list of a tag with what it inherits, the
// blocked packages among them. An unknown tag is a fault.
func (c *Client) ListPackages(ctx context.Context, tag string) ([]ListedPackage, error) {
	return readList[ListedPackage](ctx, c, "listPackages", named("tagID", tag, "inherited", true))
}
