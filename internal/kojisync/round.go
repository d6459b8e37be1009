package kojisync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/asked"
)

// A Round is one turn through all collections, in which a hub is asked the same
// thing once. Of a destination tag it is asked what has changed since the event
// up to which the record knows it; only now and then, and when that is not
// known or is too much, for everything.
type Round struct {
	sync   *Sync
	full   time.Duration
	events map[koschei.Hub]span // the hubs' last, when the round first asked them
	tag    *tagNews             // of the tag that was asked about last
}

// DefaultFull is how often everything is asked for, in domain time, so that what
// was missed by mistake is put right.
const DefaultFull = 6 * time.Hour

// many is how many packages are asked for one by one at most.
const many = 500

// NewRound begins a round that asks for everything of a tag if that was done
// full ago; 0 is DefaultFull.
func (s *Sync) NewRound(full time.Duration) *Round {
	if full == 0 {
		full = DefaultFull
	}
	return &Round{sync: s, full: full, events: map[koschei.Hub]span{}}
}

// A span is a hub's last event, and one before which no change is still under way.
// Koji numbers a change when it begins, and it can be seen when it is
// committed: a multicall commits all at its end.
type span struct{ event, settled int64 }

// longestChange is how long a change at the hub may take. Its calls take minutes.
const longestChange = time.Hour

func spanOf(ctx context.Context, hub *koji.Client) (s span, err error) {
	last, err := hub.LastEvent(ctx)
	if err != nil {
		return s, err
	}
	before, err := hub.EventsBefore(ctx, []time.Time{last.At.Add(-longestChange)})
	if err != nil {
		return s, err
	}
	return span{last.ID, before[0].ID}, nil
}

// tagNews are answers about one tag. Those about everything in it are large, so
// they are kept only until another tag is asked about.
type tagNews struct {
	hub     koschei.Hub
	client  *koji.Client
	span    // before any of the other questions
	name    string
	lineage *koji.Lineage

	packages []koji.ListedPackage
	builds   []koji.TaggedBuild
	changed  map[int64][]koji.PackageChange // since an event
	moved    bool                           // something changed since any of these
	some     someNews
}

// someNews are answers about some packages of a tag.
type someNews struct {
	names    []string
	listings []koji.Listings
	taggings []koji.Taggings
}

// Destination makes a collection's packages and real builds follow its
// destination tag, as PackageList and TaggedBuilds do, without asking for what
// has not changed. A package that the hub does not want to speak about is asked
// about again in the next round.
func (r *Round) Destination(ctx context.Context, c *koschei.Collection) error {
	news, err := r.news(ctx, c)
	if err != nil {
		return err
	}
	cursor, err := r.sync.DB.Hub.TagCursor(ctx, c.ID)
	if err != nil {
		return err
	}
	now := r.sync.Now()
	next := &asked.TagCursor{CollectionID: c.ID, Basis: basisOf(c, news), Event: news.event, FullAt: now}
	all := cursor == nil || cursor.Basis != next.Basis || cursor.Event > news.event
	proof := !all && now.Sub(cursor.FullAt) >= r.full // everything is asked for, though the changes are known
	if all {
		cursor = &asked.TagCursor{Event: news.event}
	}
	changed, err := news.since(ctx, min(cursor.Event, news.settled))
	if err != nil {
		return fmt.Errorf("changes of tag %s: %w", c.DestTag, err)
	}
	for _, change := range changed {
		next.Seen = append(next.Seen, change.Mark)
	}
	var names []string
	if !all {
		if names, err = r.names(ctx, c, news, changed, cursor); err != nil {
			return err
		}
		all = len(names) > many
	}
	switch {
	case all:
		next.Pending, err = r.everything(ctx, c, news)
	case proof:
		next.Pending, err = r.proven(ctx, c, news, names)
	default:
		next.FullAt = cursor.FullAt
		next.Pending, err = r.someOf(ctx, c, news, names)
	}
	if errors.Is(err, record.ErrDoubted) {
		// The next round looks again.
		return r.sync.undoubted(ctx, c, err)
	}
	if err != nil {
		return err
	}
	return r.sync.DB.Hub.SaveTagCursor(ctx, next)
}

// basisOf is what has to be the same for a cursor to say anything.
func basisOf(c *koschei.Collection, n *tagNews) string {
	return fmt.Sprintf("%s %s %s untracked=%t", n.hub, n.name, n.lineage.Digest, c.PollUntracked)
}

