package notifier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bugreport"
	"github.com/koschei-ci/koschei/internal/bugzilla"
	"github.com/koschei-ci/koschei/internal/record/deliver"
)

// BugzillaName is the name of the sink that files bugs.
const BugzillaName = "bugzilla"

// A BugzillaConfig says which bugs are filed, and where.
type BugzillaConfig struct {
	URL string // of the Bugzilla
	Key string // API key

	States      []koschei.State   // of which bugs are filed: failing, unresolved
	After       time.Duration     // domain time for which a package must have been broken
	Failures    int               // builds that must have failed, for a package that is failing
	PerHour     int               // bugs
	PerDay      int               // bugs
	Trackers    map[string]string // alias of the bug that those of a collection block, by name of collection
	Fields      map[string]string // others that this Bugzilla wants
	Resolution  string            // with which a bug is closed when its package is mended; "" if there is a comment only
	Collections []string          // whose bugs are filed; none means all that have a product and a version

	Site *url.URL // of the pages, for links
	TLS  *tls.Config
}

// A Bugzilla is the sink that files bugs about packages that stay broken, and
// comments on them when they are mended. A bug has an alias that is made of its
// delivery's message id, which the Bugzilla gives to one bug only: so it is filed
// once, however often that is tried. A bug of others that is about the same keeps
// ours from being filed.
type Bugzilla struct {
	// DB keeps which bugs there are. It must be set before anything is sent.
	DB *deliver.Deliveries

	config BugzillaConfig
	client *bugzilla.Client

	mu       sync.Mutex
	trackers map[string]int64 // by alias
}

// NewBugzilla returns a sink. An error says which setting is wrong.
func NewBugzilla(c BugzillaConfig) (*Bugzilla, error) {
	switch {
	case !namesService(c.URL):
		return nil, fmt.Errorf("url: %q must be an address such as https://bugzilla.example.org", c.URL)
	case c.Key == "" || strings.ContainsAny(c.Key, " \t\r\n"):
		return nil, errors.New("key_file: it must hold an API key and nothing else")
	case len(c.States) == 0:
		return nil, errors.New("states: it names none")
	case c.Failures < 1 || c.PerHour < 1 || c.PerDay < 1:
		return nil, errors.New("failures, per_hour, per_day: each must be at least 1")
	}
	for _, s := range c.States {
		if s != koschei.StateFailing && s != koschei.StateUnresolved {
			return nil, fmt.Errorf("states: %q must be failing or unresolved", s)
		}
	}
	for name := range c.Fields {
		if slices.Contains([]string{"product", "component", "version", "summary", "description", "alias", "whiteboard", "url", "blocks"}, name) {
			return nil, fmt.Errorf("fields: %s is set by Koschei", name)
		}
	}
	return &Bugzilla{
		config: c, trackers: map[string]int64{},
		client: &bugzilla.Client{URL: strings.TrimSuffix(c.URL, "/"), Key: c.Key, HTTP: clientOf(c.TLS)},
	}, nil
}

// Name implements Sink.
func (b *Bugzilla) Name() string { return BugzillaName }

// Heartbeat implements Sink.
func (b *Bugzilla) Heartbeat() time.Duration { return 0 }

// Ping asks for the Bugzilla's version. It files nothing.
func (b *Bugzilla) Ping(ctx context.Context) error {
	_, err := b.client.Version(ctx)
	return err
}

// Keys implements Sink.
func (b *Bugzilla) Keys(e *koschei.Event) []string {
	before, after := e.Told()
	switch {
	case e.Kind != koschei.EventPackageState || before == after,
		len(b.config.Collections) > 0 && !slices.Contains(b.config.Collections, e.Collection):
		return nil
	case koschei.State(after) == koschei.StateOK || slices.Contains(b.config.States, koschei.State(after)):
		return []string{keyOf(e)}
	}
	return nil
}

