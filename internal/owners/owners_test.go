package owners_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/owners"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A server has a list of owners.
type server struct {
	*httptest.Server

	body, tag string
	status    int // instead of the list; 0 for the list
	whole     int // how often all of it was asked for
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.status != 0:
			w.WriteHeader(s.status)
			return
		case s.tag != "" && r.Header.Get("If-None-Match") == s.tag:
			w.WriteHeader(http.StatusNotModified)
			return
		}
		s.whole++
		w.Header().Set("ETag", s.tag)
		_, _ = fmt.Fprint(w, s.body) // who went away does not want it
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) list() *owners.List { return &owners.List{URL: s.URL, Client: s.Client()} }

// What is known stays when the source is away or says what cannot be true, until
// somebody believes it.
func TestOwners(t *testing.T) {
	t.Parallel()
	db, web := pgtest.New(t), newServer(t)
	service := &owners.Service{DB: db.Owners, Source: web.list(), Log: slog.New(slog.DiscardHandler)}
	good := `{"rpms": {"teapot": ["alice", "bob"], "cup": ["orphan"], "kettle": ["alice", "@kettle-sig"], "../etc": ["eve"], "spoon": ["a b"]}, "modules": {}}`
	for _, tt := range []struct {
		name, body, tag string
		status          int
		believe         bool
		wantErr         string
		want            []string // of alice
	}{
		{"not there yet", "", "", 404, false, "answers with status 404", nil},
		{"the first answer", good, `"1"`, 0, false, "", []string{"kettle", "teapot"}},
		{"the same", good, `"1"`, 0, false, "", []string{"kettle", "teapot"}},
		{"away", "", "", 503, false, "answers with status 503; what is known is", []string{"kettle", "teapot"}},
		{"a page", "<html>please wait</html>", "", 0, false, "it is no list of owners", []string{"kettle", "teapot"}},
		{"another thing", `{"users": {}}`, "", 0, false, "it has no rpms", []string{"kettle", "teapot"}},
		{"empty", `{"rpms": {}}`, `"2"`, 0, false, "nobody owns anything, which is not believed", []string{"kettle", "teapot"}},
		{"less than half", `{"rpms": {"cup": ["bob"]}}`, `"3"`, 0, false, "there are 1 pairs of package and owner, and there were 4", []string{"kettle", "teapot"}},
		{"believed", `{"rpms": {"cup": ["bob"]}}`, `"3"`, 0, true, "", nil},
		{"another answer", `{"rpms": {"cup": ["alice"]}}`, `"4"`, 0, false, "", []string{"cup"}},
	} {
		web.body, web.tag, web.status = tt.body, tt.tag, tt.status
		err := service.Refresh(t.Context(), tt.believe)
		if got := fmt.Sprint(err); err == nil && tt.wantErr != "" || err != nil && (tt.wantErr == "" || !strings.Contains(got, tt.wantErr)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.wantErr)
		}
		got, err := db.Of(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" && len(got)+len(tt.want) > 0 {
			t.Errorf("%s: alice has (-want +got):\n%s", tt.name, diff)
		}
		doubts, err := db.OwnerDoubts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if doubted := tt.name == "empty" || tt.name == "less than half"; doubted != (len(doubts) == 1) {
			t.Errorf("%s: doubts are %+v", tt.name, doubts)
		}
	}
	if web.whole != 7 {
		t.Errorf("%d lists were sent, want 7: one was the same", web.whole)
	}
}

// A group is kept as a list has it, and not emptied because the list is broken.
func TestGroups(t *testing.T) {
	t.Parallel()
	w := pgtest.NewWorld(t)
	w.Collection("f44")
	for _, name := range []string{"cup", "kettle", "spoon", "teapot"} {
		w.Package("f44", name)
	}
	db, web := w.Open(), newServer(t)
	act := audit.Act{Actor: koschei.Actor{Name: "root", From: koschei.FromAdmin, Admin: true}, Now: time.Now()}
	if _, err := db.CreateGroup(t.Context(), act, "kettle-sig", []string{"spoon"}, nil); err != nil {
		t.Fatal(err)
	}
	service := &owners.Service{
		DB: db.Owners, View: db.View, Editor: db.Editor, Log: slog.New(slog.DiscardHandler),
		Groups: []owners.Group{{Name: "kettle-sig", List: web.list(), Of: "@kettle-sig"}},
	}
	web.body = `{"rpms": {"teapot": ["alice", "@kettle-sig"], "kettle": ["@kettle-sig"], "cup": ["alice"], "unknown": ["@kettle-sig"]}}`
	for range 2 {
		service.Run(t.Context(), &loop.Loop{Name: "owners", Passes: 1, Log: slog.New(slog.DiscardHandler)})
		got, err := db.GroupMembers(t.Context(), "kettle-sig")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"kettle", "teapot"}, got); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		web.body = `{"rpms": {"cup": ["alice"]}}`
	}
}
