package site_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What a change of a collection makes untrue is said before it is done.
func TestChangeSaysWhatItCosts(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	root := browse(t, acting(db)).as(db, "root", true)
	form := url.Values{"setting": {"build_tag"}, "value": {"f44-other"}, "was": {"f44-build"}, "seen": {"1"}}
	w := root.send(http.MethodPost, "/admin/collections/f44", form)
	text := plain(w.Body.String())
	if w.Code != http.StatusOK || !strings.Contains(text, "Nothing was changed yet.") || !strings.Contains(text, "What was found out in repo 5210 does not hold any more:") {
		t.Fatalf("status %d: %s", w.Code, text)
	}
	c, err := db.View.Collection(t.Context(), "f44")
	if err != nil || c.BuildTag != "f44-build" {
		t.Fatalf("before it was confirmed the build tag is %s (%v)", c.BuildTag, err)
	}
	form.Set("sure", "1")
	if w := root.send(http.MethodPost, "/admin/collections/f44", form); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d: %s", w.Code, plain(w.Body.String()))
	}
	if c, err = db.View.Collection(t.Context(), "f44"); err != nil || c.BuildTag != "f44-other" || c.LatestRepoID != 0 {
		t.Errorf("the build tag is %s and the repo %d (%v)", c.BuildTag, c.LatestRepoID, err)
	}
	w = root.send(http.MethodPost, "/admin/collections/f44", url.Values{"setting": {"order"}, "value": {"7"}, "was": {"1"}, "seen": {"1"}})
	if text := plain(w.Body.String()); w.Code != http.StatusConflict || !strings.Contains(text, "The order of collection f44 is 200 by now, and not 1.") {
		t.Errorf("status %d: %s", w.Code, text)
	}
}

// A collection that is made, changed, put into a group and deleted is there, or not,
// on the very next page.
func TestCollectionPages(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	root := browse(t, acting(db)).as(db, "root", true)
	do := func(path string, form url.Values) string {
		t.Helper()
		w := root.send(http.MethodPost, path, form)
		if w.Code != http.StatusSeeOther {
			t.Fatalf("%s: status %d: %s", path, w.Code, plain(w.Body.String()))
		}
		w = root.send(http.MethodGet, w.Header().Get("Location"), nil)
		if w.Code != http.StatusOK {
			t.Fatalf("after %s: status %d: %s", path, w.Code, plain(w.Body.String()))
		}
		return plain(w.Body.String())
	}
	see := func(page, want string, is bool) {
		t.Helper()
		if strings.Contains(page, want) != is {
			t.Errorf("%q is there: %v, in %s", want, !is, page)
		}
	}
	see(do("/admin/add-collection", newCollection()), "Fedora 99", true)
	see(do("/admin/collections/f99", setting("display_name", "Fedora 99", "The next")), "The next", true)
	see(do("/admin/collections/f99", setting("name", "f99", "f98")), "Change The next", true)
	group := url.Values{"name": {"set"}, "display_name": {"A set"}, "collections": {"f98, f44"}}
	see(do("/admin/add-collection-group", group), "f44, f98", true)
	change := url.Values{"display_name": {"The set"}, "collections": {"f98"}, "was_display_name": {"A set"}, "was_collections": {"f98 f44"}, "seen": {"1"}}
	see(do("/admin/collection-groups/set", change), "The set", true)
	if w := root.send(http.MethodPost, "/admin/collection-groups/set", change); w.Code != http.StatusConflict {
		t.Errorf("changed by somebody else: status %d", w.Code)
	}
	see(do("/admin/collection-groups/set/delete", nil), "The set", false)
	w := root.send(http.MethodPost, "/admin/collections/f98/delete", url.Values{"name": {"f44"}})
	if text := plain(w.Body.String()); w.Code != http.StatusBadRequest || !strings.Contains(text, `What was typed is "f44", and the collection is called f98.`) {
		t.Errorf("status %d: %s", w.Code, text)
	}
	see(do("/admin/collections/f98/delete", url.Values{"name": {"f98"}}), "The next", false)
}

