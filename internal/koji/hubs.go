package koji

import (
	"context"
	"errors"

	"github.com/koschei-ci/koschei"
)

// Hubs are the hubs that there are. Scratch builds run on the primary one; what
// a collection is made of, that is its packages, builds and repos, is read from
// its source hub: the secondary one if the collection is in secondary mode.
type Hubs struct {
	Primary   *Client
	Secondary *Client // nil if there is none
}

// ErrNoSecondary is the error of asking for the secondary hub where there is
// none.
var ErrNoSecondary = errors.New("no secondary hub is configured")

// Client returns the client of a hub.
func (h Hubs) Client(hub koschei.Hub) (*Client, error) {
	if hub != koschei.Secondary {
		return h.Primary, nil
	}
	if h.Secondary == nil {
		// The primary hub may have tags of the same names with other things in them.
		return nil, ErrNoSecondary
	}
	return h.Secondary, nil
}

// Source returns the client of a collection's source hub.
func (h Hubs) Source(c *koschei.Collection) (*Client, error) { return h.Client(c.SourceHub()) }

// Close ends the sessions at the hubs.
func (h Hubs) Close(ctx context.Context) error {
	err := h.Primary.Close(ctx)
	if h.Secondary != nil {
		err = errors.Join(err, h.Secondary.Close(ctx))
	}
	return err
}