func (r *Round) news(ctx context.Context, c *koschei.Collection) (*tagNews, error) {
	name, client, err := r.sync.sourceHub(c)
	if err != nil {
		return nil, err
	}
	if r.tag != nil && r.tag.hub == name && r.tag.name == c.DestTag {
		return r.tag, nil
	}
	r.tag = nil
	if _, known := r.events[name]; !known {
		if r.events[name], err = spanOf(ctx, client); err != nil {
			return nil, err
		}
	}
	n := &tagNews{hub: name, client: client, span: r.events[name], name: c.DestTag, changed: map[int64][]koji.PackageChange{}}
	if n.lineage, err = client.Lineage(ctx, c.DestTag); err != nil {
		return nil, fmt.Errorf("destination tag %s: %w", c.DestTag, err)
	}
	r.tag = n
	return n, nil
}

// names are the packages to ask about: those that changed, those that could not
// be spoken about, and those whose builds were not recorded before they were
// tracked.
func (r *Round) names(ctx context.Context, c *koschei.Collection, news *tagNews, changed []koji.PackageChange, cursor *asked.TagCursor) ([]string, error) {
	seen := map[string]bool{}
	for _, mark := range cursor.Seen {
		seen[mark] = true
	}
	names := slices.Clone(cursor.Pending)
	for _, change := range changed {
		if !seen[change.Mark] {
			names = append(names, change.Name)
		}
	}
	if news.moved {
		drafts, err := r.sync.DB.DraftPackages(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		names = append(names, drafts...) // that one was promoted is in no history
	}
	if !c.PollUntracked {
		unrecorded, err := r.sync.DB.UnrecordedPackages(ctx, c.ID, many)
		if err != nil {
			return nil, err
		}
		names = append(names, unrecorded...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// since returns what has changed of packages after an event.
func (n *tagNews) since(ctx context.Context, event int64) ([]koji.PackageChange, error) {
	if changes, known := n.changed[event]; known {
		return changes, nil
	}
	changed, err := n.client.TagsChanged(ctx, event, n.lineage.IDs)
	if err != nil {
		return nil, err
	}
	var changes []koji.PackageChange
	n.moved = n.moved || changed
	if changed {
		if changes, err = n.client.ChangedPackages(ctx, event, n.lineage.Names); err != nil {
			return nil, err
		}
	}
	n.changed[event] = changes
	return changes, nil
}

// everything asks for all of the tag.
func (r *Round) everything(ctx context.Context, c *koschei.Collection, n *tagNews) (left []string, err error) {
	if n.packages == nil {
		if n.packages, err = listPackages(ctx, n.client, n.name); err != nil {
			return nil, err
		}
	}
	doubt := r.sync.savePackageList(ctx, c, n.packages, nil)
	if doubt != nil && !errors.Is(doubt, record.ErrDoubted) {
		return nil, doubt
	}
	if n.builds == nil {
		if n.builds, err = listTagged(ctx, n.client, n.name); err != nil {
			return nil, err
		}
	}
	left, err = r.sync.saveTagged(ctx, c, n.builds, nil, n.event)
	return left, cmp.Or(err, doubt)
}

// someOf asks for some packages of the tag.
func (r *Round) someOf(ctx context.Context, c *koschei.Collection, n *tagNews, names []string) (left []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	if !slices.Equal(n.some.names, names) {
		some := someNews{names: names}
		if some.listings, err = n.client.ListPackagesNamed(ctx, n.name, names); err != nil {
			return nil, fmt.Errorf("%d packages in the list of tag %s: %w", len(names), n.name, err)
		}
		if some.taggings, err = n.client.LatestTagged(ctx, n.name, names); err != nil {
			return nil, fmt.Errorf("builds of %d packages in tag %s: %w", len(names), n.name, err)
		}
		n.some = some
	}
	unlisted, doubt := r.sync.saveListings(ctx, c, names, n.some.listings)
	if doubt != nil && !errors.Is(doubt, record.ErrDoubted) {
		return nil, doubt
	}
	untagged, err := r.sync.saveTaggings(ctx, c, names, n.some.taggings, n.event)
	return slices.Compact(slices.Sorted(slices.Values(append(unlisted, untagged...)))), cmp.Or(err, doubt)
}

// ByTag orders collections so that those that share a destination tag follow
// each other.
func ByTag(a, b koschei.Collection) int {
	return strings.Compare(string(a.SourceHub())+" "+a.DestTag, string(b.SourceHub())+" "+b.DestTag)
}
