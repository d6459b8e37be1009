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

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
)

type notifierConfig struct {
	Interval time.Duration   `yaml:"interval" range:"1ms 8760h" doc:"Time between passes. What happens is told at once; a delivery that failed, or is held, is looked for this often."`
	Quiet    time.Duration   `yaml:"quiet" range:"0s 8760h" doc:"A package or buildroot whose dependencies cannot be installed is told only if that lasts so long; 0 tells it at once."`
	Mail     mailConfig      `yaml:"mail" doc:"Letters to those who have subscribed; without server there are none. See docs/operations/notifications.md."`
	Bus      publishConfig   `yaml:"bus" doc:"Messages to the broker and exchange of section bus; see docs/messages.md."`
	Bugzilla bugzillaConfig  `yaml:"bugzilla" doc:"Bugs about packages that stay broken; without url none is filed. See docs/operations/notifications.md."`
	Results  resultsConfig   `yaml:"resultsdb" doc:"Results that gates can ask for; without url none is posted. See docs/operations/notifications.md."`
	CI       ciConfig        `yaml:"ci" doc:"CI messages about groups of builds, such as side tags, to the broker of section bus; without groups there are none. See docs/operations/notifications.md."`
	Hooks    hooksConfig     `yaml:"hooks" doc:"Web hooks of users, who say themselves where they are and of what they want to hear."`
	Webhooks []webhookConfig `yaml:"webhooks" doc:"URLs that are called, each with name, url, secret_file, and optionally events, allow, heartbeat and template_file; see docs/operations/notifications.md."`
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
	Culprits    bool          `yaml:"culprits" doc:"Tell which update broke a package, and what updates broke and no longer break, too."`
	Requests    bool          `yaml:"requests" doc:"Tell that somebody asked for a build, too."`
	Heartbeat   time.Duration `yaml:"heartbeat" range:"0s 8760h" doc:"A message so often, so that silence is a fault; 0 for none."`
}

type bugzillaConfig struct {
	URL         string            `yaml:"url" doc:"Address of the Bugzilla, such as https://bugzilla.example.org."`
	KeyFile     string            `yaml:"key_file" file:"yes" doc:"File that holds the API key."`
	CA          string            `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the Bugzilla; empty for the system's."`
	Collections []string          `yaml:"collections" doc:"Whose bugs are filed; none means all that have a product and a version in Bugzilla."`
	States      []string          `yaml:"states" doc:"Of which bugs are filed: failing, unresolved."`
	After       time.Duration     `yaml:"after" range:"0s 8760h" doc:"A package must have been broken so long."`
	Failures    int               `yaml:"failures" range:"1 100" doc:"Builds in a row that must have failed."`
	PerHour     int               `yaml:"per_hour" range:"1 100000" doc:"Bugs that are filed in an hour, at most. Others wait."`
	PerDay      int               `yaml:"per_day" range:"1 100000" doc:"Bugs that are filed in a day, at most. Others wait."`
	Trackers    map[string]string `yaml:"trackers" doc:"By collection, the alias of a bug that its bugs block, as in f99: F99FTBFS."`
	Fields      map[string]string `yaml:"fields" doc:"Other fields of new bugs that this Bugzilla wants, as in op_sys: Unspecified."`
	Resolution  string            `yaml:"resolution" doc:"Close bugs with this when packages are mended; empty for a comment only."`
}

type resultsConfig struct {
	URL          string            `yaml:"url" doc:"Address of the ResultsDB, such as https://resultsdb.example.org/resultsdb_api."`
	User         string            `yaml:"user" doc:"User to log in as; empty for no login."`
	PasswordFile string            `yaml:"password_file" file:"yes" doc:"File that holds the user's password."`
	CA           string            `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the ResultsDB; empty for the system's."`
	TestCase     string            `yaml:"test_case" doc:"Name of the test case. Gates name it: never change it."`
	Collections  []string          `yaml:"collections" doc:"Whose results are posted; none means all."`
	Outcomes     map[string]string `yaml:"outcomes" doc:"What is posted for which state; of others nothing is. The ResultsDB must know the outcomes."`
}

type ciConfig struct {
	Namespace string            `yaml:"namespace" doc:"Of topics and tests. Gates name it: never change it."`
	Groups    map[string]string `yaml:"groups" doc:"By collection that is a group of builds, the collection against which it is tested, as in f99-side-9001: f99."`
	Contact   ciContactConfig   `yaml:"contact" doc:"Who tests, as the messages have it."`
}

type ciContactConfig struct {
	Name  string `yaml:"name" doc:"Name of the system."`
	Team  string `yaml:"team" doc:"Team that looks after it."`
	Docs  string `yaml:"docs" doc:"Address of its documentation."`
	Email string `yaml:"email" doc:"Address of the team."`
	IRC   string `yaml:"irc" doc:"Channel of the team; empty for none."`
}

