package notifier_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A resultsDB is one that answers as it is told to.
type resultsDB struct {
	mu      sync.Mutex
	answers []func(http.ResponseWriter) // the next ones; then it takes what it is given
	posted  []map[string]any
	login   string
}

func (s *resultsDB) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	s.login = user + ":" + password
	if len(s.answers) > 0 {
		s.answers[0](w)
		s.answers = s.answers[1:]
		return
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err == nil {
		data, _ := body["data"].(map[string]any)
		delete(data, "koschei_message")
		s.posted = append(s.posted, body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"id": 1}`) // the sender may be gone
}

func answering(status int, kind, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the sender may be gone
	}
}

func resultsConfig() notifier.ResultsDBConfig {
	return notifier.ResultsDBConfig{
		URL: "https://resultsdb.example.org/resultsdb_api/", TestCase: "koschei.build", User: "koschei", Password: "secret",
		Outcomes: map[koschei.State]string{koschei.StateOK: "PASSED", koschei.StateFailing: "FAILED"},
		Site:     &url.URL{Scheme: "https", Host: "koschei.example.org"},
	}
}

// A change of a state is a result, as gates read it, whatever the ResultsDB answers
// before it takes it.
func TestResultsDB(t *testing.T) {
	t.Parallel()
	p, there := newPlace(t, "foo", "bar", "never-built"), &resultsDB{}
	p.Build("foo", noon, pgtest.Real(1), pgtest.NoTask(), pgtest.Outcome(koschei.OutcomeComplete), pgtest.EVR(rpm.EVR{Epoch: 1, Version: "2.0", Release: "1.fc99"}))
	p.Build("bar", noon, pgtest.Real(2), pgtest.NoTask(), pgtest.Outcome(koschei.OutcomeComplete))
	p.RefreshLastBuilds()
	server := httptest.NewServer(there)
	t.Cleanup(server.Close)
	c := resultsConfig()
	c.URL = server.URL + "/api/"
	r, err := notifier.NewResultsDB(c)
	if err != nil {
		t.Fatal(err)
	}
	r.DB = p.db.Deliveries
	service := p.service(r)
	p.pass(service)
	there.answers = []func(http.ResponseWriter){
		answering(http.StatusOK, "text/html", "<html>hello"), answering(http.StatusCreated, "text/html", "<html>hello"),
		answering(http.StatusUnauthorized, "application/json", `{"message": "log in"}`), answering(http.StatusBadGateway, "text/html", "<html>"),
	}
	p.state("foo", "ok", "failing", 0)
	p.state("foo", "failing", "unresolved", time.Minute) // no outcome
	p.state("never-built", "ok", "failing", 0)
	for range 8 {
		p.SetDeliveriesDue()
		p.pass(service)
	}
	p.state("foo", "unresolved", "ok", time.Hour)
	p.pass(service)
	result := func(outcome, note string) map[string]any {
		return map[string]any{
			"testcase": "koschei.build", "outcome": outcome, "ref_url": "https://koschei.example.org/package/foo?collection=f44", "note": note,
			"data": map[string]any{"item": "foo-2.0-1.fc99", "type": "koji_build", "collection": "f44"},
		}
	}
	want := []map[string]any{result("FAILED", "foo is failing in f44"), result("PASSED", "foo is ok in f44")}
	if diff := cmp.Diff(want, there.posted); diff != "" || p.UnsentDeliveries() != 0 || there.login != "koschei:secret" {
		t.Errorf("%d wait, login %s, (-want +got):\n%s", p.UnsentDeliveries(), there.login, diff)
	}
	there.answers = []func(http.ResponseWriter){answering(http.StatusBadRequest, "application/json", `{"message": "no such outcome"}`)}
	p.state("bar", "ok", "failing", 0)
	p.pass(service)
	if dead := p.DeadDeliveries(); dead != 1 {
		t.Errorf("%d results were given up, want 1", dead)
	}
}

func TestResultsDBBadConfig(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*notifier.ResultsDBConfig){
		`url: "x" must be an address such as https://resultsdb.example.org/resultsdb_api`: func(c *notifier.ResultsDBConfig) { c.URL = "x" },
		`test_case: "a:b" must be a name such as koschei.build`:                           func(c *notifier.ResultsDBConfig) { c.TestCase = "a:b" },
		"outcomes: it names none": func(c *notifier.ResultsDBConfig) { c.Outcomes = nil },
		`outcomes: "passed" must be one that the ResultsDB knows, such as PASSED`:   func(c *notifier.ResultsDBConfig) { c.Outcomes = map[koschei.State]string{"ok": "passed"} },
		`outcomes: "good" is no state, but ok, failing, unresolved and ignored are`: func(c *notifier.ResultsDBConfig) { c.Outcomes = map[koschei.State]string{"good": "PASSED"} },
	} {
		c := resultsConfig()
		change(&c)
		if _, err := notifier.NewResultsDB(c); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
