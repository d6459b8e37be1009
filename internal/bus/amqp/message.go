package amqp

import (
	"maps"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/koschei-ci/koschei/internal/bus"
)

// sentHeader says when a message was sent, in whole seconds.
const (
	sentHeader = "sent-at"
	sentFormat = "2006-01-02T15:04:05-07:00"
)

// messageOf is a delivery as package bus knows it.
func messageOf(d *amqp091.Delivery) *bus.Message {
	m := &bus.Message{
		ID: d.MessageId, Topic: d.RoutingKey, Headers: d.Headers, Body: d.Body, Redelivered: d.Redelivered,
	}
	if text, ok := d.Headers[sentHeader].(string); ok {
		if sent, err := time.Parse(time.RFC3339, text); err == nil { // or it does not say
			m.Sent = sent.UTC()
		}
	}
	return m
}

// publishing is a message as fedora-messaging sends it.
func publishing(m *bus.Message) amqp091.Publishing {
	headers := amqp091.Table{}
	maps.Copy(headers, m.Headers)
	if !m.Sent.IsZero() {
		headers[sentHeader] = m.Sent.UTC().Format(sentFormat)
	}
	return amqp091.Publishing{
		ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp091.Persistent,
		MessageId: m.ID, Headers: headers, Body: m.Body,
	}
}
