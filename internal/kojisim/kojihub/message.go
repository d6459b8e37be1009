package kojihub

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
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

// A mailer makes messages of what happens in a world, and hands them out.
type mailer struct {
	seed     int64
	delivery sync.Mutex // held while messages are handed out, to keep them in order

	mu       sync.Mutex // protects what follows; taken with the world locked or not
	faults   MessageFaults
	readers  []func(Message)
	luck     draw.Draw // for the faults
	sent     int
	overtook *Message
	fates    map[string]int // of messages: sent, lost, repeated, late
	outbox   []Message      // not yet handed out
}

// hear queues the message about a fact, if anybody reads messages.
func (m *mailer) hear(w *kojisim.System, f kojisim.Fact) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.readers) == 0 {
		return
	}
	if e, body, told := describe(w, f); told {
		m.tell(w.Now, e, body)
	}
}

// deliver hands out the messages that are queued.
func (m *mailer) deliver() {
	m.delivery.Lock()
	defer m.delivery.Unlock()
	messages, readers := m.take()
	for _, msg := range messages {
		for _, read := range readers {
			read(msg)
		}
	}
}

// count adds to what is known of the fates of messages.
func (m *mailer) count(fate string) {
	if m.fates == nil {
		m.fates = map[string]int{}
	}
	m.fates[fate]++
}

// tell queues a message; it leaves with the next delivery.
func (m *mailer) tell(now time.Time, e envelope, body xmlrpc.Struct) {
	raw, err := json.Marshal(jsonOf(append(body, xmlrpc.Member{Name: "instance", Value: "primary"})))
	if err != nil {
		panic("kojisim: a message that is no JSON: " + err.Error())
	}
	m.sent++
	d := draw.From(m.seed, "message", fmt.Sprint(m.sent))
	msg := Message{
		ID:    fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(d.Next()), uint16(d.Next()), d.Next()&0xfff, d.Next()&0xfff, d.Next()&(1<<48-1)),
		Topic: e.topic, Schema: "koji_fedoramessaging." + e.schema, Sent: now.Truncate(time.Second), Body: raw,
		Headers: map[string]any{
			"fedora_messaging_schema":         "koji_fedoramessaging." + e.schema,
			"fedora_messaging_schema_package": "koji_fedoramessaging_messages",
			"fedora_messaging_severity":       e.severity,
			"sent-at":                         now.Format("2006-01-02T15:04:05+00:00"),
			"priority":                        0,
		},
	}
	if e.topic == "tag" || e.topic == "untag" {
		msg.Headers["priority"] = 2
	}
	if e.user != "" {
		msg.Headers["fedora_messaging_user_"+e.user] = true
	}
	if e.pkg != "" {
		msg.Headers["fedora_messaging_rpm_"+e.pkg] = true
	}
	m.outbox = append(m.outbox, msg)
}

// take returns what is to be delivered now, with the faults of the way.
func (m *mailer) take() ([]Message, []func(Message)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.outbox) == 0 {
		return nil, nil
	}
	var out []Message
	f := m.faults
	for _, msg := range m.outbox {
		lost, twice, late := m.luck.Chance(f.Lose), m.luck.Chance(f.Repeat), m.luck.Chance(f.Reorder)
		if lost {
			m.count("lost")
			continue
		}
		m.count("sent")
		if late && m.overtook == nil {
			m.count("late")
			m.overtook = &msg
			continue
		}
		out = append(out, msg)
		if twice {
			m.count("repeated")
			out = append(out, msg)
		}
		if m.overtook != nil {
			out = append(out, *m.overtook)
			m.overtook = nil
		}
	}
	m.outbox = nil
	return out, m.readers
}