// The audit log says who did what, shows a part of it, and takes single changes back.
func TestAuditIsUndone(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	root, ann := server.as(db, "root", true), server.as(db, "ann", false)
	set := func(value, revision string) {
		t.Helper()
		form := url.Values{"collection": {"f44"}, "field": {"manual_priority"}, "value": {value}, "revision": {revision}}
		if w := ann.send(http.MethodPost, "/package/maven/edit", form); w.Code != http.StatusSeeOther {
			t.Fatalf("status %d: %s", w.Code, plain(w.Body.String()))
		}
	}
	set("70", "0")
	root.send(http.MethodPost, "/admin/notice", url.Values{"text": {"an outage"}, "do": {"set"}})
	for query, want := range map[string]bool{
		"user=ann": true, "user=root": false, "package=maven": true, "collection_name=f44": true, "collection_name=f43": false, "object=notice": false,
		"since=2026-11-23": true, "since=2026-11-24": false, "until=2026-11-23": true, "until=2026-11-22": false,
	} {
		page := root.send(http.MethodGet, "/admin/audit?"+query, nil)
		if got := strings.Contains(plain(page.Body.String()), "manual priority changed from 7 to 70"); page.Code != http.StatusOK || got != want {
			t.Errorf("%s: status %d, shown: %v, want %v", query, page.Code, got, want)
		}
	}
	if w := root.send(http.MethodGet, "/admin/audit?since=yesterday", nil); w.Code != http.StatusBadRequest || !strings.Contains(plain(w.Body.String()), "is not a day as 2026-11-24.") {
		t.Errorf("status %d", w.Code)
	}
	page := ann.send(http.MethodGet, "/package/maven/edit?collection=f44", nil).Body.String()
	_, after, _ := strings.Cut(page, `action="/audit/`)
	id, _, found := strings.Cut(after, "/undo")
	if !found {
		t.Fatalf("nothing can be undone: %s", plain(page))
	}
	if w := ann.send(http.MethodPost, "/audit/"+id+"/undo", url.Values{"back": {"//evil.test/"}}); w.Code != http.StatusBadRequest {
		t.Errorf("led elsewhere: status %d", w.Code)
	}
	if w := ann.send(http.MethodPost, "/audit/"+id+"/undo", url.Values{"back": {"/package/maven/edit?collection=f44"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d: %s", w.Code, plain(w.Body.String()))
	}
	s, err := db.Packages.Settings(t.Context(), "f44", "maven")
	if err != nil || s.ManualPriority != 7 {
		t.Errorf("the priority is %d (%v)", s.ManualPriority, err)
	}
	if w := ann.send(http.MethodPost, "/audit/"+id+"/undo", url.Values{"back": {"/"}}); w.Code != http.StatusConflict || !strings.Contains(plain(w.Body.String()), "The manual priority of package maven is 7 by now, and not 70: there is nothing to undo.") {
		t.Errorf("undone twice: status %d: %s", w.Code, plain(w.Body.String()))
	}
}

// A token is shown once, works, is on the list, and is gone when it was revoked.
func TestTokensPage(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	ann := server.as(db, "ann", false)
	form := url.Values{"name": {"script"}, "days": {"7"}, "read": {"1"}, "packages": {"1"}}
	w := ann.send(http.MethodPost, "/tokens", form)
	_, after, shown := strings.Cut(w.Body.String(), `data-copy="`)
	token, _, _ := strings.Cut(after, `"`)
	if w.Code != http.StatusOK || !shown || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, Cache-Control %q: %s", w.Code, w.Header().Get("Cache-Control"), plain(w.Body.String()))
	}
	page := ann.send(http.MethodGet, "/tokens", nil).Body.String()
	if text := plain(page); strings.Contains(page, token) || !strings.Contains(text, "script read, packages 2026-11-23 22:00 2026-11-30 22:00 never") {
		t.Errorf("the list: %s", text)
	}
	if w := ann.send(http.MethodPost, "/tokens", form); w.Code != http.StatusConflict || !strings.Contains(plain(w.Body.String()), `Token "script" of user ann exists already.`) {
		t.Errorf("twice: status %d: %s", w.Code, plain(w.Body.String()))
	}
	form.Set("admin", "1")
	form.Set("name", "more")
	if w := ann.send(http.MethodPost, "/tokens", form); w.Code != http.StatusForbidden {
		t.Errorf("of an administrator, by a user: status %d", w.Code)
	}
	_, after, _ = strings.Cut(page, `action="/tokens/`)
	id, _, _ := strings.Cut(after, "/revoke")
	if w := server.as(db, "bob", false).send(http.MethodPost, "/tokens/"+id+"/revoke", nil); w.Code != http.StatusNotFound {
		t.Errorf("somebody else's: status %d", w.Code)
	}
	program := visitor{browser: server, bearer: token}
	if w := program.send(http.MethodGet, "/tokens", nil); w.Code != http.StatusForbidden {
		t.Errorf("a token at the page of tokens: status %d", w.Code)
	}
	if w := ann.send(http.MethodPost, "/tokens/"+id+"/revoke", nil); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
	if w := program.send(http.MethodGet, "/", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("after it was revoked: status %d", w.Code)
	}
}