// HeldUntil implements Patient: what is mended soon is no bug.
func (b *Bugzilla) HeldUntil(e *koschei.Event) time.Time {
	if _, after := e.Told(); koschei.State(after) == koschei.StateOK || b.config.After <= 0 {
		return time.Time{}
	}
	return e.At.Add(b.config.After)
}

// notYetFor is how long (real time) a bug waits that may not be filed yet.
const notYetFor = time.Hour

// Send implements Broadcast.
func (b *Bugzilla) Send(ctx context.Context, d *koschei.Delivery, _ *koschei.EventPlace) error {
	var err error
	if _, after := d.Event.Told(); koschei.State(after) == koschei.StateOK {
		err = b.mended(ctx, d)
	} else {
		err = b.broken(ctx, d, koschei.State(after))
	}
	var busy *bugzilla.BusyError
	var capped *deliver.CappedError
	switch {
	case errors.As(err, &capped):
		return &laterError{error: err, after: notYetFor, alone: true}
	case errors.As(err, &busy):
		return &laterError{error: err, after: min(max(busy.After, time.Minute), mostRest)}
	case bugzilla.Refused(err):
		return fmt.Errorf("%w: %w", ErrGiveUp, err)
	}
	return err
}

// broken files a bug, if there is none yet and the package is still broken.
func (b *Bugzilla) broken(ctx context.Context, d *koschei.Delivery, state koschei.State) error {
	now, err := b.DB.Breakage(ctx, &d.Event)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil // the package is gone
	}
	switch {
	case err != nil:
		return err
	case now.State != state, now.Product == "" || now.Version == "", now.Bug != 0:
		return nil
	case state == koschei.StateFailing && now.Failures < b.config.Failures:
		return &laterError{error: fmt.Errorf("%d of its builds failed, and a bug takes %d", now.Failures, b.config.Failures), after: notYetFor, alone: true}
	}
	marker := markerOf(d)
	limits := []deliver.BugLimit{{Most: b.config.PerHour, In: time.Hour}, {Most: b.config.PerDay, In: 24 * time.Hour}}
	if err := b.DB.BeginBug(ctx, &d.Event, now.Cause, marker, limits); err != nil {
		return err
	}
	number, filed, err := b.file(ctx, d, now, marker)
	if err != nil {
		return err
	}
	return b.DB.NoteBug(ctx, marker, number, filed)
}

// markerOf is what a bug is known by, in the Bugzilla and here: an alias of at most
// 20 characters, which old ones take, too.
func markerOf(d *koschei.Delivery) string {
	return "koschei-" + strings.ReplaceAll(d.MessageID, "-", "")[:12]
}

// file files a bug, or finds the one that is about the same.
func (b *Bugzilla) file(ctx context.Context, d *koschei.Delivery, now *deliver.Breakage, marker string) (number int64, filed bool, err error) {
	number, err = b.byMarker(ctx, marker)
	if err != nil || number != 0 {
		return number, true, err
	}
	tracker := b.config.Trackers[d.Event.Collection]
	if number, err = b.duplicate(ctx, d, now, tracker); err != nil || number != 0 {
		return number, false, err
	}
	report := b.report(d, now)
	bug := &bugzilla.New{
		Product: now.Product, Component: d.Event.Package, Version: now.Version, Summary: report.Summary(),
		Description: report.Text(), Alias: marker, Whiteboard: whiteboard(&d.Event), URL: report.URL, Fields: b.config.Fields,
	}
	if tracker != "" {
		bug.Blocks = []string{tracker}
	}
	number, err = b.client.File(ctx, bug)
	if errors.Is(err, bugzilla.ErrAliasTaken) { // by us, a moment ago
		if found, finding := b.byMarker(ctx, marker); finding != nil || found != 0 {
			return found, true, finding
		}
	}
	return number, true, err
}

func whiteboard(e *koschei.Event) string { return "koschei:" + e.Subject() }

