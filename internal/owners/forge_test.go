package owners_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/owners"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A forge is a small Forgejo. It sends two entries at a time, whatever it is asked for.
type forge struct {
	*httptest.Server

	mu     sync.Mutex
	lists  map[string][]string // entries as JSON, by path below the API
	status int                 // instead of everything; 0 for none
	whole  int                 // lists that were sent
}

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{lists: map[string][]string{
		"/orgs/rpms/repos":                    {`{"name": "cup"}`, `{"name": "kettle"}`, `{"name": "teapot"}`, `{"name": "..."}`},
		"/repos/rpms/teapot/collaborators":    {`{"login": "alice"}`, `{"login": "bob"}`, `{"login": "carol"}`},
		"/repos/rpms/teapot/teams":            {`{"name": "kettle-sig", "permission": "write"}`, `{"name": "Owners", "permission": "owner"}`},
		"/repos/rpms/kettle/collaborators":    {`{"login": "alice"}`},
		"/repos/rpms/cup/collaborators":       {`{"login": "orphan"}`},
		"/repos/rpms/elsewhere/collaborators": {`{"login": "eve"}`},
	}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status != 0 {
		w.WriteHeader(f.status)
		return
	}
	var page int
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	list := f.lists[strings.TrimPrefix(r.URL.Path, "/git/api/v1")]
	list = list[min(2*(page-1), len(list)):min(2*page, len(list))]
	body := "[" + strings.Join(list, ",") + "]"
	tag := fmt.Sprintf("%q", fmt.Sprint(len(body), list))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	f.whole++
	_, _ = fmt.Fprint(w, body) // who went away does not want it
}

func (f *forge) set(path string, entries ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists[path], f.whole = entries, 0
}

// A forge is asked for repositories, people and teams, page by page. What it has told
// is not sent again, and nothing is believed of one that is away or says nonsense.
func TestForge(t *testing.T) {
	t.Parallel()
	db, web := pgtest.New(t), newForge(t)
	service := &owners.Service{DB: db.Owners, Source: &owners.Forge{URL: web.URL + "/git/rpms", Client: web.Client()}, Log: slog.New(slog.DiscardHandler)}
	expect := func(what string, of map[string][]string) {
		t.Helper()
		for who, want := range of {
			got, err := db.Of(t.Context(), who)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Errorf("%s: %s has (-want +got):\n%s", what, who, diff)
			}
		}
	}
	refresh := func(what, wantErr string) {
		t.Helper()
		err := service.Refresh(t.Context(), false)
		if err == nil && wantErr != "" || err != nil && (wantErr == "" || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: %v, want %q", what, err, wantErr)
		}
	}
	before := map[string][]string{
		"alice": {"kettle", "teapot"}, "carol": {"teapot"}, "@kettle-sig": {"teapot"}, "@Owners": nil, "orphan": nil, "eve": nil,
	}
	refresh("the first time", "")
	expect("the first time", before)
	web.set("/repos/rpms/teapot/teams", `{"name": "kettle-sig", "permission": "write"}`, `{"name": "Owners", "permission": "owner"}`)
	refresh("the same", "")
	if web.whole != 0 {
		t.Errorf("%d lists were sent again that are the same", web.whole)
	}
	web.status = http.StatusServiceUnavailable
	refresh("away", "answers with status 503; what is known is")
	web.status = 0
	web.set("/repos/rpms/teapot/collaborators", `"alice"`)
	refresh("nonsense", "it is no list")
	web.set("/repos/rpms/teapot/collaborators", `{}`)
	refresh("nobody", "an entry has no name")
	web.set("/repos/rpms/teapot/collaborators")
	web.set("/repos/rpms/teapot/teams")
	refresh("less than half", "which is not believed")
	expect("what was not believed", before)
	web.set("/repos/rpms/teapot/collaborators", `{"login": "dave"}`, `{"login": "bob"}`)
	refresh("another answer", "")
	expect("another answer", map[string][]string{"dave": {"teapot"}, "bob": {"teapot"}, "alice": {"kettle"}, "carol": nil})
}
