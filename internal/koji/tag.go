package koji

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A Target says where builds get their buildroot from and where they go.
type Target struct {
	ID         int64  `koji:"id"`
	Name       string `koji:"name"`
	BuildTagID int64  `koji:"build_tag"`
	BuildTag   string `koji:"build_tag_name"`
	DestTagID  int64  `koji:"dest_tag"`
	DestTag    string `koji:"dest_tag_name"`
}

// BuildTarget returns a build target; ErrNotFound if there is none.
func (c *Client) BuildTarget(ctx context.Context, name string) (*Target, error) {
	var target *Target
	if err := c.read(ctx, &target, "getBuildTarget", name); err != nil {
		return nil, err
	}
	if target == nil {
		return nil, notFound("build target", name)
	}
	return target, nil
}

// A Tag is a named set of builds.
type Tag struct {
	ID     int64         `koji:"id"`
	Name   string        `koji:"name"`
	Arches Words         `koji:"arches"` // nil if not set on the tag itself
	Locked bool          `koji:"locked"`
	Extra  xmlrpc.Struct `koji:"extra"` // settings of mock and macros
}

// Words are written by the hub as one string, separated by spaces.
type Words []string

// UnmarshalXMLRPC implements xmlrpc.Unmarshaler.
func (w *Words) UnmarshalXMLRPC(value any) error {
	*w = nil
	if value == nil {
		return nil
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%T where words were expected", value)
	}
	if words := strings.Fields(text); len(words) > 0 {
		*w = words
	}
	return nil
}

// Tag returns a tag; ErrNotFound if there is none. Its arches are only those
// set on the tag itself: for a build tag see BuildConfig.
func (c *Client) Tag(ctx context.Context, name string) (*Tag, error) {
	var tag *Tag
	if err := c.read(ctx, &tag, "getTag", name); err != nil {
		return nil, err
	}
	if tag == nil {
		return nil, notFound("tag", name)
	}
	return tag, nil
}

// An Inheritance says that a tag has what another one has.
type Inheritance struct {
	Tag   string `koji:"name"` // inherited from
	TagID int64  `koji:"parent_id"`
	Depth int    `koji:"currdepth"` // 1 for what the tag itself inherits from

	ChildID      int64  `koji:"child_id"` // which inherits
	Priority     int    `koji:"priority"` // of several parents; the lowest first
	MaxDepth     int    `koji:"maxdepth"` // of what is inherited through it; 0 if it has no limit
	Intransitive bool   `koji:"intransitive"`
	Filter       string `koji:"pkg_filter"` // of the names of packages
}

// FullInheritance returns the tags that a tag inherits from, directly or not.
// One may come more than once. An unknown tag is a fault.
func (c *Client) FullInheritance(ctx context.Context, tag string) ([]Inheritance, error) {
	return readList[Inheritance](ctx, c, "getFullInheritance", tag)
}

// BuildConfig returns a build tag with what it inherits: arches and settings.
// An unknown tag is a fault.
func (c *Client) BuildConfig(ctx context.Context, tag string) (*Tag, error) {
	var config Tag
	if err := c.read(ctx, &config, "getBuildConfig", tag); err != nil {
		return nil, err
	}
	return &config, nil
}

// A Group is a named set of packages of a build tag.
type Group struct {
	Name     string          `koji:"name"`
	Blocked  bool            `koji:"blocked"`
	Packages []GroupPackage  `koji:"packagelist"`
	Requires []RequiredGroup `koji:"grouplist"`
}

// A GroupPackage is a member of a Group. Mock installs mandatory and default
// ones.
type GroupPackage struct {
	Name    string `koji:"package"`
	Type    string `koji:"type"` // mandatory, default, optional, conditional
	Blocked bool   `koji:"blocked"`
}

// A RequiredGroup is a group whose members belong to another one too.
type RequiredGroup struct {
	Name    string `koji:"name"`
	Blocked bool   `koji:"blocked"`
}

// TagGroups returns the groups of a tag as of an event, 0 for now. What a group
// requires is not expanded.
func (c *Client) TagGroups(ctx context.Context, tag string, event int64) ([]Group, error) {
	params := []any{tag}
	if event != 0 {
		params = append(params, named("event", event))
	}
	return readList[Group](ctx, c, "getTagGroups", params...)
}

// BuildGroup returns the names of the packages that a group brings into a
// buildroot, sorted: its own and those of all groups it requires, as the hub
// itself expands them when it writes a repo's comps.xml. ErrNotFound if the tag
// has no such group.
func (c *Client) BuildGroup(ctx context.Context, tag, group string, event int64) ([]string, error) {
	groups, err := c.TagGroups(ctx, tag, event)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*Group, len(groups))
	for i := range groups {
		byName[groups[i].Name] = &groups[i]
	}
	if byName[group] == nil {
		return nil, notFound("group", group)
	}
	return membersOf(byName, group), nil
}

