package watcher

import (
	"context"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// An inheritance remembers which tags the destination tags of collections
// inherit from. It holds an entry for each of these tags and no other.
type inheritance struct {
	hub   *koji.Client
	now   func() time.Time
	known map[string]ancestors // by destination tag
}

type ancestors struct {
	tags  map[string]bool
	asked time.Time
}

// fresh is how long an answer is believed. Inheritance changes when a
// distribution branches.
const fresh = 10 * time.Minute

// keep forgets what is of no collection.
func (in *inheritance) keep(collections []koschei.Collection) {
	known := map[string]ancestors{}
	for i := range collections {
		tag := collections[i].DestTag
		if a, ok := in.known[tag]; ok {
			known[tag] = a
		}
	}
	in.known = known
}

// follows tells whether what is in a tag is in a collection's destination tag
// as well.
func (in *inheritance) follows(ctx context.Context, c *koschei.Collection, tag string) (bool, error) {
	if c.SecondaryMode {
		return false, nil // its tags are the other hub's
	}
	if c.DestTag == tag {
		return true, nil
	}
	a, ok := in.known[c.DestTag]
	if !ok || in.now().Sub(a.asked) > fresh {
		asked := in.now()
		parents, err := in.hub.FullInheritance(ctx, c.DestTag)
		if err != nil && !refused(err) { // a tag that does not exist inherits nothing
			return false, fmt.Errorf("collection %s: inheritance of tag %s: %w", c.Name, c.DestTag, err)
		}
		a = ancestors{map[string]bool{}, asked}
		for _, p := range parents {
			a.tags[p.Tag] = true
		}
		in.known[c.DestTag] = a
	}
	return a.tags[tag], nil
}
