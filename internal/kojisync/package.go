package kojisync

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

// PackageList makes a collection's packages follow the package list of its
// destination tag: new ones are added, not tracked; blocked ones and those no
// longer listed are blocked, others unblocked.
func (s *Sync) PackageList(ctx context.Context, c *koschei.Collection) error {
	_, hub, err := s.sourceHub(c)
	if err != nil {
		return err
	}
	listed, err := listPackages(ctx, hub, c.DestTag)
	if err != nil {
		return err
	}
	return s.undoubted(ctx, c, s.savePackageList(ctx, c, listed, nil))
}

// listPackages returns the whole package list of a tag.
func listPackages(ctx context.Context, hub *koji.Client, tag string) ([]koji.ListedPackage, error) {
	listed, err := hub.ListPackages(ctx, tag)
	if err == nil && len(listed) == 0 {
		// Far more likely somebody's mistake than a distribution without
		// packages, and to believe it would block everything.
		err = errEmpty
	}
	if err != nil {
		return nil, fmt.Errorf("package list of tag %s: %w", tag, err)
	}
	return listed, nil
}

// PackagesListed does for some packages, each named once, what PackageList does
// for all. One that the hub does not want to speak about stays as it is.
func (s *Sync) PackagesListed(ctx context.Context, c *koschei.Collection, names []string) error {
	_, hub, err := s.sourceHub(c)
	if err != nil {
		return err
	}
	listings, err := hub.ListPackagesNamed(ctx, c.DestTag, names)
	if err != nil {
		return fmt.Errorf("%d packages in the list of tag %s: %w", len(names), c.DestTag, err)
	}
	_, err = s.saveListings(ctx, c, names, listings)
	return s.undoubted(ctx, c, err)
}

// saveListings stores what a package list says of some packages. It returns
// those of which that is not known.
func (s *Sync) saveListings(ctx context.Context, c *koschei.Collection, names []string, listings []koji.Listings) (left []string, err error) {
	var listed []koji.ListedPackage
	about := []string{}
	for i, l := range listings {
		if l.Err != nil {
			s.Log.WarnContext(ctx, "entry of a package list not known", "collection", c.Name, "package", names[i], "error", l.Err)
			left = append(left, names[i])
			continue
		}
		about = append(about, names[i])
		listed = append(listed, l.Entries...)
	}
	return left, s.savePackageList(ctx, c, listed, about)
}

// savePackageList stores what a package list says about some packages, all if
// about is nil.
func (s *Sync) savePackageList(ctx context.Context, c *koschei.Collection, listed []koji.ListedPackage, about []string) error {
	blocked := map[string]bool{}
	for _, p := range listed {
		was, twice := blocked[p.Name]
		blocked[p.Name] = p.Blocked && (was || !twice) // one entry that is not blocked suffices
	}
	list := record.PackageListing{Names: slices.Sorted(maps.Keys(blocked)), About: about}
	for _, name := range list.Names {
		list.Blocked = append(list.Blocked, blocked[name])
	}
	report, err := s.DB.SavePackageList(ctx, c.ID, list, s.Now())
	if report != (record.PackageListReport{}) {
		s.Log.InfoContext(ctx, "package list changed", "collection", c.Name,
			"added", report.Added, "blocked", report.Blocked, "unblocked", report.Unblocked)
	}
	return err
}