// byMarker returns the number of the bug with a marker, 0 if there is none.
func (b *Bugzilla) byMarker(ctx context.Context, marker string) (int64, error) {
	bug, err := b.client.Bug(ctx, marker)
	if errors.Is(err, bugzilla.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return bug.ID, nil
}

// duplicate returns the number of an open bug that is about the same, 0 if there is
// none: one that blocks the tracker, one that we have marked, or one that says so.
func (b *Bugzilla) duplicate(ctx context.Context, d *koschei.Delivery, now *deliver.Breakage, tracker string) (int64, error) {
	open, err := b.client.Open(ctx, now.Product, d.Event.Package)
	if err != nil {
		return 0, err
	}
	blocked := int64(0)
	if tracker != "" {
		if blocked, err = b.tracker(ctx, tracker); err != nil {
			return 0, err
		}
	}
	mark, failing := whiteboard(&d.Event), now.State == koschei.StateFailing
	for _, bug := range open {
		switch {
		case blocked != 0 && slices.Contains(bug.Blocks, blocked),
			slices.Contains(strings.Fields(bug.Whiteboard), mark) && failing == strings.Contains(bug.Summary, "FTBFS"),
			failing && strings.Contains(strings.ToUpper(bug.Summary), "FTBFS"):
			return bug.ID, nil
		}
	}
	return 0, nil
}

// tracker returns the number of the bug that others block.
func (b *Bugzilla) tracker(ctx context.Context, alias string) (int64, error) {
	b.mu.Lock()
	number := b.trackers[alias]
	b.mu.Unlock()
	if number != 0 {
		return number, nil
	}
	bug, err := b.client.Bug(ctx, alias)
	if err != nil {
		return 0, fmt.Errorf("looking for the tracker: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trackers[alias] = bug.ID
	return bug.ID, nil
}

// report is what there is to say.
func (b *Bugzilla) report(d *koschei.Delivery, now *deliver.Breakage) *bugreport.Report {
	r := &bugreport.Report{
		Package: d.Event.Package, EVR: now.EVR, Collection: now.Collection, Unresolved: now.State == koschei.StateUnresolved, Problems: now.Problems,
		Suspects: now.Suspects, More: now.More, Log: now.Log, Arch: now.Arch, Excerpt: now.Excerpt, URL: pageOf(b.config.Site, &d.Event),
	}
	since := d.Event.At.UTC().Format("2 January 2006")
	switch {
	case r.Unresolved:
		r.Say = fmt.Sprintf("That is so since %s.", since)
	case now.Failures == 1:
		r.Say = fmt.Sprintf("A build of it failed on %s.", since)
	default:
		r.Say = fmt.Sprintf("It first failed on %s. %d builds have failed since then.", since, now.Failures)
	}
	if len(now.Suspects) == 1 && now.More == 0 {
		r.Evidence = []string{"Nothing else in its buildroot had changed: " + now.Suspects[0]}
	}
	return r
}

// mended comments on the bugs that we filed about a package that is ok again.
func (b *Bugzilla) mended(ctx context.Context, d *koschei.Delivery) error {
	bugs, err := b.DB.OpenBugs(ctx, &d.Event)
	if err != nil {
		return err
	}
	for _, bug := range bugs {
		if bug.Filed {
			if err := b.comment(ctx, d, bug.Number); err != nil {
				return err
			}
		}
		if err := b.DB.BugMended(ctx, bug.ID, d.Event.At); err != nil {
			return err
		}
	}
	return nil
}

// comment says on a bug that its package is mended, unless that was said before.
func (b *Bugzilla) comment(ctx context.Context, d *koschei.Delivery, number int64) error {
	mark := fmt.Sprintf("(Koschei, event %d)", d.Event.ID)
	said, err := b.client.Said(ctx, number, mark)
	if err != nil || said {
		return err
	}
	what := "builds again"
	if before, _ := d.Event.Told(); koschei.State(before) == koschei.StateUnresolved {
		what = "can be built again"
	}
	text := fmt.Sprintf("%s %s in %s since %s UTC. %s", d.Event.Package, what, d.Event.Collection, d.Event.At.UTC().Format("2006-01-02 15:04"), mark)
	return b.client.Comment(ctx, number, text, b.config.Resolution)
}
