package koji

import (
	"context"
	"slices"
	"time"
)

// keyPage is the number of tasks looked through at a time.
const keyPage = 200

// TasksByKey returns the builds of our user that carry a key, the oldest first,
// among those submitted since a time of the hub's clock. More than one means
// that a submission was made twice.
//
// After ErrOutcomeUnknown the answer "none" is only good once CallLimit has
// passed since the submission failed: until then the hub may still be at it.
func (c *Client) TasksByKey(ctx context.Context, key string, since time.Time) ([]Task, error) {
	found := []Task{}
	for offset := 0; ; offset += keyPage {
		page, err := c.ourBuilds(ctx, since, offset)
		if err != nil {
			return nil, err
		}
		// Builds submitted meanwhile push the others to the next page, so one may
		// come twice, but none is missed.
		for _, t := range page {
			known := slices.ContainsFunc(found, func(f Task) bool { return f.ID == t.ID })
			if t.Key() == key && !known {
				found = append(found, t)
			}
		}
		if len(page) < keyPage {
			break
		}
	}
	slices.Reverse(found)
	return found, nil
}

// newestTasksByKey is TasksByKey for a build that was submitted just now.
func (c *Client) newestTasksByKey(ctx context.Context, key string) ([]Task, error) {
	page, err := c.ourBuilds(ctx, time.Time{}, 0)
	if err != nil {
		return nil, err
	}
	page = slices.DeleteFunc(page, func(t Task) bool { return t.Key() != key })
	slices.Reverse(page)
	return page, nil
}

func (c *Client) ourBuilds(ctx context.Context, since time.Time, offset int) ([]Task, error) {
	me, err := c.ourselves(ctx)
	if err != nil {
		return nil, err
	}
	return c.ListTasks(ctx, TaskQuery{
		OwnerID: me.ID, Method: "build", CreatedAfter: since,
		Limit: keyPage, Offset: offset,
	})
}

// ourselves is LoggedInUser, asked once.
func (c *Client) ourselves(ctx context.Context) (*User, error) {
	if me := c.me.Load(); me != nil {
		return me, nil
	}
	me, err := c.LoggedInUser(ctx)
	if err != nil {
		return nil, err
	}
	c.me.Store(me)
	return me, nil
}
