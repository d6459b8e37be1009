package site_test

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// An atomFeed is what a reader makes of a feed.
type atomFeed struct {
	XMLName xml.Name   `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string     `xml:"id"`
	Title   string     `xml:"title"`
	Updated time.Time  `xml:"updated"`
	Author  string     `xml:"author>name"`
	Links   []atomLink `xml:"link"`
	Entries []struct {
		ID      string    `xml:"id"`
		Title   string    `xml:"title"`
		Updated time.Time `xml:"updated"`
		Link    atomLink  `xml:"link"`
	} `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

func (b browser) feed(url string) (f atomFeed) {
	b.t.Helper()
	w := b.get(url)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/atom+xml") {
		b.t.Fatalf("%s: status %d, type %q: %s", url, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &f); err != nil {
		b.t.Fatalf("%s: %v in %s", url, err, w.Body)
	}
	return f
}

// Every feed is well formed, tells what happened under ids that stay, and the same
// to the byte while nothing happens.
func TestFeeds(t *testing.T) {
	t.Parallel()
	b := browse(t, config(happened(t).View))
	for url, want := range map[string][]string{
		"/feed/collection/f44":   {"maven fails in Fedora Rawhide", "rust-ripgrep cannot be installed for building in Fedora Rawhide", "ant builds again in Fedora Rawhide", "ant fails in Fedora Rawhide"},
		"/feed/collection/f43":   {"maven builds again in Fedora 43"},
		"/feed/package/maven":    {"maven fails in Fedora Rawhide", "maven builds again in Fedora 43"},
		"/feed/package/gtk%2B":   nil,
		"/feed/group/java-sig":   {"maven fails in Fedora Rawhide", "ant builds again in Fedora Rawhide", "maven builds again in Fedora 43", "ant fails in Fedora Rawhide"},
		"/feed/group/alice/mine": nil,
		"/feed/user/alice":       {"maven fails in Fedora Rawhide", "ant builds again in Fedora Rawhide", "maven builds again in Fedora 43", "ant fails in Fedora Rawhide"},
		"/feed/user/olga":        {"rust-ripgrep cannot be installed for building in Fedora Rawhide"},
	} {
		f := b.feed(url)
		var titles []string
		for i, e := range f.Entries {
			titles = append(titles, e.Title)
			if !strings.HasPrefix(e.ID, "tag:koschei.test,2026:f4") || !strings.Contains(e.ID, "/event/") || !strings.HasPrefix(e.Link.Href, "https://koschei.test/package/") {
				t.Errorf("%s: entry %+v", url, e)
			}
			if i == 0 && !f.Updated.Equal(e.Updated) || i > 0 && e.Updated.After(f.Entries[i-1].Updated) {
				t.Errorf("%s: updated %v, its entry %d %v", url, f.Updated, i, e.Updated)
			}
		}
		if !slices.Equal(titles, want) {
			t.Errorf("%s tells %q, want %q", url, titles, want)
		}
		if f.ID != "tag:koschei.test,2026:"+url[1:] || f.Author != "Koschei" || f.Title == "" || len(f.Links) != 2 || f.Links[0] != (atomLink{"self", "https://koschei.test" + url}) {
			t.Errorf("%s: %+v", url, f)
		}
		first, second := b.get(url), b.get(url)
		if tag := first.Header().Get("ETag"); tag == "" || first.Body.String() != second.Body.String() || tag != second.Header().Get("ETag") {
			t.Errorf("%s: tags %q and %q", url, tag, second.Header().Get("ETag"))
		}
		w := b.as(nil, "", false).send(http.MethodGet, url, nil, "If-None-Match", first.Header().Get("ETag"))
		if w.Code != http.StatusNotModified {
			t.Errorf("%s asked again: status %d", url, w.Code)
		}
	}
	for url, want := range map[string]string{
		"/feed/collection/f99": "no collection named", "/feed/package/nothing": "no package named", "/feed/group/nobody": "no group named",
		"/feed/user/nobody": `Nobody called "nobody" is known here`, "/feed/update/f44/nothing": "no update of nothing is known",
	} {
		if w := b.get(url); w.Code != http.StatusNotFound || !strings.Contains(strings.ToLower(w.Body.String()), strings.ToLower(want)) {
			t.Errorf("%s: status %d, %s", url, w.Code, w.Body)
		}
	}
}

// The feed of an update tells that it came, what it took away, and what it broke.
func TestUpdateFeed(t *testing.T) {
	t.Parallel()
	b := browse(t, config(pgtest.UpdatedRecord(t, now).View))
	var titles []string
	f := b.feed("/feed/update/f43/openldap")
	for _, e := range f.Entries {
		titles = append(titles, e.Title)
	}
	for _, want := range []string{"openldap 2.6.11-1 came to Fedora 43", "libldap.so.2 is gone with openldap 2.6.11-1", "389-ds-base failed first with openldap 2.6.11-1"} {
		if !slices.Contains(titles, want) {
			t.Errorf("the feed tells %q, want %q among that", titles, want)
		}
	}
}

// Where the address of the site is not known, links lead to where the feed is.
func TestFeedWithoutAddress(t *testing.T) {
	t.Parallel()
	c := config(happened(t).View)
	c.Address = ""
	f := browse(t, c).feed("/feed/package/maven")
	if f.Entries[0].Link.Href != "/package/maven?collection=f44" || f.Links[0].Href != "/feed/package/maven" {
		t.Errorf("links %+v, %+v", f.Entries[0].Link, f.Links)
	}
}

// A person's page has what the list of owners and groups say.
func TestUserPage(t *testing.T) {
	t.Parallel()
	b := browse(t, config(happened(t).View))
	for url, want := range map[string][]string{
		"/user/olga":                 {"Packages of olga", "The list of owners, of just now, names 1 package. There is no group to maintain.", "rust-ripgrep", "Packages 1 to 1 of 1"},
		"/user/alice?collection=f44": {"The list of owners names none. Maintains java-sig , alice/mine .", "maven failing", "ant ok", "gtk+ running ok"},
	} {
		text := b.read(url)
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q, but:\n%s", url, want, text)
			}
		}
	}
	if w := b.get("/user/nobody"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "Nobody called &#34;nobody&#34; is known here.") {
		t.Errorf("nobody: status %d, %s", w.Code, w.Body)
	}
}
