package notifier

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/record/deliver"
	"github.com/koschei-ci/koschei/internal/schema"
)

// CIName is the name of the sink that publishes CI messages.
const CIName = "ci"

// A CIConfig says which collections are tests that others wait for, and who tests.
type CIConfig struct {
	Namespace string            // of topics and tests
	Groups    map[string]string // the base of each collection that is a group of builds, by their names
	Contact   CIContact
	Rules     koschei.PriorityRules  // which packages are due
	Every     time.Duration          // between looks at the groups, at least, real time: what happens to packages wakes us far more often
	TopURLs   map[koschei.Hub]string // addresses below which the hubs' repos are

	Site *url.URL // of the pages, for links
}

// A CIContact is who tests, as CI messages have it.
type CIContact struct {
	Name  string `json:"name"`
	Team  string `json:"team"`
	Docs  string `json:"docs"`
	Email string `json:"email"`
	IRC   string `json:"irc,omitempty"`
}

// A CI is the sink that publishes how far the tests of groups of builds are, such as
// side tags, as CI messages on the bus. A group is a collection that is tested against
// another one, its base.
type CI struct {
	// DB knows how far they are. It must be set before anything is done.
	DB *deliver.Deliveries

	// Bus is what publishes.
	Bus *Bus

	config CIConfig

	mu   sync.Mutex
	next time.Time // when the groups are looked at again, real time
}