type hooksConfig struct {
	Call  bool     `yaml:"call" doc:"Whether users can have web hooks, and are called."`
	Allow []string `yaml:"allow" doc:"Networks that may be called although they are not public."`
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
	return c.Bus.Publish || len(c.Webhooks) > 0 || c.Mail.Server != "" || c.Bugzilla.URL != "" || c.Results.URL != "" || c.Hooks.Call || len(c.CI.Groups) > 0
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
	if n.Bugzilla.URL != "" {
		sink, err := c.bugzilla()
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, sink)
	}
	if n.Results.URL != "" {
		sink, err := c.results()
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, sink)
	}
	if len(n.CI.Groups) > 0 {
		sink, err := c.ci(log)
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, sink)
	}
	if n.Hooks.Call {
		sink, err := c.hooks()
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
		Publisher: p, Clock: c.Clock.clock(), TopicPrefix: n.TopicPrefix, Instance: n.Instance, Builds: n.Builds,
		Culprits: n.Culprits, Requests: n.Requests, Every: n.Heartbeat,
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
	trust, err := trusting(m.CA)
	if err != nil {
		return nil, fmt.Errorf("notifier.mail.ca: %w", err)
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

// trusting is how to speak to a server whose authorities are in a PEM file; nil for
// the system's if there is no file.
func trusting(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !trust.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return trust, nil
}

// bugzilla files bugs that link to our pages.
func (c config) bugzilla() (*notifier.Bugzilla, error) {
	b := c.Notifier.Bugzilla
	site, err := c.Frontend.site()
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(b.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("notifier.bugzilla.key_file: %w", err)
	}
	trust, err := trusting(b.CA)
	if err != nil {
		return nil, fmt.Errorf("notifier.bugzilla.ca: %w", err)
	}
	var states []koschei.State
	for _, s := range b.States {
		states = append(states, koschei.State(s))
	}
	sink, err := notifier.NewBugzilla(notifier.BugzillaConfig{
		URL: b.URL, Key: strings.TrimSpace(string(key)), States: states, After: b.After, Failures: b.Failures, PerHour: b.PerHour, PerDay: b.PerDay,
		Trackers: b.Trackers, Fields: b.Fields, Resolution: b.Resolution, Collections: b.Collections, Site: site, TLS: trust,
	})
	if err != nil {
		return nil, fmt.Errorf("notifier.bugzilla.%w", err)
	}
	return sink, nil
}

// hooks calls the web hooks of users.
func (c config) hooks() (*notifier.Hooks, error) {
	site, err := c.Frontend.site()
	if err != nil {
		return nil, err
	}
	allow, err := networks(c.Notifier.Hooks.Allow)
	if err != nil {
		return nil, fmt.Errorf("notifier.hooks.%w", err)
	}
	return notifier.NewHooks(site, allow)
}

// ci publishes to the broker of section bus.
func (c config) ci(log *slog.Logger) (*notifier.CI, error) {
	site, err := c.Frontend.site()
	if err != nil {
		return nil, err
	}
	publisher, err := c.busSink(log)
	if err != nil {
		return nil, err
	}
	n := c.Notifier.CI
	sink, err := notifier.NewCI(notifier.CIConfig{
		Namespace: n.Namespace, Groups: n.Groups, Contact: notifier.CIContact(n.Contact), Rules: c.Priorities.rules(), Every: c.Notifier.Interval, Site: site,
		TopURLs: map[koschei.Hub]string{koschei.Primary: c.Koji.TopURL, koschei.Secondary: c.Secondary.TopURL},
	}, publisher)
	if err != nil {
		return nil, fmt.Errorf("notifier.ci.%w", err)
	}
	return sink, nil
}

// networks reads those that may be called.
func networks(texts []string) (allow []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("allow: %q is no network such as 10.1.0.0/16", text)
		}
		allow = append(allow, p)
	}
	return allow, nil
}

// results posts results that link to our pages.
func (c config) results() (*notifier.ResultsDB, error) {
	r := c.Notifier.Results
	site, err := c.Frontend.site()
	if err != nil {
		return nil, err
	}
	password, err := readPassword(r.User, r.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("notifier.resultsdb.password_file: %w", err)
	}
	trust, err := trusting(r.CA)
	if err != nil {
		return nil, fmt.Errorf("notifier.resultsdb.ca: %w", err)
	}
	outcomes := map[koschei.State]string{}
	for state, outcome := range r.Outcomes {
		outcomes[koschei.State(state)] = outcome
	}
	sink, err := notifier.NewResultsDB(notifier.ResultsDBConfig{
		URL: r.URL, User: r.User, Password: password, TestCase: r.TestCase, Outcomes: outcomes, Collections: r.Collections, Site: site, TLS: trust,
	})
	if err != nil {
		return nil, fmt.Errorf("notifier.resultsdb.%w", err)
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
	allow, err := networks(w.Allow)
	if err != nil {
		return nil, err
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
	for _, sink := range p.sinks {
		switch sink := sink.(type) {
		case *notifier.Bugzilla:
			sink.DB = p.db.Deliveries
		case *notifier.ResultsDB:
			sink.DB = p.db.Deliveries
		case *notifier.CI:
			sink.DB = p.db.Deliveries
		}
	}
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
		var b *notifier.Bus
		switch sink := sink.(type) {
		case *notifier.Bus:
			b = sink
		case *notifier.CI:
			b = sink.Bus
		default:
			continue
		}
		if p, far := b.Publisher.(*amqp.Publisher); far {
			p.Close()
		}
	}
}
