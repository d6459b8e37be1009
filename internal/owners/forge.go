package owners

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
)

// A Forge is the Source of an organisation at a Forgejo, such as dist-git's rpms: its
// repositories are packages, whose owners are their collaborators and teams. A team
// that owns the whole organisation is nobody in particular.
//
// It asks twice for each repository. What it was told with an ETag it keeps, so that it
// is not sent again while nothing changes.
type Forge struct {
	URL    string // of the organisation, as https://src.example.org/rpms
	Client *http.Client

	mu    sync.Mutex
	known map[string]forgeList // by address
}

// A forgeList are names that a forge has told.
type forgeList struct {
	tag   string
	names []string
}

const (
	forgeTime     = 30 * time.Minute
	forgePage     = 50      // what forges send at once, at most
	mostForgeList = 1 << 20 // bytes of a page
	mostForgeRepo = 200_000
	forgeAtOnce   = 4 // requests
)

// Address implements Source.
func (f *Forge) Address() string { return f.URL }

// Owners implements Source. The tag is a hash of the answer.
func (f *Forge) Owners(ctx context.Context, known string) (owners map[string][]string, tag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, forgeTime)
	defer cancel()
	at, err := url.Parse(f.URL)
	if err != nil {
		return nil, "", err
	}
	org := path.Base(at.Path)
	api := &url.URL{Scheme: at.Scheme, Host: at.Host, Path: path.Dir(strings.TrimSuffix(at.Path, "/"))}
	api = api.JoinPath("api", "v1")
	repos, err := f.all(ctx, api.JoinPath("orgs", org, "repos"))
	if err != nil {
		return nil, "", err
	}
	owners, err = f.ownersOf(ctx, api.JoinPath("repos", org), repos)
	if err != nil {
		return nil, "", err
	}
	if tag = hashOf(owners); tag == known {
		return nil, known, errSame
	}
	return owners, tag, nil
}

// ownersOf asks for the owners of repositories. One that does not answer fails all: a
// package is not taken from its owners because of that.
func (f *Forge) ownersOf(ctx context.Context, api *url.URL, repos []string) (map[string][]string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	found := make([][]string, len(repos))
	places := make(chan struct{}, forgeAtOnce)
	var asking sync.WaitGroup
	for i, repo := range repos {
		if koschei.ValidateName("package", repo) != nil {
			continue
		}
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			if ctx.Err() != nil {
				return
			}
			people, err := f.all(ctx, api.JoinPath(repo, "collaborators"))
			if err == nil {
				var teams []string
				teams, err = f.all(ctx, api.JoinPath(repo, "teams"))
				for _, team := range teams {
					people = append(people, "@"+team)
				}
			}
			if err != nil {
				cancel(err)
				return
			}
			found[i] = people
		})
	}
	asking.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	owners := map[string][]string{}
	for i, repo := range repos {
		for _, person := range found[i] {
			if person != orphan && koschei.ValidateName("owner", strings.TrimPrefix(person, "@")) == nil {
				owners[repo] = append(owners[repo], person)
			}
		}
	}
	return owners, nil
}

// all returns the names of a list, of all its pages, each once and in their order.
func (f *Forge) all(ctx context.Context, list *url.URL) (names []string, err error) {
	for page := 1; page <= mostForgeRepo/forgePage; page++ {
		at := *list
		at.RawQuery = url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(forgePage)}}.Encode()
		some, err := f.page(ctx, at.String())
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			slices.Sort(names)
			return slices.Compact(names), nil
		}
		names = append(names, some...)
	}
	return nil, fmt.Errorf("%s has more than %d entries", list, mostForgeRepo)
}

// page returns the names of one page, or those that it had before if they are the same.
func (f *Forge) page(ctx context.Context, address string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Koschei")
	req.Header.Set("Accept", "application/json")
	f.mu.Lock()
	known, have := f.known[address]
	f.mu.Unlock()
	if have {
		req.Header.Set("If-None-Match", known.tag)
	}
	resp, err := f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read as far as it matters
	switch {
	case resp.StatusCode == http.StatusNotModified && have:
		return known.names, nil
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers with status %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostForgeList+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", address, err)
	}
	names, err := namesIn(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	f.keep(address, forgeList{resp.Header.Get("ETag"), names})
	return names, nil
}

func (f *Forge) keep(address string, l forgeList) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]forgeList{}
	}
	delete(f.known, address)
	if l.tag != "" {
		f.known[address] = l
	}
}

// namesIn reads the names of people, teams or repositories. What says that it owns the
// organisation is left out.
func namesIn(body []byte) (names []string, err error) {
	var list []struct{ Login, Name, Permission string }
	if len(body) > mostForgeList {
		return nil, fmt.Errorf("it is longer than the %d bytes allowed", mostForgeList)
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("it is no list: %w", err)
	}
	for _, entry := range list {
		name := entry.Login
		if name == "" {
			name = entry.Name
		}
		if name == "" {
			return nil, errors.New("an entry has no name")
		}
		if entry.Permission != "owner" {
			names = append(names, name)
		}
	}
	return names, nil
}

// hashOf tells answers apart.
func hashOf(owners map[string][]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		_, _ = fmt.Fprintf(h, "%s %s\n", name, strings.Join(owners[name], " ")) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}
