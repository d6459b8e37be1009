package resolution

import (
	"context"
	"path"
	"slices"
	"sync"

	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/repodata"
)

// Repos keeps the repositories that were used last in memory. It is safe for
// concurrent use; a repository that several ask for at once is loaded once.
type Repos struct {
	Files  *repodata.Cache
	Arch   string // whose packages are loaded
	Intern Intern
	Keep   int // repositories in memory; 0 is 2

	mu    sync.Mutex
	slots []*slot // used last first
}

// A slot is the place of one repository.
type slot struct {
	url  string
	turn chan struct{} // holds a token while nobody loads
	repo *Repo         // nil until it is loaded; changed by who has the token and the mutex
}

// Open returns the repository at a URL, in which the files can be asked for that
// Paths returns for what is to be resolved. What can be wrong with it is told by
// the errors of package repodata.
func (c *Repos) Open(ctx context.Context, url string, paths []string) (*Repo, error) {
	s := c.slot(url)
	err := loop.Aside(ctx, func() error { // who loads it may be waiting for its files
		select {
		case <-s.turn:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil {
		return nil, err
	}
	defer func() { s.turn <- struct{}{} }()
	if s.repo != nil && !s.repo.lacks(paths) {
		return s.repo, nil
	}
	repo, err := c.load(ctx, url, paths)
	if err != nil {
		c.drop(s)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.repo = repo
	return repo, nil
}

func (c *Repos) load(ctx context.Context, url string, paths []string) (*Repo, error) {
	files, err := c.Files.Open(ctx, url, url)
	if err != nil {
		return nil, err
	}
	if before := c.before(url); before != nil {
		return before.Next(ctx, files, c.Intern, paths)
	}
	return Load(ctx, files, c.Arch, c.Intern, paths)
}

// before returns the repository of the same tag that was used last, nil if
// there is none. Such have most packages in common.
func (c *Repos) before(url string) *Repo {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.slots {
		if s.repo != nil && tagOf(s.url) == tagOf(url) {
			return s.repo
		}
	}
	return nil
}

// tagOf is what the URLs of a tag's repos have in common: Koji's end with the
// number of the repo and the architecture.
func tagOf(url string) string { return path.Dir(path.Dir(url)) }

// slot finds or makes a repository's slot and moves it to the front. What is
// no longer kept stays in memory as long as somebody uses it.
func (c *Repos) slot(url string) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.slots, func(s *slot) bool { return s.url == url })
	var s *slot
	if i >= 0 {
		s = c.slots[i]
		c.slots = slices.Delete(c.slots, i, i+1)
	} else {
		s = &slot{url: url, turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
	}
	keep := c.Keep
	if keep == 0 {
		keep = 2
	}
	c.slots = slices.Insert(c.slots, 0, s)
	if len(c.slots) > keep {
		clear(c.slots[keep:])
		c.slots = c.slots[:keep]
	}
	return s
}

func (c *Repos) drop(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slots = slices.DeleteFunc(c.slots, func(other *slot) bool { return other == s })
}

// Forget makes the next Open of any URL load the repository anew: packages are
// not interned any more, and repositories pass their numbers on.
func (c *Repos) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.slots)
	c.slots = c.slots[:0]
}
