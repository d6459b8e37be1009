package site_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// The queue says what is built, what comes next and why, and what does not.
func TestQueue(t *testing.T) {
	t.Parallel()
	db := queued(t)
	b := browse(t, config(db.View))
	for url, want := range map[string][]string{
		"/queue?collection=f44": {
			"2 builds are under way and 2 packages wait until the scheduler looks next.",
			"slow 2-1.fc44 40 minutes ago aarch64 free x86_64 open overdue by 17 minutes usually 23 min",
			"gtk+ 1:1.2.10-99.fc44 10 minutes ago aarch64 free x86_64 open in 13 minutes",
			"1 perl-000 2,124 asked for by hand 2,000, time 124 when the scheduler looks next", "2 perl-005 635 set by an operator 300, last build 200, time 135",
		},
		"/queue?collection=f43": {
			"The collection has as many builds under way as it may, 5. 1 build is under way and 1 package waits. If builds go on as usual, 3 an hour, the last of them starts at 22:23 UTC.",
			"Fedora 43 1 of 5 1", "python-001 0.1-1.fc44", "1 perl-010 4", "in 23 minutes", "None is.",
		},
		"/queue?collection=epel10": {
			"Nothing is submitted: its base buildroot cannot be installed from repo 5150. Nothing is being built, and nothing is due.",
			"No package waits",
		},
		"/queue": {
			"slow Fedora Rawhide", "Fedora Rawhide 2", "Fedora 43 1 of 5", "3 builds are under way and 3 packages wait. If builds go on as usual, 8 an hour,", "The collection has as many builds under way as it may, 5.",
			"Its base buildroot cannot be installed from repo 5150.",
			"No builder for aarch64 is free. 1 package of Fedora Rawhide, looked at again in 20 minutes : maven .",
		},
	} {
		text := b.read(url)
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q, but:\n%s", url, want, text)
			}
		}
	}
	if first := b.find("/queue?collection=f44", `<td role="cell" class="num dim">1</td><th[^>]*><a href="[^"]*">([^<]*)`); len(first) != 1 || first[0] != "perl-000" {
		t.Errorf("%q is first, want what was asked for by hand", first)
	}
	if w := b.get("/queue?collection=f99"); w.Code != http.StatusNotFound {
		t.Errorf("a collection that is not there: status %d", w.Code)
	}
}

// Whoever may cancel builds can do so there.
func TestCancelFromQueue(t *testing.T) {
	t.Parallel()
	db := queued(t)
	b := browse(t, acting(db))
	for name, admin := range map[string]bool{"carl": false, "root": true} {
		page := b.as(db, name, admin).send(http.MethodGet, "/queue?collection=f44", nil).Body.String()
		if got := strings.Contains(page, `/cancel"><button aria-label="Cancel the build of slow"`); got != admin {
			t.Errorf("%s (admin %v) is offered to cancel: %v", name, admin, got)
		}
	}
}

// Without a collection there is nothing to build.
func TestEmptyQueue(t *testing.T) {
	t.Parallel()
	if text := browse(t, config(pgtest.New(t).View)).read("/queue"); !strings.Contains(text, "There is no collection yet, so there is nothing to build.") {
		t.Errorf("an empty record: %s", text)
	}
}