// NewCI returns a sink that publishes as b does. An error says which setting is wrong.
func NewCI(c CIConfig, b *Bus) (*CI, error) {
	switch {
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,49}$`).MatchString(c.Namespace):
		return nil, fmt.Errorf("namespace: %q must be up to 50 of a to z, digits, - and _", c.Namespace)
	case len(c.Groups) == 0:
		return nil, errors.New("groups: it names none")
	case c.Contact.Name == "" || c.Contact.Team == "" || c.Contact.Docs == "" || c.Contact.Email == "":
		return nil, errors.New("contact: name, team, docs and email are needed")
	}
	for name, base := range c.Groups {
		if base == "" || base == name {
			return nil, fmt.Errorf("groups: %q needs another collection as its base", name)
		}
	}
	return &CI{config: c, Bus: b}, nil
}

// Name implements Sink.
func (s *CI) Name() string { return CIName }

// Heartbeat implements Sink.
func (s *CI) Heartbeat() time.Duration { return 0 }

// Ping finds out whether the broker can be reached. It publishes a heartbeat.
func (s *CI) Ping(ctx context.Context) error { return s.Bus.Ping(ctx) }

// Judge implements Judge.
func (s *CI) Judge(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	due := !time.Now().Before(s.next)
	if due {
		s.next = time.Now().Add(s.config.Every)
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	var errs []error
	for name, base := range s.config.Groups {
		errs = append(errs, s.DB.JudgeGate(ctx, name, base, schema.Ranking{Rules: s.config.Rules, Now: now}))
	}
	return errors.Join(errs...)
}

// Keys implements Broadcast.
func (s *CI) Keys(e *koschei.Event) []string {
	if e.Kind != koschei.EventGate || s.config.Groups[e.Collection] == "" {
		return nil
	}
	return []string{keyOf(e)}
}

// Send implements Broadcast. Of a group without builds there is nothing to say.
func (s *CI) Send(ctx context.Context, d *koschei.Delivery, _ *koschei.EventPlace) error {
	facts, err := s.DB.GateFacts(ctx, &d.Event, s.config.Groups[d.Event.Collection])
	if errors.Is(err, koschei.ErrNotFound) {
		return nil // the side tag is gone, which is how it ends
	}
	if err != nil || len(facts.Builds) == 0 {
		return err
	}
	m, err := s.message(d, facts)
	if err != nil {
		return err
	}
	return s.Bus.Publisher.Publish(ctx, m)
}

// ciVersion is that of the schemas that the messages follow.
const ciVersion = "0.2.5"

// ciSchema is what fedora-messaging calls a message that no class describes.
const ciSchema = "base.message"

func (s *CI) message(d *koschei.Delivery, facts *koschei.GateFacts) (*bus.Message, error) {
	e := &d.Event
	page := s.config.Site.JoinPath("collection", url.PathEscape(e.Collection)).String()
	body := ciBody{
		Version: ciVersion, GeneratedAt: e.At.UTC().Truncate(time.Second), Contact: s.config.Contact, Run: ciRun{URL: page, Log: page},
		// The same for all that is told of one test, and for when it is done again.
		Pipeline: ciPipeline{ID: fmt.Sprintf("koschei-%s-%d", e.Collection, e.RepoID), Name: "rebuild"},
		Artifact: s.artifact(e, facts),
		Test:     ciTest{Category: "integration", Namespace: s.config.Namespace, Type: "rebuild"},
	}
	step := "running"
	switch koschei.GateState(e.After) {
	case koschei.GateRunning:
	case koschei.GatePassed, koschei.GateFailed:
		step = "complete"
		body.Test.Result, body.Test.Output = e.After, outcomeOf(e, facts)
		body.System = &[]string{}
	case koschei.GateAborted:
		step = "error"
		body.Error = &ciError{Reason: "A newer repo is tested instead."}
	default:
		return nil, fmt.Errorf("%w: nothing tells of a %s to %q", ErrGiveUp, e.Kind, e.After)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: wording a message: %w", ErrGiveUp, err)
	}
	m := &bus.Message{
		ID: d.MessageID, Topic: fmt.Sprintf("%s.ci.%s.koji-build-group.test.%s", s.Bus.TopicPrefix, s.config.Namespace, step), Body: text, Sent: s.Bus.Clock.Now(),
		Headers: map[string]any{"fedora_messaging_schema": ciSchema, "fedora_messaging_severity": info, "priority": int32(0)},
	}
	for _, b := range facts.Builds {
		mark(m, "rpm", b.Package)
	}
	return m, nil
}

// artifact is what is tested: the group is known by its side tag, builds by their
// tasks.
func (s *CI) artifact(e *koschei.Event, facts *koschei.GateFacts) ciArtifact {
	a := ciArtifact{
		Type: "koji-build-group", ID: facts.DestTag,
		Repository: strings.TrimSuffix(s.config.TopURLs[facts.Hub], "/") + "/repos/" + url.PathEscape(facts.BuildTag) + "/" + strconv.FormatInt(e.RepoID, 10) + "/",
	}
	for _, b := range facts.Builds {
		a.Builds = append(a.Builds, ciBuild{
			Type: "koji-build", ID: b.TaskID, Issuer: cmp.Or(b.Owner, "unknown"), Component: b.Package, NVR: b.NVR,
		})
	}
	return a
}

// mostOutput is how long the sentence about a test may be.
const mostOutput = 500

// outcomeOf says in a sentence how a test ended.
func outcomeOf(e *koschei.Event, facts *koschei.GateFacts) string {
	if e.After == string(koschei.GatePassed) {
		return fmt.Sprintf("%d packages build as they do without the update.", facts.Packages)
	}
	if len(facts.Broken) == 0 {
		return "The base buildroot cannot be installed."
	}
	text := fmt.Sprintf("%d of %d packages broke:", len(facts.Broken), facts.Packages)
	for _, name := range slices.Sorted(slices.Values(facts.Broken)) {
		if len(text)+len(name) > mostOutput-len(" ...") {
			return text + " ..."
		}
		text += " " + name
	}
	return text
}

// The bodies, as docs/schemas has them.
type (
	ciBody struct {
		Version     string     `json:"version"`
		GeneratedAt time.Time  `json:"generated_at"`
		Contact     CIContact  `json:"contact"`
		Run         ciRun      `json:"run"`
		Pipeline    ciPipeline `json:"pipeline"`
		Artifact    ciArtifact `json:"artifact"`
		Test        ciTest     `json:"test"`
		System      *[]string  `json:"system,omitempty"`
		Error       *ciError   `json:"error,omitempty"`
	}
	ciRun struct {
		URL string `json:"url"`
		Log string `json:"log"`
	}
	ciPipeline struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	ciArtifact struct {
		Type       string    `json:"type"`
		ID         string    `json:"id"`
		Repository string    `json:"repository"`
		Builds     []ciBuild `json:"builds"`
	}
	ciBuild struct {
		Type      string `json:"type"`
		ID        int64  `json:"id"`
		Issuer    string `json:"issuer"`
		Component string `json:"component"`
		NVR       string `json:"nvr"`
		Scratch   bool   `json:"scratch"`
	}
	ciTest struct {
		Category  string `json:"category"`
		Namespace string `json:"namespace"`
		Type      string `json:"type"`
		Result    string `json:"result,omitempty"`
		Output    string `json:"output,omitempty"`
	}
	ciError struct {
		Reason string `json:"reason"`
	}
)
