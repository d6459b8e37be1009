package amqp_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
	"github.com/koschei-ci/koschei/internal/notifier"
)

// tellsWhatHappened has the notifier's sink publish through a broker, and looks at
// what a consumer gets.
func tellsWhatHappened(t *testing.T, b *brokertest.Broker) {
	const prefix = "org.fedoraproject.prod"
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	p := &amqp.Publisher{Config: config(t, b)}
	t.Cleanup(p.Close)
	q := declare(t, &amqp.Queue{Config: p.Config, Queue: t.Name(), Topics: []string{prefix + ".koschei.#"}, Prefetch: 10})
	sink := &notifier.Bus{
		Publisher: p, Clock: koschei.Clock{Read: func() time.Time { return noon }}, TopicPrefix: prefix, Instance: "primary",
	}
	d := &koschei.Delivery{MessageID: "0b7e5d52-4ad4-4a1c-9f3a-6f0d37a6d1f2", Event: koschei.Event{
		Kind: koschei.EventPackageState, Collection: "f99", Package: "teapot", Before: "ok", After: "failing",
	}}
	where := &koschei.EventPlace{DisplayName: "Fedora 99", Groups: []string{"kettle-sig", "user1/mine"}}
	for range 2 { // as if nobody had heard that it was sent
		if err := sink.Send(t.Context(), d, where); err != nil {
			t.Fatal(err)
		}
	}
	want := &bus.Message{
		ID: d.MessageID, Topic: prefix + ".koschei.package.state.change", Sent: noon,
		Headers: map[string]any{
			"fedora_messaging_schema": "koschei.package.state.change", "fedora_messaging_schema_package": "koschei_messages",
			"fedora_messaging_severity": int32(20), "priority": int32(0), "sent-at": "2026-11-23T12:00:00+00:00",
			"fedora_messaging_rpm_teapot": true, "fedora_messaging_group_kettle-sig": true, "fedora_messaging_group_user1/mine": true,
		},
		Body: []byte(`{"name":"teapot","old":"ok","new":"failing","koji_instance":"primary","repo":"f99",` +
			`"collection":"f99","collection_name":"Fedora 99","groups":["kettle-sig","user1/mine"]}`),
	}
	r := receive(t, q)
	for range 2 {
		got := r.next()
		if diff := cmp.Diff(want, got.Message); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		r.settle(got, false)
	}
}
