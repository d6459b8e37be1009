package koji

import "context"

// A User is an account at the hub.
type User struct {
	ID   int64  `koji:"id"`
	Name string `koji:"name"`
}

// LoggedInUser returns the user that the session belongs to.
func (c *Client) LoggedInUser(ctx context.Context) (*User, error) {
	var user *User
	if err := c.session.change(ctx, &user, "getLoggedInUser"); err != nil {
		return nil, err
	}
	if user == nil {
		return nil, notFound("logged in user", "")
	}
	return user, nil
}
