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

// HasLogin says whether a way to log in is configured.
func (c *Client) HasLogin() bool { return c.config.Login.ways() > 0 }

// Permissions returns the names of the permissions of the user that the session
// belongs to, such as admin or regen-repo.
func (c *Client) Permissions(ctx context.Context) ([]string, error) {
	var names []string
	err := c.session.change(ctx, &names, "getPerms")
	return names, err
}
