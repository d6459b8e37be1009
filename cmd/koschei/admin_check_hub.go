package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/repodata"
)

// A hubCheck looks at the hubs, and at what is served below their addresses.
type hubCheck struct {
	*checkReport
	config config
	db     *store // nil if it has no tables yet
	hubs   koji.Hubs

	version koji.Version // of the hub that builds
}

// checkHub returns an error if the hub cannot be asked at all.
func (r *checkReport) checkHub(ctx context.Context, c config, db *store) error {
	return withHubs(ctx, c, func(hubs koji.Hubs) error {
		version, err := hubs.Primary.Version(ctx)
		if err != nil {
			return missing(fmt.Errorf("hub: %w", err))
		}
		h := &hubCheck{r, c, db, hubs, version}
		r.fine("hub: %s", version)
		for _, limit := range version.Limits() {
			r.fine("hub: %s", limit)
		}
		var collections []koschei.Collection
		if db != nil {
			if collections, err = db.Record.Collections(ctx); err != nil {
				return err
			}
		}
		h.user(ctx, slices.ContainsFunc(collections, func(c koschei.Collection) bool { return c.SecondaryMode }))
		h.secondary(ctx)
		var arches []string
		for i := range collections {
			arches = append(arches, h.collection(ctx, &collections[i])...)
		}
		h.arches(arches, len(collections) > 0)
		h.web(ctx, "koji.weburl", c.Koji.WebURL, c.Koji.CA)
		return nil
	})
}

// user checks who we are at the hub that builds, and what that user may.
func (h *hubCheck) user(ctx context.Context, secondaryMode bool) {
	if h.config.Koji.Login == "none" {
		h.fine("hub: no login is configured: nothing will be built")
		return
	}
	user, err := h.hubs.Primary.LoggedInUser(ctx)
	if err != nil {
		h.failure(missing(fmt.Errorf("hub: logging in: %w", err)))
		return
	}
	h.fine("hub: logged in as %s", user.Name)
	perms, err := h.hubs.Primary.Permissions(ctx)
	if err != nil {
		h.failure(missing(fmt.Errorf("hub: permissions of %s: %w", user.Name, err)))
		return
	}
	if len(perms) > 0 {
		h.fine("hub: permissions of %s: %s", user.Name, strings.Join(perms, ", "))
	}
	admin := slices.Contains(perms, "admin")
	if !h.version.MakesReposOnDemand() && !admin && !slices.Contains(perms, "regen-repo") {
		h.fine("hub: without the permission regen-repo no deleted repo is made again")
	}
	if secondaryMode && !admin {
		h.problem("hub: collections in secondary mode need the permission admin, which %s does not have", user.Name)
	}
	h.policy(ctx, admin)
}

// policy tells what is known of whether builds may choose their repos. Hubs do
// not tell their policies.
func (h *hubCheck) policy(ctx context.Context, admin bool) {
	var refused time.Time
	var err error
	if h.db != nil {
		refused, err = h.db.Record.PinningRefused(ctx)
	}
	switch {
	case err != nil:
		h.failure(err)
	case !refused.IsZero():
		h.problem("hub: the policy build_from_repo_id refused a build at %s; see docs/koji.md, and \"retry-pinning\" after it was changed",
			refused.UTC().Format("2006-01-02 15:04 UTC"))
	case admin:
		h.fine("hub: administrators may build in repos of their choice")
	default:
		h.fine("hub: no build was refused the repo of its choice so far; the first one shows what the policy build_from_repo_id says")
	}
}

func (h *hubCheck) secondary(ctx context.Context) {
	if h.hubs.Secondary == nil {
		return
	}
	version, err := h.hubs.Secondary.Version(ctx)
	if err != nil {
		h.failure(missing(fmt.Errorf("secondary hub: %w", err)))
		return
	}
	h.fine("secondary hub: %s", version)
	h.web(ctx, "secondary_koji.weburl", h.config.Secondary.WebURL, h.config.Secondary.CA)
}

