package amqp_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
)

// TestBroker runs against a real RabbitMQ. Its parts share one broker and each
// has a queue of its own.
func TestBroker(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	t.Run("conformance", func(t *testing.T) {
		conform(t, func(t *testing.T) (bus.Publisher, bus.Queue) { return open(t, b, config(t, b)) })
	})
	t.Run("password", func(t *testing.T) {
		c := config(t, b)
		c.URL, c.Certificate = b.PlainURL(), nil
		p, q := open(t, b, c)
		flow(t, p, q, 100, func() {})
	})
	t.Run("troubles", func(t *testing.T) { troubles(t, b) })
	t.Run("what happened", func(t *testing.T) { tellsWhatHappened(t, b) })
	t.Run("killed consumer", func(t *testing.T) { killedConsumer(t, b) })
	t.Run("closed connections", func(t *testing.T) {
		p, q := open(t, b, config(t, b))
		flow(t, p, q, 1000, func() {
			for range 3 {
				b.CloseConnections()
			}
		})
	})
	t.Run("killed broker", func(t *testing.T) {
		p, q := open(t, b, config(t, b))
		lonely := declare(t, &amqp.Queue{Config: q.Config, Queue: "lonely", Topics: []string{"org.test.lonely"}, Prefetch: 10})
		var messages []*bus.Message
		for n := range 100 {
			messages = append(messages, &bus.Message{ID: fmt.Sprint(n), Topic: "org.test.lonely"})
		}
		if err := p.Publish(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
		flow(t, p, q, 1000, func() {
			b.Kill()
			b.StartAgain()
		})
		r := receive(t, lonely) // the first that reads it
		for n := range 100 {
			d := r.next()
			if d.Message.ID != fmt.Sprint(n) {
				t.Fatalf("message %d is %s", n, d.Message.ID)
			}
			r.settle(d, false)
		}
	})
}

const topic = "org.test.buildsys.tag"

func config(t testing.TB, b *brokertest.Broker) amqp.Config {
	t.Helper()
	return amqp.Config{
		URL: b.URL(), Authorities: b.Pool(), Certificate: b.Client(brokertest.User), Exchange: amqp.DefaultExchange,
		LongestWait: time.Second, Name: t.Name(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// open returns a publisher, and a queue that exists and is named after the
// test.
func open(t *testing.T, b *brokertest.Broker, c amqp.Config) (*amqp.Publisher, *amqp.Queue) {
	t.Helper()
	p := &amqp.Publisher{Config: c}
	t.Cleanup(p.Close)
	return p, declare(t, &amqp.Queue{Config: c, Queue: t.Name(), Topics: []string{topic}, Prefetch: 50})
}

// declare has a queue made by a receiver that gets nothing.
func declare(t testing.TB, q *amqp.Queue) *amqp.Queue {
	t.Helper()
	made := make(chan bool, 10)
	maker := *q
	maker.Connected = func(is bool) { made <- is }
	r := receive(t, &maker)
	select {
	case <-made:
	case <-time.After(patience):
		t.Fatal("the queue is not made")
	}
	r.end()
	if exists, err := q.Probe(t.Context()); err != nil || !exists {
		t.Fatalf("the queue exists: %v, %v", exists, err)
	}
	return q
}

// A stream is what flows through a broker: messages that are sent again until
// they are confirmed, and a consumer that refuses some once.
type stream struct {
	t *testing.T
	q *amqp.Queue
	p *amqp.Publisher

	mu      sync.Mutex
	made    int            // messages
	handled map[string]int // how often
}

// flow lets messages flow while something happens, and until there were at
// least so many. None may be lost; how many came twice is told.
func flow(t *testing.T, p *amqp.Publisher, q *amqp.Queue, least int, happen func()) {
	t.Helper()
	s := &stream{t: t, p: p, q: q, handled: map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	making, enough := context.WithCancel(ctx)
	var parts sync.WaitGroup
	mail := bus.NewMemory(200)
	parts.Go(func() { s.make(making, mail) })
	parts.Go(func() { s.consumer(mail).Run(ctx, s.send) })
	parts.Go(func() { s.consumer(q).Run(ctx, s.handle) })
	began := time.Now()
	happen()
	s.await("enough messages", func() bool { return s.made >= least && len(s.handled) > 0 })
	enough()
	s.await("all messages", func() bool { return len(s.handled) == s.made })
	took := time.Since(began)
	stop()
	parts.Wait()
	times := 0
	for _, n := range s.handled {
		times += n
	}
	t.Logf("%d messages sent, %d handled, %d more than once, in %v", s.made, len(s.handled), times-len(s.handled), took.Round(time.Millisecond))
}

func (s *stream) await(what string, is func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		s.mu.Lock()
		ok := is()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			s.t.Fatalf("%d messages made, %d handled: waited for %s", s.made, len(s.handled), what)
		}
	}
}

func (s *stream) consumer(q bus.Queue) *bus.Consumer {
	return &bus.Consumer{
		Queue: q, Log: s.q.Log, Most: 20, Gather: time.Millisecond, FirstDelay: 10 * time.Millisecond, LastDelay: time.Second,
	}
}

// make makes messages as fast as they are sent.
func (s *stream) make(ctx context.Context, mail *bus.Memory) {
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.mu.Lock()
		if mail.Publish(ctx, &bus.Message{ID: fmt.Sprint(s.made), Topic: topic, Body: []byte("{}")}) == nil {
			s.made++
		}
		s.mu.Unlock()
		<-tick.C
	}
}

func (s *stream) send(ctx context.Context, batch []*bus.Message) (again []*bus.Message) {
	if err := s.p.Publish(ctx, batch...); err != nil {
		return batch
	}
	return nil
}

func (s *stream) handle(_ context.Context, batch []*bus.Message) (again []*bus.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		if m.ID[len(m.ID)-1] == '7' && !m.Redelivered {
			again = append(again, m)
			continue
		}
		s.handled[m.ID]++
	}
	return again
}

const hungUp = "connecting to the message bus: the broker hung up, as it does when it does not accept a certificate ("

// A wrong is something that is wrong, and what an operator reads of it.
type wrong struct {
	name   string
	change func(*amqp.Queue)
	want   string
}

func wrongs(t *testing.T, b *brokertest.Broker) []wrong {
	stranger := brokertest.NewAuthority(t)
	return []wrong{
		{
			"certificate of another authority", func(q *amqp.Queue) { q.Certificate = stranger.Client(brokertest.User) },
			"connecting to the message bus: the broker refuses our certificate (remote error: tls: unknown certificate authority)",
		},
		{
			"user that the broker does not know", func(q *amqp.Queue) { q.Certificate = b.Client("nobody") },
			"connecting to the message bus: the broker has no user by the name in our certificate",
		},
		{
			"no certificate", func(q *amqp.Queue) { q.Certificate = nil },
			"connecting to the message bus: the broker wants a certificate that it knows (remote error: tls: certificate required)",
		},
		{
			"broker of another authority", func(q *amqp.Queue) { q.Authorities = stranger.Pool() },
			"connecting to the message bus: tls: failed to verify certificate: x509: certificate signed by unknown authority",
		},
		{
			"wrong password", func(q *amqp.Queue) {
				q.Certificate, q.URL = nil, strings.Replace(b.PlainURL(), brokertest.Password, "wrong", 1)
			},
			"connecting to the message bus: the broker refuses user and password",
		},
		{
			"certificate without TLS", func(q *amqp.Queue) { q.URL = b.PlainURL() },
			"url: to log in with a certificate it must begin with amqps://",
		},
		{
			"no address", func(q *amqp.Queue) { q.URL = "http://localhost/" },
			"url: AMQP scheme must be either 'amqp://' or 'amqps://'",
		},
		{
			"no such exchange", func(q *amqp.Queue) { q.Exchange = "nothing" },
			"exchange nothing: the broker says: NOT_FOUND - no exchange 'nothing' in vhost '/'",
		},
		{
			"no such queue", func(q *amqp.Queue) { q.Passive, q.Queue = true, "nothing" },
			"queue nothing: the broker says: NOT_FOUND - no queue 'nothing' in vhost '/'",
		},
	}
}

// troubles is what an operator reads when something is wrong.
func troubles(t *testing.T, b *brokertest.Broker) {
	for _, test := range wrongs(t, b) {
		q := &amqp.Queue{Config: config(t, b), Queue: "troubles", Topics: []string{topic}, Prefetch: 10}
		test.change(q)
		_, err := q.Probe(t.Context())
		if err != nil && strings.HasPrefix(err.Error(), hungUp) && strings.Contains(test.want, "certificate") {
			continue // the broker's word got lost
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%s:\n got  %v\n want %s", test.name, err, test.want)
		}
	}
	q := &amqp.Queue{Config: config(t, b), Queue: "never made"}
	if exists, err := q.Probe(t.Context()); err != nil || exists {
		t.Errorf("a queue that nobody made exists: %v, %v", exists, err)
	}
	p := &amqp.Publisher{Config: config(t, b)}
	p.Exchange = "nothing"
	want := "exchange nothing: the broker says: NOT_FOUND - no exchange 'nothing' in vhost '/'"
	if err := p.Publish(t.Context(), &bus.Message{}); err == nil || err.Error() != want {
		t.Errorf("publishing:\n got  %v\n want %s", err, want)
	}
}

// consumeAs names the variable that makes of this test binary a consumer,
// which is killed when it has handled a message and not settled it.
const consumeAs = "KOSCHEI_TEST_CONSUMER"

func TestMain(m *testing.M) {
	if url := os.Getenv(consumeAs); url != "" {
		consume(url, os.Getenv(consumeAs+"_QUEUE"))
		return
	}
	os.Exit(m.Run())
}

func consume(url, queue string) {
	q := &amqp.Queue{
		Config: amqp.Config{URL: url, Log: slog.New(slog.DiscardHandler)},
		Queue:  queue, Passive: true, Prefetch: 10,
	}
	out := make(chan *bus.Delivery)
	go q.Receive(context.Background(), out)
	fmt.Println((<-out).Message.ID) // this is the commit
	select {}
}

func killedConsumer(t *testing.T, b *brokertest.Broker) {
	p, q := open(t, b, config(t, b))
	if err := p.Publish(t.Context(), &bus.Message{ID: "a", Topic: topic}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), consumeAs+"="+b.PlainURL(), consumeAs+"_QUEUE="+q.Queue)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "a\n" {
		t.Errorf("the consumer handled %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	r := receive(t, q)
	if d := r.next(); d.Message.ID != "a" || !d.Message.Redelivered {
		t.Errorf("after the consumer was killed came %+v", d.Message)
	} else {
		r.settle(d, false)
	}
}