func membersOf(groups map[string]*Group, name string) []string {
	names := []string{}
	needed := []string{name}
	seen := map[string]bool{name: true}
	for len(needed) > 0 {
		g := groups[needed[0]]
		needed = needed[1:]
		if g == nil || g.Blocked {
			continue // comps.xml leaves it out as well
		}
		for _, p := range g.Packages {
			if !p.Blocked && (p.Type == "mandatory" || p.Type == "default") {
				names = append(names, p.Name)
			}
		}
		for _, r := range g.Requires {
			if !r.Blocked && !seen[r.Name] {
				seen[r.Name] = true
				needed = append(needed, r.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A Tagging says that a build was put into a tag, and perhaps taken out again.
type Tagging struct {
	BuildID   int64     `koji:"build_id"`
	Name      string    `koji:"name"`
	Epoch     *int      `koji:"epoch"`
	Version   string    `koji:"version"`
	Release   string    `koji:"release"`
	TagID     int64     `koji:"tag_id"`
	Tag       string    `koji:"tag.name"`
	Active    bool      `koji:"active"`
	Created   int64     `koji:"create_event"`
	CreatedAt time.Time `koji:"create_ts"`
	Revoked   int64     `koji:"revoke_event"` // 0 while tagged
	RevokedAt time.Time `koji:"revoke_ts"`
}

// BuildTaggings returns when each of some builds came into tags and left them,
// by the builds' places, in the order of the events. A build that the hub does
// not have was never tagged.
func (c *Client) BuildTaggings(ctx context.Context, buildIDs []int64) ([][]Tagging, error) {
	calls := make([]xmlrpc.Call, len(buildIDs))
	for i, id := range buildIDs {
		calls[i] = xmlrpc.Call{
			Method: "queryHistory", Params: []any{named("tables", []string{"tag_listing"}, "build", id)},
		}
	}
	type history struct {
		Listing []Tagging `koji:"tag_listing"`
	}
	histories, err := lookUps[history](ctx, c, calls, buildChunk)
	if err != nil {
		return nil, err
	}
	taggings := make([][]Tagging, len(histories))
	for i, h := range histories {
		sortTaggings(h.Listing)
		taggings[i] = h.Listing
	}
	return taggings, nil
}

func sortTaggings(taggings []Tagging) {
	slices.SortStableFunc(taggings, func(a, b Tagging) int { return cmp.Compare(a.Created, b.Created) })
}

// A Lineage is a tag with all it inherits from, which together decide what
// listings of it say.
type Lineage struct {
	Names  []string // the tag's first
	IDs    []int64  // in the same order
	Digest string   // another one if anything about the inheritance is
}

// Lineage returns the lineage of a tag. An unknown tag is a fault.
func (c *Client) Lineage(ctx context.Context, tag string) (*Lineage, error) {
	var self Tag
	if err := c.read(ctx, &self, "getTag", tag, named("strict", true)); err != nil {
		return nil, err
	}
	links, err := c.FullInheritance(ctx, tag)
	if err != nil {
		return nil, err
	}
	l := &Lineage{Names: []string{self.Name}, IDs: []int64{self.ID}}
	digest := sha256.New()
	for i := range links {
		link := &links[i]
		_, _ = fmt.Fprintln(digest, link.ChildID, link.TagID, link.Priority, link.MaxDepth, link.Intransitive, link.Filter)
		if !slices.Contains(l.IDs, link.TagID) {
			l.Names, l.IDs = append(l.Names, link.Tag), append(l.IDs, link.TagID)
		}
	}
	l.Digest = fmt.Sprintf("%d:%x", self.ID, digest.Sum(nil)[:8])
	return l, nil
}

// TagsChanged tells whether anything about tags has changed after an event.
// What they inherit from is not looked at.
func (c *Client) TagsChanged(ctx context.Context, event int64, ids []int64) (changed bool, err error) {
	err = c.read(ctx, &changed, "tagChangedSinceEvent", event, ids)
	return changed, err
}

// A PackageChange is a change of a package's builds or entry in a tag.
type PackageChange struct {
	Name string // of the package
	Mark string // another one for each change
}

// ChangedPackages returns what has changed after an event of packages' builds in
// tags, and of their entries in the tags' package lists, each once, by name.
func (c *Client) ChangedPackages(ctx context.Context, event int64, tags []string) ([]PackageChange, error) {
	calls := make([]xmlrpc.Call, len(tags))
	for i, tag := range tags {
		args := named("tables", []string{"tag_listing", "tag_packages"}, "tag", tag, "afterEvent", event)
		calls[i] = xmlrpc.Call{Method: "queryHistory", Params: []any{args}}
	}
	type history struct {
		Listing []struct {
			Name    string `koji:"name"`
			BuildID int64  `koji:"build_id"`
			Release string `koji:"release"`
			Created int64  `koji:"create_event"`
			Revoked int64  `koji:"revoke_event"`
		} `koji:"tag_listing"`
		Packages []struct {
			Name    string `koji:"package.name"`
			Created int64  `koji:"create_event"`
			Revoked int64  `koji:"revoke_event"`
		} `koji:"tag_packages"`
	}
	histories, err := lookUps[history](ctx, c, calls, buildChunk)
	if err != nil {
		return nil, err
	}
	changes := []PackageChange{}
	for i, h := range histories {
		for _, l := range h.Listing {
			changes = append(changes, PackageChange{l.Name, fmt.Sprint(tags[i], " ", l.BuildID, " ", l.Release, " ", l.Created, " ", l.Revoked)})
		}
		for _, p := range h.Packages {
			changes = append(changes, PackageChange{p.Name, fmt.Sprint(tags[i], " list ", p.Name, " ", p.Created, " ", p.Revoked)})
		}
	}
	slices.SortFunc(changes, func(a, b PackageChange) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Mark, b.Mark)) })
	return slices.Compact(changes), nil
}

// InheritedTags returns the names of the tags that a tag inherits from, near
// or far. An unknown tag is a fault.
func (c *Client) InheritedTags(ctx context.Context, tag string) ([]string, error) {
	type link struct {
		Parent string `koji:"name"`
	}
	links, err := readList[link](ctx, c, "getFullInheritance", tag)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(links))
	for i, l := range links {
		names[i] = l.Parent
	}
	return names, nil
}
