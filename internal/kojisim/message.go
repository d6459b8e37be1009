package kojisim

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A Message is what the hub's plugin would publish on the message bus.
type Message struct {
	ID      string
	Topic   string // below <prefix>.buildsys., such as "task.state.change"
	Schema  string // fedora-messaging's name of the body's form
	Sent    time.Time
	Body    json.RawMessage
	Headers map[string]any
}

// OnBus is the message as it comes over a bus whose topics begin with prefix,
// such as "org.fedoraproject.prod".
func (m Message) OnBus(prefix string) *bus.Message {
	return &bus.Message{ID: m.ID, Topic: prefix + ".buildsys." + m.Topic, Headers: m.Headers, Body: m.Body, Sent: m.Sent}
}

// MessageFaults is how unreliable the delivery of messages is; each is a
// probability.
type MessageFaults struct {
	Lose    float64
	Repeat  float64
	Reorder float64 // the message comes after the one that follows it
}

// mailbox is who gets messages, and what the way does to them.
type mailbox struct {
	faults   MessageFaults
	readers  []func(Message)
	luck     draw
	sent     int
	overtook *Message
	fates    map[string]int // of messages: sent, lost, repeated, late
}

// MessagesSent counts what became of messages on their way.
func (w *World) MessagesSent() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.mail.fates)
}

// fate counts what becomes of a message.
func (b *mailbox) fate(what string) {
	if b.fates == nil {
		b.fates = map[string]int{}
	}
	b.fates[what]++
}

// Subscribe has every message handed to read, in order, after the change it
// tells of was committed. read is called without any lock held, one message at
// a time; it must not wait long.
func (w *World) Subscribe(read func(Message)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mail.readers = append(w.mail.readers, read)
}

// SetMessageFaults makes the delivery of messages unreliable.
func (w *World) SetMessageFaults(f MessageFaults) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mail.faults = f
}

// tell queues a message; it leaves with the next delivery.
func (w *World) tell(topic, schema, user, pkg string, severity int, body xmlrpc.Struct) {
	if len(w.mail.readers) == 0 {
		return
	}
	raw, err := json.Marshal(jsonOf(append(body, xmlrpc.Member{Name: "instance", Value: "primary"})))
	if err != nil {
		panic("kojisim: a message that is no JSON: " + err.Error())
	}
	w.mail.sent++
	d := drawFrom(w.seed, "message", fmt.Sprint(w.mail.sent))
	m := Message{
		ID:    fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(d.next()), uint16(d.next()), d.next()&0xfff, d.next()&0xfff, d.next()&(1<<48-1)),
		Topic: topic, Schema: "koji_fedoramessaging." + schema, Sent: w.now.Truncate(time.Second), Body: raw,
		Headers: map[string]any{
			"fedora_messaging_schema":         "koji_fedoramessaging." + schema,
			"fedora_messaging_schema_package": "koji_fedoramessaging_messages",
			"fedora_messaging_severity":       severity,
			"sent-at":                         w.now.Format("2006-01-02T15:04:05+00:00"),
			"priority":                        0,
		},
	}
	if topic == "tag" || topic == "untag" {
		m.Headers["priority"] = 2
	}
	if user != "" {
		m.Headers["fedora_messaging_user_"+user] = true
	}
	if pkg != "" {
		m.Headers["fedora_messaging_rpm_"+pkg] = true
	}
	w.outbox = append(w.outbox, m)
}

// takeMessages returns what is to be delivered now, with the faults of the way.
func (w *World) takeMessages() ([]Message, []func(Message)) {
	if len(w.outbox) == 0 {
		return nil, nil
	}
	var out []Message
	f := w.mail.faults
	for _, m := range w.outbox {
		lost, twice, late := w.mail.luck.chance(f.Lose), w.mail.luck.chance(f.Repeat), w.mail.luck.chance(f.Reorder)
		if lost {
			w.mail.fate("lost")
			continue
		}
		w.mail.fate("sent")
		if late && w.mail.overtook == nil {
			w.mail.fate("late")
			w.mail.overtook = &m
			continue
		}
		out = append(out, m)
		if twice {
			w.mail.fate("repeated")
			out = append(out, m)
		}
		if w.mail.overtook != nil {
			out = append(out, *w.mail.overtook)
			w.mail.overtook = nil
		}
	}
	w.outbox = nil
	return out, w.mail.readers
}

// baseURL is the hub's address in messages.
const baseURL = "https://koji.example.test"

func (w *World) tellTask(t *task, old int) {
	if t.parent != nil || t.method != "build" || len(w.mail.readers) == 0 || len(t.request) < 3 {
		return
	}
	opts, _ := t.request[2].(xmlrpc.Struct)
	if scratch, _ := opts.Get("scratch"); scratch != true {
		return
	}
	w.tell("task.state.change", "task.TaskStateChangeV1", t.owner.name, "", 20, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "info", Value: w.taskMessage(t)},
		{Name: "method", Value: t.method},
		{Name: "attribute", Value: "state"},
		{Name: "old", Value: taskStateName(old)},
		{Name: "new", Value: taskStateName(t.state)},
		{Name: "id", Value: t.id},
		{Name: "owner", Value: t.owner.name},
		{Name: "files_base_url", Value: baseURL + "/kojifiles/work"},
		{Name: "srpm", Value: baseName(t.request[0])},
	})
}

