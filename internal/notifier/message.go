package notifier

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
)

// A kind is a kind of messages on the bus: its topic without the prefix, which is
// also the name of its schema.
type kind string

// The first two are those that Koschei has always had: packages of messages know
// how to read them. The others are ours; docs/messages.md describes all.
const (
	packageState    kind = "koschei.package.state.change"
	collectionState kind = "koschei.collection.state.change"
	buildEnd        kind = "koschei.build.end"
	packageCulprit  kind = "koschei.package.culprit"
	updateBroke     kind = "koschei.update.broke"
	updateMended    kind = "koschei.update.mended"
	rebuildRequest  kind = "koschei.rebuild.request"
	heartbeat       kind = "koschei.heartbeat"
)

// schemaPackage is the Python package that describes our messages.
const schemaPackage = "koschei_messages"

// The severities that fedora-messaging knows and we use.
const (
	debug int32 = 10
	info  int32 = 20
)

func (k kind) severity() int32 {
	switch k {
	case packageState, collectionState, packageCulprit, updateBroke, updateMended:
		return info
	default:
		return debug
	}
}

// kindOf is the kind of the message that tells of an event; "" if none does.
// People outside know fewer states of packages than there are.
func kindOf(e *koschei.Event) kind {
	before, after := e.Told()
	switch {
	case e.Kind == koschei.EventPackageState && before != after:
		return packageState
	case e.Kind == koschei.EventCollectionState && before != after && koschei.State(after) != koschei.StateUnknown:
		return collectionState
	case e.Kind == koschei.EventBuildEnded:
		return buildEnd
	case e.Detail == nil:
		return ""
	case e.Kind == koschei.EventCulprit:
		return packageCulprit
	case e.Kind == koschei.EventUpdate && e.After == koschei.UpdateBroken:
		return updateBroke
	case e.Kind == koschei.EventUpdate:
		return updateMended
	case e.Kind == koschei.EventRebuild:
		return rebuildRequest
	default:
		return ""
	}
}

// keyOf is the key of what is told of an event by a sink with one receiver.
func keyOf(e *koschei.Event) string { return strconv.FormatInt(e.ID, 10) }

// message words an event for the bus.
func (b *Bus) message(d *koschei.Delivery, where *koschei.EventPlace) (*bus.Message, error) {
	e := &d.Event
	body := b.body(e, where)
	if body == nil {
		return nil, fmt.Errorf("%w: nothing on the bus tells of a %s from %q to %q", ErrGiveUp, e.Kind, e.Before, e.After)
	}
	m, err := b.wrap(kindOf(e), d.MessageID, body)
	if err != nil {
		return nil, err
	}
	if e.Package != "" {
		mark(m, "rpm", e.Package)
		for _, group := range where.Groups {
			mark(m, "group", group)
		}
	}
	if e.Detail != nil && e.Detail.Source != "" {
		mark(m, "rpm", e.Detail.Source)
	}
	if e.Detail != nil && e.Detail.By != "" {
		mark(m, "user", e.Detail.By)
	}
	return m, nil
}

// body is what the bus tells of an event; nil if that is nothing.
func (b *Bus) body(e *koschei.Event, where *koschei.EventPlace) any {
	before, after := e.Told()
	groups := append([]string{}, where.Groups...) // an empty list, not null
	at := e.At.UTC().Truncate(time.Second)
	switch kindOf(e) {
	case packageState:
		return packageStateBody{
			Name: e.Package, Old: before, New: after, KojiInstance: b.Instance,
			Repo: e.Collection, Collection: e.Collection, CollectionName: where.DisplayName, Groups: groups,
		}
	case collectionState:
		return collectionStateBody{
			Old: before, New: after, KojiInstance: b.Instance,
			Collection: e.Collection, CollectionName: where.DisplayName, RepoID: strconv.FormatInt(e.RepoID, 10),
		}
	case buildEnd:
		return buildEndBody{
			Name: e.Package, Build: e.BuildID, Outcome: after, KojiInstance: b.Instance,
			Collection: e.Collection, CollectionName: where.DisplayName, Time: at, Groups: groups,
		}
	case packageCulprit:
		u := b.update(e, where)
		u.Packages = 0 // it is about one
		return culpritBody{Name: e.Package, State: e.After, Build: e.BuildID, updateBody: u, Groups: groups}
	case updateBroke, updateMended:
		return b.update(e, where)
	case rebuildRequest:
		return rebuildBody{
			Name: e.Package, User: e.Detail.By, First: e.Detail.First, KojiInstance: b.Instance,
			Collection: e.Collection, CollectionName: where.DisplayName, Time: at, Groups: groups,
		}
	default:
		return nil
	}
}

