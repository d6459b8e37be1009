package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
)

type notifierConfig struct {
	Interval time.Duration   `yaml:"interval" range:"1ms 8760h" doc:"Time between passes. What happens is told at once; a delivery that failed, or is held, is looked for this often."`
	Quiet    time.Duration   `yaml:"quiet" range:"0s 8760h" doc:"A package or buildroot whose dependencies cannot be installed is told only if that lasts so long; 0 tells it at once."`
	Mail     mailConfig      `yaml:"mail" doc:"Letters to those who have subscribed; without server there are none. See docs/operating/notifications.md."`
	Bus      publishConfig   `yaml:"bus" doc:"Messages to the broker and exchange of section bus; see docs/messages.md."`
	Webhooks []webhookConfig `yaml:"webhooks" doc:"URLs that are called, each with name, url, secret_file, and optionally events, allow, heartbeat and template_file; see docs/operating/notifications.md."`
}

type mailConfig struct {
	Server       string        `yaml:"server" doc:"Host and port of the mail server, such as smtp.example.org:587."`
	Security     string        `yaml:"security" doc:"starttls, implicit (TLS from the first byte) or none."`
	CA           string        `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the server; empty for the system's."`
	User         string        `yaml:"user" doc:"User to log in as; empty for no login."`
	PasswordFile string        `yaml:"password_file" file:"yes" doc:"File that holds the user's password."`
	From         string        `yaml:"from" doc:"Who writes, as Koschei <koschei@example.org>."`
	Bounce       string        `yaml:"bounce" doc:"Address that bounces go to; empty for that of from."`
	ListID       string        `yaml:"list_id" doc:"List-Id of all letters. People filter by it: never change it."`
	Address      string        `yaml:"address" doc:"Where mail to a user goes who has no address of their own, as {user}@example.org."`
	Gather       time.Duration `yaml:"gather" range:"0s 1h" doc:"Real time for which news is collected, so that what breaks together is told together."`
}

type publishConfig struct {
	Publish     bool          `yaml:"publish" doc:"Whether anything is published."`
	TopicPrefix string        `yaml:"topic_prefix" doc:"What topics begin with, before .koschei."`
	Instance    string        `yaml:"instance" doc:"koji_instance in messages."`
	Builds      bool          `yaml:"builds" doc:"Tell of the end of each build, too."`
	Heartbeat   time.Duration `yaml:"heartbeat" range:"0s 8760h" doc:"A message so often, so that silence is a fault; 0 for none."`
}

type webhookConfig struct {
	Name       string        `yaml:"name"`
	URL        string        `yaml:"url"`
	SecretFile string        `yaml:"secret_file" file:"yes"`
	Events     []string      `yaml:"events"`
	Allow      []string      `yaml:"allow"`
	Heartbeat  time.Duration `yaml:"heartbeat" range:"0s 8760h"`
	Template   string        `yaml:"template_file" file:"yes"`
}

// hasSink says whether anybody is to be told anything.
func (c notifierConfig) hasSink() bool {
	return c.Bus.Publish || len(c.Webhooks) > 0 || c.Mail.Server != ""
}

// sinks returns the configured sinks. It contacts nobody.
func (c config) sinks(log *slog.Logger) (sinks []notifier.Sink, err error) {
	n := c.Notifier
	if n.Bus.Publish {
		sink, err := c.busSink(log)
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, sink)
	}
	if n.Mail.Server != "" {
		sink, err := c.mail()
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, sink)
	}
	for i, w := range n.Webhooks {
		sink, err := c.webhook(&w)
		if err != nil {
			return nil, fmt.Errorf("notifier.webhooks, number %d: %w", i+1, err)
		}
		same := func(other notifier.Sink) bool { return other.Name() == sink.Name() }
		if slices.ContainsFunc(sinks, same) {
			return nil, fmt.Errorf("notifier.webhooks, number %d: name: %q is taken", i+1, w.Name)
		}
		sinks = append(sinks, sink)
	}
	return sinks, nil
}