// collection checks a collection and returns the architectures of its build tag.
func (h *hubCheck) collection(ctx context.Context, c *koschei.Collection) []string {
	hub, err := h.hubs.Source(c)
	if err != nil {
		h.problem("collection %s is in secondary mode, but %v", c.Name, err)
		return nil
	}
	target, err := hub.BuildTarget(ctx, c.Target)
	switch {
	case errors.Is(err, koschei.ErrNotFound):
		h.problem("collection %s: target %s does not exist at the hub", c.Name, c.Target)
		return nil
	case err != nil:
		h.failure(missing(fmt.Errorf("collection %s: looking up target %s: %w", c.Name, c.Target, err)))
		return nil
	case target.BuildTag != c.BuildTag:
		h.problem("collection %s: target %s now has the build tag %s, not %s", c.Name, c.Target, target.BuildTag, c.BuildTag)
	}
	if _, err := hub.Tag(ctx, c.DestTag); errors.Is(err, koschei.ErrNotFound) {
		h.problem("collection %s: its destination tag %s does not exist at the hub", c.Name, c.DestTag)
	} else if err != nil {
		h.failure(missing(fmt.Errorf("collection %s: looking up tag %s: %w", c.Name, c.DestTag, err)))
	}
	tag, err := hub.BuildConfig(ctx, c.BuildTag)
	if err != nil {
		h.failure(missing(fmt.Errorf("collection %s: looking up tag %s: %w", c.Name, c.BuildTag, err)))
		return nil
	}
	if h.repo(ctx, hub, c) {
		h.fine("collection %s: ok, architectures %s", c.Name, strings.Join(tag.Arches, ", "))
	}
	return tag.Arches
}

// repo tells whether repos of a collection's build tag can be read where they
// should be. It reads no more than the repomd.xml of the newest.
func (h *hubCheck) repo(ctx context.Context, hub *koji.Client, c *koschei.Collection) bool {
	repo, err := hub.Repo(ctx, c.BuildTag)
	switch {
	case errors.Is(err, koschei.ErrNotFound) && h.version.MakesReposOnDemand() && h.config.Koji.Login != "none":
		h.fine("collection %s: no repo of tag %s is ready, so one will be asked for; whether it can be read was not looked at", c.Name, c.BuildTag)
		return true
	case errors.Is(err, koschei.ErrNotFound):
		h.problem("collection %s: no repo of tag %s is ready", c.Name, c.BuildTag)
		return false
	}
	if err != nil {
		h.failure(missing(fmt.Errorf("collection %s: looking for a repo of tag %s: %w", c.Name, c.BuildTag, err)))
		return false
	}
	key := "koji.topurl"
	if c.SecondaryMode {
		key = "secondary_koji.topurl"
	}
	address := hub.RepoURL(c.BuildTag, repo.ID, h.config.Dependency.Arch)
	if !strings.Contains(address, "://") {
		h.problem("collection %s: %s is missing, repos are read below it", c.Name, key)
		return false
	}
	client, err := h.config.repoClient()
	if err != nil {
		h.problem("%v", err)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	if _, err := repodata.Open(ctx, address, client); err != nil {
		h.problem("collection %s: its newest repo cannot be read below %s, or has no architecture %s: %v", c.Name, key, h.config.Dependency.Arch, err)
		return false
	}
	return true
}

// fileTime is how long the check waits for a file or page.
const fileTime = 15 * time.Second

// arches compares the architectures that builds are made for with those that
// there are.
func (h *hubCheck) arches(there []string, collections bool) {
	if !collections {
		h.fine("there is no collection yet: targets, architectures and repos were not looked at")
		return
	}
	has := func(arches []string, arch string) bool {
		return slices.ContainsFunc(arches, func(a string) bool { return koschei.CanonArch(a) == koschei.CanonArch(arch) })
	}
	for _, arch := range h.config.Koji.BuildArches {
		if len(there) > 0 && !has(there, arch) { // else no tag could be looked at, which has been said
			h.problem("koji.build_arches: no collection's build tag has the architecture %s", arch)
		}
	}
	slices.Sort(there)
	for _, arch := range slices.Compact(there) {
		if !has(h.config.Koji.BuildArches, arch) {
			h.fine("koji.build_arches: nothing is built for %s", arch)
		}
	}
}

// web checks the address that pages link to.
func (h *hubCheck) web(ctx context.Context, key, address, ca string) {
	if address == "" {
		h.problem("%s is missing: pages link to nothing", key)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		h.problem("%s: %v", key, err)
		return
	}
	authorities, err := authoritiesIn(ca)
	if err != nil {
		h.problem("%s: %v", key, err)
		return
	}
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		h.problem("%s: %v", key, err)
		return
	}
	_ = resp.Body.Close() // nothing was read
	if resp.StatusCode >= http.StatusBadRequest {
		h.problem("%s: %s answers with status %d", key, address, resp.StatusCode)
		return
	}
	h.fine("%s: ok", key)
}