// update words what an event says of an update.
func (b *Bus) update(e *koschei.Event, where *koschei.EventPlace) updateBody {
	u := updateBody{
		Source: e.Detail.Source, OldVersion: e.Detail.From, NewVersion: e.Detail.To, Missing: e.Detail.Lacks, Packages: e.Detail.Packages,
		KojiInstance: b.Instance, Collection: e.Collection, CollectionName: where.DisplayName, Time: e.At.UTC().Truncate(time.Second),
	}
	if e.RepoID != 0 {
		u.RepoID = strconv.FormatInt(e.RepoID, 10)
	}
	return u
}

// wrap makes a message of a body.
func (b *Bus) wrap(k kind, id string, body any) (*bus.Message, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: wording a message: %w", ErrGiveUp, err)
	}
	return &bus.Message{
		ID: id, Topic: b.TopicPrefix + "." + string(k), Body: text, Sent: b.Clock.Now(),
		Headers: map[string]any{
			"fedora_messaging_schema":         string(k),
			"fedora_messaging_schema_package": schemaPackage,
			"fedora_messaging_severity":       k.severity(),
			"priority":                        int32(0),
		},
	}, nil
}

// longestHeader is what AMQP allows.
const longestHeader = 255

// mark says in a header what a message is about, for consumers that choose by
// that.
func mark(m *bus.Message, what, name string) {
	if header := "fedora_messaging_" + what + "_" + name; len(header) <= longestHeader {
		m.Headers[header] = true
	}
}

// The bodies, as docs/schemas has them.
type (
	packageStateBody struct {
		Name           string   `json:"name"`
		Old            string   `json:"old"`
		New            string   `json:"new"`
		KojiInstance   string   `json:"koji_instance"`
		Repo           string   `json:"repo"`
		Collection     string   `json:"collection"`
		CollectionName string   `json:"collection_name"`
		Groups         []string `json:"groups"`
	}
	collectionStateBody struct {
		Old            string `json:"old"`
		New            string `json:"new"`
		KojiInstance   string `json:"koji_instance"`
		Collection     string `json:"collection"`
		CollectionName string `json:"collection_name"`
		RepoID         string `json:"repo_id"`
	}
	buildEndBody struct {
		Name           string    `json:"name"`
		Build          int64     `json:"build"`
		Outcome        string    `json:"outcome"`
		KojiInstance   string    `json:"koji_instance"`
		Collection     string    `json:"collection"`
		CollectionName string    `json:"collection_name"`
		Time           time.Time `json:"time"`
		Groups         []string  `json:"groups"`
	}
	updateBody struct {
		Source         string    `json:"source"`
		OldVersion     string    `json:"old_version"`
		NewVersion     string    `json:"new_version"`
		Missing        string    `json:"missing,omitempty"`
		Packages       int       `json:"packages,omitempty"`
		RepoID         string    `json:"repo_id,omitempty"`
		KojiInstance   string    `json:"koji_instance"`
		Collection     string    `json:"collection"`
		CollectionName string    `json:"collection_name"`
		Time           time.Time `json:"time"`
	}
	culpritBody struct {
		updateBody

		Name   string   `json:"name"`
		State  string   `json:"state"`
		Build  int64    `json:"build,omitempty"`
		Groups []string `json:"groups"`
	}
	rebuildBody struct {
		Name           string    `json:"name"`
		User           string    `json:"user"`
		First          bool      `json:"first"`
		KojiInstance   string    `json:"koji_instance"`
		Collection     string    `json:"collection"`
		CollectionName string    `json:"collection_name"`
		Time           time.Time `json:"time"`
		Groups         []string  `json:"groups"`
	}
	heartbeatBody struct {
		KojiInstance string    `json:"koji_instance"`
		Time         time.Time `json:"time"`
	}
)