// busSink publishes to the broker of section bus.
func (c config) busSink(log *slog.Logger) (*notifier.Bus, error) {
	n, b := c.Notifier.Bus, c.Bus
	switch {
	case b.URL == "":
		return nil, errors.New("notifier.bus.publish: there is no broker to publish to: set bus.url")
	case b.Exchange == "":
		return nil, errors.New("bus.exchange: it needs a name, such as " + amqp.DefaultExchange)
	case n.TopicPrefix == "" || strings.HasSuffix(n.TopicPrefix, ".") || len(n.TopicPrefix) > 200:
		return nil, fmt.Errorf("notifier.bus.topic_prefix: %q must be up to 200 bytes without a dot at the end", n.TopicPrefix)
	case n.Instance == "":
		return nil, errors.New("notifier.bus.instance: it is empty")
	}
	p := &amqp.Publisher{Config: amqp.Config{URL: b.URL, Exchange: b.Exchange, Log: log, Name: "koschei notifier"}}
	if err := errors.Join(p.LoadFiles(b.CA, b.Certificate, b.Key), p.Check()); err != nil {
		return nil, fmt.Errorf("bus.%w", err)
	}
	return &notifier.Bus{
		Publisher: p, Clock: c.Clock.clock(), TopicPrefix: n.TopicPrefix, Instance: n.Instance, Builds: n.Builds, Every: n.Heartbeat,
	}, nil
}

// mail sends letters that link to our pages.
func (c config) mail() (*notifier.Mail, error) {
	m := c.Notifier.Mail
	site, err := c.Frontend.site()
	if err != nil {
		return nil, err
	}
	password, err := readPassword(m.User, m.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("notifier.mail.password_file: %w", err)
	}
	var trust *tls.Config
	if m.CA != "" {
		pem, err := os.ReadFile(m.CA)
		if err != nil {
			return nil, fmt.Errorf("notifier.mail.ca: %w", err)
		}
		trust = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("notifier.mail.ca: %s holds no certificate", m.CA)
		}
	}
	sink, err := notifier.NewMail(notifier.MailConfig{
		Server: m.Server, Security: m.Security, TLS: trust, User: m.User, Password: password, From: m.From, Bounce: m.Bounce,
		ListID: m.ListID, Address: m.Address, Site: site,
	})
	if err != nil {
		return nil, fmt.Errorf("notifier.mail.%w", err)
	}
	return sink, nil
}

// readPassword reads the file with a user's password; nothing if there is no user.
func readPassword(user, file string) (string, error) {
	if user == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimRight(string(text), "\r\n"), err
}

func (c config) webhook(w *webhookConfig) (*notifier.Webhook, error) {
	secrets, err := os.ReadFile(w.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("secret_file: %w", err)
	}
	var allow []netip.Prefix
	for _, text := range w.Allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("allow: %q is no network such as 10.1.0.0/16", text)
		}
		allow = append(allow, p)
	}
	var body []byte
	if w.Template != "" {
		if body, err = os.ReadFile(w.Template); err != nil {
			return nil, fmt.Errorf("template_file: %w", err)
		}
	}
	var site *url.URL
	if c.Frontend.URL != "" {
		if site, err = c.Frontend.site(); err != nil {
			return nil, err
		}
	}
	return notifier.NewWebhook(notifier.WebhookConfig{
		Template: string(body), Site: site, Name: w.Name, URL: w.URL, Secrets: string(secrets), Types: w.Events, Allow: allow, Every: w.Heartbeat,
	}, c.Clock.clock())
}

// notifier returns the service. There must be a sink.
func (p *process) notifier(w wiring) runner {
	s := &notifier.Service{
		DB: p.db.Deliveries, Sinks: p.sinks, Clock: p.clock, Quiet: p.config.Notifier.Quiet, Gather: p.config.Notifier.Mail.Gather, Log: w.log, Metrics: notifier.NewMetrics(w.registry),
	}
	return notifying{s}
}

// notifying is a notifier that says goodbye to the broker.
type notifying struct{ *notifier.Service }

func (n notifying) Run(ctx context.Context, l *loop.Loop) {
	n.Service.Run(ctx, l)
	hangUp(n.Sinks)
}

// hangUp ends the connections of sinks.
func hangUp(sinks []notifier.Sink) {
	for _, sink := range sinks {
		b, isBus := sink.(*notifier.Bus)
		if !isBus {
			continue
		}
		if p, far := b.Publisher.(*amqp.Publisher); far {
			p.Close()
		}
	}
}