func baseName(source any) any {
	s, ok := source.(string)
	if !ok {
		return nil
	}
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return s[i+1:]
		}
	}
	return s
}

// taskMessage is a task as messages describe it: times are whole seconds.
func (w *World) taskMessage(t *task) xmlrpc.Struct {
	children := []any{}
	for _, c := range t.children {
		children = append(children, w.taskMessage(c))
	}
	out := xmlrpc.Struct{
		{Name: "arch", Value: t.arch},
		{Name: "awaited", Value: boolOrNil(t.awaited)},
		{Name: "channel_id", Value: t.channel.id},
		{Name: "completion_time", Value: secondsOrNil(t.completed)},
		{Name: "create_time", Value: secondsOrNil(t.created)},
		{Name: "host_id", Value: hostIDOrNil(t.host)},
		{Name: "id", Value: t.id},
		{Name: "label", Value: stringOrNil(t.label)},
		{Name: "method", Value: t.method},
		{Name: "owner", Value: t.owner.name},
		{Name: "parent", Value: parentOrNil(t)},
		{Name: "priority", Value: t.priority},
		{Name: "start_time", Value: secondsOrNil(t.started)},
		{Name: "state", Value: t.state},
		{Name: "waiting", Value: boolOrNil(t.waiting)},
	}
	if t.parent == nil {
		out = append(out, xmlrpc.Member{Name: "request", Value: t.request})
	}
	var hostName any
	if t.host != nil {
		hostName = t.host.name
	}
	return append(out,
		xmlrpc.Member{Name: "host_name", Value: hostName},
		xmlrpc.Member{Name: "url", Value: fmt.Sprintf("%s/koji/taskinfo?taskID=%d", baseURL, t.id)},
		xmlrpc.Member{Name: "result", Value: w.wireResult(t)},
		xmlrpc.Member{Name: "children", Value: children})
}

// isoOrNil is a time as messages about builds have it.
func isoOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999+00:00")
}

func secondsOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return float64(t.Unix())
}

func (w *World) tellTag(g *tagging, by *user, topic string) {
	schema := "tag.TagV1"
	if topic == "untag" {
		schema = "tag.UntagV1"
	}
	b := g.build
	w.tell(topic, schema, by.name, b.pkg.name, 10, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: g.tag.name},
		{Name: "name", Value: b.pkg.name},
		{Name: "version", Value: b.evr.Version},
		{Name: "release", Value: b.evr.Release},
		{Name: "user", Value: by.name},
		{Name: "owner", Value: b.owner.name},
		{Name: "tag_id", Value: g.tag.id},
		{Name: "build_id", Value: b.id},
	})
}

func (w *World) tellRepo(r *repo, topic string) {
	schema := "repo.DoneV1"
	if topic == "repo.init" {
		schema = "repo.InitV1"
	}
	w.tell(topic, schema, "", "", 10, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: r.tag.name},
		{Name: "tag_id", Value: r.tag.id},
		{Name: "repo_id", Value: r.id},
	})
}

// tellBuild tells of a build's change of state; old -1 is none.
func (w *World) tellBuild(b *build, old, now int) {
	if len(w.mail.readers) == 0 {
		return
	}
	var before, info, request any
	if old >= 0 {
		before = old
	}
	if t := w.taskByID(b.taskID); t != nil {
		info, request = w.taskMessage(t), t.request
	}
	w.tell("build.state.change", "build.BuildStateChangeV1", b.owner.name, b.pkg.name, 20, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "build_id", Value: b.id},
		{Name: "name", Value: b.pkg.name},
		{Name: "version", Value: b.evr.Version},
		{Name: "release", Value: b.evr.Release},
		{Name: "epoch", Value: epochOrNil(b.evr.Epoch)},
		{Name: "attribute", Value: "state"},
		{Name: "old", Value: before},
		{Name: "new", Value: now},
		{Name: "owner", Value: b.owner.name},
		{Name: "task_id", Value: idOrNil(b.taskID)},
		{Name: "task", Value: info},
		{Name: "request", Value: request},
		{Name: "files_base_url", Value: baseURL + "/kojifiles/work"},
		{Name: "creation_time", Value: isoOrNil(b.created)},
		{Name: "completion_time", Value: isoOrNil(b.finished)},
		{Name: "url", Value: fmt.Sprintf("%s/koji/buildinfo?buildID=%d", baseURL, b.id)},
	})
}

func (w *World) tellPackage(t *tag, l *listedPkg, action string) {
	w.tell("package.list.change", "package.ListChangeV1", l.owner.name, l.pkg.name, 10, xmlrpc.Struct{
		{Name: "base_url", Value: baseURL},
		{Name: "tag", Value: t.name},
		{Name: "package", Value: l.pkg.name},
		{Name: "action", Value: action},
		{Name: "owner", Value: l.owner.name},
		{Name: "block", Value: l.blocked},
		{Name: "extra_arches", Value: stringOrNil(l.extraArches)},
		{Name: "force", Value: false},
		{Name: "update", Value: false},
	})
}

// jsonOf turns a wire value into what encoding/json writes alike.
func jsonOf(v any) any {
	switch v := v.(type) {
	case xmlrpc.Struct:
		out := make(map[string]any, len(v))
		for _, m := range v {
			out[m.Name] = jsonOf(m.Value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonOf(e)
		}
		return out
	default:
		return v
	}
}
