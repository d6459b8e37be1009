package notifier_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/notifier"
)

// A userHook is the web hook of a user.
type userHook struct {
	*httptest.Server

	t      *testing.T
	mu     sync.Mutex
	status int // 0 is well
	came   []map[string]any
}

func newUserHook(t *testing.T) *userHook {
	t.Helper()
	h := &userHook{t: t}
	h.Server = httptest.NewServer(http.HandlerFunc(h.called))
	t.Cleanup(h.Close)
	return h
}

func (h *userHook) called(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	checkSignature(h.t, r, body)
	if h.status != 0 {
		w.WriteHeader(h.status)
		return
	}
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		h.t.Errorf("%s: %v", body, err)
	}
	h.came = append(h.came, in)
}

// Who follows something by their own web hook is called, until it wants no more.
func TestHooks(t *testing.T) {
	t.Parallel()
	p, there := newPlace(t, "foo", "bar"), newUserHook(t)
	hooks, err := notifier.NewHooks(&url.URL{Scheme: "https", Host: "koschei.example.org"}, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	service := p.service(hooks)
	p.pass(service)
	text, _ := secret()
	p.Hook("alice", there.URL+"/hook", text)
	s := koschei.Subscription{User: "alice", Sink: koschei.SinkHook, Scope: koschei.ScopePackage, Name: "foo", Tell: koschei.TellMended, Pace: koschei.AtOnce}
	if _, err := p.db.Accounts.Subscribe(t.Context(), operator(), s); err != nil {
		t.Fatal(err)
	}
	p.MailRefused("alice") // is no reason not to call her
	there.status = http.StatusServiceUnavailable
	p.state("foo", "ok", "failing", time.Minute)
	p.state("bar", "ok", "failing", 0)
	p.pass(service)
	there.status = 0
	p.SetDeliveriesDue()
	p.pass(service)
	if len(there.came) != 1 {
		t.Fatalf("%d calls, want 1", len(there.came))
	}
	data, _ := there.came[0]["data"].(map[string]any)
	delete(data, "unsubscribe") // it is random
	want := map[string]any{
		"type": "letter", "timestamp": "2026-11-23T12:01:00Z", "text": "[koschei] f44 foo: failing",
		"data": map[string]any{"follows": "package foo", "changes": []any{map[string]any{
			"collection": "f44", "collection_name": "f44", "package": "foo", "old": "ok", "new": "failing", "time": "2026-11-23T12:01:00Z",
		}}},
	}
	if diff := cmp.Diff(want, there.came[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	there.status = http.StatusGone
	p.state("foo", "failing", "ok", time.Hour)
	p.pass(service)
	reader, err := p.db.People.Reader(t.Context(), "alice", noon)
	if err != nil || reader.HookDisabled.IsZero() || reader.HookReason == "" {
		t.Errorf("a hook that wants no more: %+v, %v", reader, err)
	}
	there.status = 0
	p.state("foo", "ok", "failing", 2*time.Hour)
	p.pass(service)
	if len(there.came) != 1 {
		t.Errorf("%d calls after that", len(there.came)-1)
	}
}

// A user's web hook leads nowhere that is not public.
func TestHookIsPublic(t *testing.T) {
	t.Parallel()
	p, there := newPlace(t, "foo"), newUserHook(t)
	hooks, err := notifier.NewHooks(&url.URL{Scheme: "https", Host: "koschei.example.org"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	service := p.service(hooks)
	p.pass(service)
	text, _ := secret()
	p.Hook("alice", strings.Replace(there.URL, "http:", "https:", 1), text)
	s := koschei.Subscription{User: "alice", Sink: koschei.SinkHook, Scope: koschei.ScopePackage, Name: "foo", Tell: koschei.TellMended, Pace: koschei.AtOnce}
	if _, err := p.db.Accounts.Subscribe(t.Context(), operator(), s); err != nil {
		t.Fatal(err)
	}
	p.state("foo", "ok", "failing", 0)
	p.pass(service)
	if len(there.came) != 0 || p.UnsentDeliveries() != 1 {
		t.Errorf("%d calls, %d wait", len(there.came), p.UnsentDeliveries())
	}
}
