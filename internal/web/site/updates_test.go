package site_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// Each page of updates and repos says what it is for.
func TestUpdatePages(t *testing.T) {
	t.Parallel()
	b := browse(t, config(pgtest.UpdatedRecord(t, now).View))
	for _, tt := range []struct {
		url  string
		want []string
	}{
		{"/updates?collection=f43", []string{
			"3 packages broke since yesterday . openldap 2.6.11-1 is to blame for 2 of them. For 1 no update is known to be at fault.",
			"openldap 2.6.10-1 → 2.6.11-1 2 1 1 the nearest change of each 389-ds-base , openldap-tools",
			"gcc new, 16-1 3 ", "openldap 2.6.10-1 → 2.6.11-1 2 2 hours ago 5 1 1",
		}},
		{"/updates?since=1h", []string{"Nothing that is broken now broke within the last hour.", "gcc new, 16-1"}},
		{"/updates?before=30,gcc", []string{"older ones", "openldap 2.6.10-1 → 2.6.11-1"}},
		{"/updates?before=1,z&since=7d", []string{"No update came to Fedora 43 within a week."}},
		{"/update/f43/openldap", []string{
			"openldap 2.6.10-1 → 2.6.11-1", "It came with repo 2 of event 20, made 2 hours ago",
			"1 package could not be installed any more for want of what it took away, 1 package failed first with it, 1 package built again with it. 1 still builds. 1 was not built with it yet.",
			"What it took away proved by two repos", "libldap.so.2 required by openldap-clients-2.6.10-1 1",
			"Broke 1 package", "389-ds-base failing 1 build", "ld: undefined reference to `ldap_open'",
			"Mended 1 package", "apr-util ok 2", "Fails anyway 1 package", "Not built with it yet 1 package", "exim ok 1", "Still builds 1 package",
			"Updates of openldap 2.6.10-1 → 2.6.11-1 2 hours ago broke 1",
		}},
		{"/update/f43/openldap/2.6.11-1", []string{"389-ds-base failing"}},
		{"/update/f43/gcc", []string{"It broke and mended nothing so far.", "No buildroot of Fedora 43 has anything of it."}},
		{"/affected-by/openldap-libs?collection=f43&epoch1=0&version1=2.6.10&release1=1&epoch2=&version2=2.6.11&release2=1", []string{
			"1 package of Fedora 43 had not failed before, and failed first with a step of openldap-libs on its way from 2.6.10-1 to 2.6.11-1.",
			"All that the update did: openldap 2.6.11-1", "389-ds-base build",
		}},
		{"/affected-by/gcc?collection=f43&version1=1&release1=1&version2=2&release2=1", []string{"No package of Fedora 43 failed first with a step of gcc"}},
		{"/repos", []string{"3 30 60 minutes ago resolved 1 0 0 0 41 s", "2 20 2 hours ago resolved 1 1 0 1 41 s"}},
		{"/repos?collection=f43&before=20", []string{"1 10 3 hours ago"}},
		{"/repos?before=1", []string{"No repo of Fedora 43 is known yet."}},
		{"/repo/f43/2", []string{
			"Repo 2", "the one before the next what differs from the one before", "Of event 20, made 2 hours ago ; verdicts came 41 s after it",
			"1 update came with it, 1 package could not be installed any more, 1 package failed first in builds made in it.",
			"libldap.so.2 openldap 2.6.11-1 1 openldap-libs-2.6.10-1.x86_64 provided it; openldap-clients-2.6.10-1 requires it",
			"openldap 2.6.10-1 2.6.11-1 1 5 1", "Buildroots that changed 1 required by the package itself 2",
		}},
		{"/repo/f43/1..3", []string{
			"From repo 1 to 3", "2 source packages changed in 2 h 0 min, over 2 repos.", "gcc 16-1 3 1", "openldap 2.6.10-1 2.6.11-1 2 1",
		}},
		{"/repo/f43/3..3", []string{"Nothing is known to have changed in 0 s"}},
	} {
		text := b.read(tt.url)
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q, but:\n%s", tt.url, want, text)
			}
		}
	}
}

// Whatever is asked, the answer is a page or one clear sentence.
func TestUpdatePagesBadInput(t *testing.T) {
	t.Parallel()
	b := browse(t, config(pgtest.UpdatedRecord(t, now).View))
	for url, want := range map[string]struct {
		status int
		say    string
	}{
		"/updates?since=tomorrow":  {http.StatusBadRequest, "tomorrow"},
		"/updates?before=x":        {http.StatusBadRequest, "no place in a list of updates"},
		"/updates?collection=f99":  {http.StatusNotFound, "no collection named"},
		"/update/f99/openldap":     {http.StatusNotFound, "no collection named"},
		"/update/f43/nothing":      {http.StatusNotFound, "No update of nothing to any version is known in Fedora 43"},
		"/update/f43/openldap/9-9": {http.StatusNotFound, "No update of openldap to 9-9 is known"},
		"/repos?before=-1":         {http.StatusBadRequest, "is no event"},
		"/repo/f43/99":             {http.StatusNotFound, "Repo 99 of Fedora 43 is not kept"},
		"/repo/f43/x":              {http.StatusNotFound, "is not the number of a repo"},
		"/repo/f43/1..":            {http.StatusNotFound, "is not the number of a repo"},
		"/repo/f43/1..99":          {http.StatusNotFound, "are not both kept"},
		"/affected-by/gcc":         {http.StatusBadRequest, "Version1 and release1 must be given"},
		"/affected-by/gcc?version1=1&release1=1&version2=2&release2=1&epoch2=-": {http.StatusBadRequest, "is no number"},
	} {
		w := b.get(url)
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.say) {
			t.Errorf("%s: status %d, want %d and %q in %s", url, w.Code, want.status, want.say, w.Body)
		}
	}
	if w := b.get("/repo/f43/3..1"); w.Code != http.StatusSeeOther && w.Code != http.StatusFound || w.Header().Get("Location") != "/repo/f43/1..3" {
		t.Errorf("the wrong way round: status %d, to %q", w.Code, w.Header().Get("Location"))
	}
}
