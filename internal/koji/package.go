package koji

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

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

// Listings are the entries of one package in a package list, or why they are
// not known.
type Listings struct {
	Entries []ListedPackage
	Err     error
}

// ListPackagesNamed returns what the package list of a tag says of packages, in
// the order of the names. A package that the hub does not have is a fault of
// its own, an unknown tag one of each.
func (c *Client) ListPackagesNamed(ctx context.Context, tag string, names []string) ([]Listings, error) {
	calls := make([]xmlrpc.Call, len(names))
	for i, name := range names {
		calls[i] = xmlrpc.Call{Method: "listPackages", Params: []any{named("tagID", tag, "pkgID", name, "inherited", true)}}
	}
	results, err := c.Multicall(ctx, calls)
	if err != nil {
		return nil, err
	}
	listings := make([]Listings, len(names))
	for i, r := range results {
		if err := resultOf(r, &listings[i].Entries); err != nil {
			listings[i] = Listings{Err: fmt.Errorf("package %s in the list of tag %s: %w", names[i], tag, err)}
		}
	}
	return listings, nil
}
