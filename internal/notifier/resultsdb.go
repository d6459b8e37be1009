package notifier

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/deliver"
)

// ResultsDBName is the name of the sink that posts results.
const ResultsDBName = "resultsdb"

// A ResultsDBConfig says which results are posted, and where.
type ResultsDBConfig struct {
	URL      string // of the ResultsDB, as https://resultsdb.example.org/resultsdb_api
	User     string // for HTTP Basic; "" for none
	Password string

	TestCase    string                   // that gates name; it stays for ever
	Outcomes    map[koschei.State]string // of states that people outside know; of others nothing is posted
	Collections []string                 // whose results are posted; none means all

	Site *url.URL // of the pages, for links
	TLS  *tls.Config
}

// A ResultsDB is the sink that posts a result for the source of a package whenever the
// package is in another state. Of the results for one source the newest counts, so it
// does no harm that one may come twice.
type ResultsDB struct {
	// DB knows the sources. It must be set before anything is sent.
	DB *deliver.Deliveries

	config ResultsDBConfig
	client *http.Client
}

// NewResultsDB returns a sink. An error says which setting is wrong.
func NewResultsDB(c ResultsDBConfig) (*ResultsDB, error) {
	switch {
	case !namesService(c.URL):
		return nil, fmt.Errorf("url: %q must be an address such as https://resultsdb.example.org/resultsdb_api", c.URL)
	case c.TestCase == "" || strings.ContainsAny(c.TestCase, ": \t\n"):
		return nil, fmt.Errorf("test_case: %q must be a name such as koschei.build", c.TestCase)
	case len(c.Outcomes) == 0:
		return nil, errors.New("outcomes: it names none")
	}
	for state, outcome := range c.Outcomes {
		if state.Message() != state && state != koschei.StateIgnored {
			return nil, fmt.Errorf("outcomes: %q is no state, but ok, failing, unresolved and ignored are", state)
		}
		if outcome == "" || strings.ToUpper(outcome) != outcome {
			return nil, fmt.Errorf("outcomes: %q must be one that the ResultsDB knows, such as PASSED", outcome)
		}
	}
	return &ResultsDB{config: c, client: clientOf(c.TLS)}, nil
}

// Name implements Sink.
func (r *ResultsDB) Name() string { return ResultsDBName }

// Heartbeat implements Sink.
func (r *ResultsDB) Heartbeat() time.Duration { return 0 }

// Ping asks for one result. It posts nothing.
func (r *ResultsDB) Ping(ctx context.Context) error {
	return r.ask(ctx, http.MethodGet, "?limit=1", nil, http.StatusOK)
}

// Keys implements Sink.
func (r *ResultsDB) Keys(e *koschei.Event) []string {
	before, after := e.Told()
	if e.Kind != koschei.EventPackageState || before == after || r.config.Outcomes[koschei.State(after)] == "" ||
		len(r.config.Collections) > 0 && !slices.Contains(r.config.Collections, e.Collection) {
		return nil
	}
	return []string{keyOf(e)}
}

// A result is the body of a post.
type result struct {
	TestCase string            `json:"testcase"`
	Outcome  string            `json:"outcome"`
	RefURL   string            `json:"ref_url"`
	Note     string            `json:"note"`
	Data     map[string]string `json:"data"`
}

// Send implements Broadcast.
func (r *ResultsDB) Send(ctx context.Context, d *koschei.Delivery, where *koschei.EventPlace) error {
	e := &d.Event
	nvr, err := r.DB.SourceOf(ctx, e)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil // nothing of it was ever built
	}
	if err != nil {
		return err
	}
	_, after := e.Told()
	body, err := json.Marshal(result{
		TestCase: r.config.TestCase, Outcome: r.config.Outcomes[koschei.State(after)], RefURL: pageOf(r.config.Site, e),
		Note: fmt.Sprintf("%s is %s in %s", e.Package, after, where.DisplayName),
		Data: map[string]string{"item": nvr, "type": "koji_build", "collection": e.Collection, "koschei_message": d.MessageID},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGiveUp, err)
	}
	return r.ask(ctx, http.MethodPost, "", body, http.StatusCreated)
}

// ask sends one request. That the ResultsDB does not know us somebody will mend; that
// it cannot do anything with what we say is for good.
func (r *ResultsDB) ask(ctx context.Context, method, query string, body []byte, want int) error {
	address := strings.TrimSuffix(r.config.URL, "/") + "/api/v2.0/results" + query
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGiveUp, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Koschei")
	if r.config.User != "" {
		req.SetBasicAuth(r.config.User, r.config.Password)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was read as far as it matters
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("reading what the ResultsDB answers: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var answer struct {
		Message string `json:"message"`
	}
	isJSON := kind == "application/json" && json.Unmarshal(text, &answer) == nil
	switch {
	case resp.StatusCode == want && isJSON:
		return nil
	case resp.StatusCode == http.StatusBadRequest && isJSON:
		return fmt.Errorf("%w: the ResultsDB does not take it: %s", ErrGiveUp, answer.Message)
	}
	err = fmt.Errorf("the ResultsDB, or what is before it, answers with %q and status %d", kind, resp.StatusCode)
	if after := retryAfter(resp.Header, time.Now()); after > 0 {
		return &laterError{error: err, after: after}
	}
	return err
}
