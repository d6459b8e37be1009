package koji

import "context"

// The changes below set up tags and targets. They need rights of administration
// at the hub; only a mirror of another hub's tag (secondary mode) is made with
// them. Repeating one is a fault "already exists".

// An ExternalRepo is a repository outside the hub. $arch in URL is literal.
type ExternalRepo struct {
	ID   int64  `koji:"id"`
	Name string `koji:"name"`
	URL  string `koji:"url"`
}

// ExternalRepo returns an external repo; ErrNotFound if there is none.
func (c *Client) ExternalRepo(ctx context.Context, name string) (*ExternalRepo, error) {
	var repo *ExternalRepo
	if err := c.read(ctx, &repo, "getExternalRepo", name); err != nil {
		return nil, err
	}
	if repo == nil {
		return nil, notFound("external repo", name)
	}
	return repo, nil
}

// A TagExternalRepo is an external repo merged into the repos of a tag.
type TagExternalRepo struct {
	ID        int64  `koji:"external_repo_id"`
	Name      string `koji:"external_repo_name"`
	URL       string `koji:"url"`
	MergeMode string `koji:"merge_mode"`
	Priority  int    `koji:"priority"`
	Arches    Words  `koji:"arches"`
}

// TagExternalRepos returns the external repos set on a tag itself.
func (c *Client) TagExternalRepos(ctx context.Context, tag string) ([]TagExternalRepo, error) {
	return readList[TagExternalRepo](ctx, c, "getTagExternalRepos", tag)
}

// CreateExternalRepo makes an external repo known.
func (c *Client) CreateExternalRepo(ctx context.Context, name, url string) (*ExternalRepo, error) {
	var repo ExternalRepo
	err := c.session.changeOnce(ctx, &repo, "createExternalRepo", name, url)
	return &repo, err
}

// AddExternalRepo merges an external repo into a tag, in mode "koji" or "bare".
func (c *Client) AddExternalRepo(ctx context.Context, tag, repo string, priority int, mode string) error {
	var nothing any
	return c.session.changeOnce(ctx, &nothing, "addExternalRepoToTag", tag, repo, priority, named("merge_mode", mode))
}

// RemoveExternalRepo takes an external repo out of a tag.
func (c *Client) RemoveExternalRepo(ctx context.Context, tag, repo string) error {
	var nothing any
	return c.session.changeOnce(ctx, &nothing, "removeExternalRepoFromTag", tag, repo)
}

// CreateTag makes a tag and returns its id. Its arches are separated by
// spaces.
func (c *Client) CreateTag(ctx context.Context, name, arches string) (int64, error) {
	var id int64
	err := c.session.changeOnce(ctx, &id, "createTag", name, named("arches", arches))
	return id, err
}

// CreateBuildTarget makes a build target.
func (c *Client) CreateBuildTarget(ctx context.Context, name, buildTag, destTag string) error {
	var nothing any
	return c.session.changeOnce(ctx, &nothing, "createBuildTarget", name, buildTag, destTag)
}

// AddGroup adds a group to a tag.
func (c *Client) AddGroup(ctx context.Context, tag, group string) error {
	var nothing any
	return c.session.changeOnce(ctx, &nothing, "groupListAdd", tag, group)
}

// AddGroupPackage adds a package to a group of a tag.
func (c *Client) AddGroupPackage(ctx context.Context, tag, group, pkg string) error {
	var nothing any
	return c.session.changeOnce(ctx, &nothing, "groupPackageListAdd", tag, group, pkg)
}
