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
		flow(t, p, q, 10, func(int) {})
	})
	t.Run("troubles", func(t *testing.T) { troubles(t, b) })
	t.Run("killed consumer", func(t *testing.T) { killedConsumer(t, b) })
	t.Run("closed connections", func(t *testing.T) {
		p, q := open(t, b, config(t, b))
		flow(t, p, q, 3000, func(n int) {
			if n%1000 == 500 {
				b.CloseConnections()
			}
		})
	})
	t.Run("killed broker", func(t *testing.T) {
		p, q := open(t, b, config(t, b))
		lonely := &amqp.Queue{Config: q.Config, Queue: "lonely", Topics: []string{"org.test.lonely"}, Prefetch: 10}
		if err := lonely.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		var messages []*bus.Message
		for n := range 100 {
			messages = append(messages, &bus.Message{ID: fmt.Sprint(n), Topic: "org.test.lonely"})
		}
		if err := p.Publish(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
		flow(t, p, q, 2000, func(n int) {
			if n == 700 {
				b.Kill()
				b.StartAgain()
			}
		})
		r := receive(t, lonely) // the first consumer it ever has
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

func config(t *testing.T, b *brokertest.Broker) amqp.Config {
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
	q := &amqp.Queue{Config: c, Queue: t.Name(), Topics: []string{topic}, Prefetch: 50}
	if err := q.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := &amqp.Publisher{Config: c}
	t.Cleanup(p.Close)
	return p, q
}

// flow sends messages while a consumer handles them, and something happens
// now and then. None may be lost; how many came twice is told.
func flow(t *testing.T, p *amqp.Publisher, q *amqp.Queue, total int, happen func(n int)) {
	t.Helper()
	var mu sync.Mutex
	handled := map[string]int{}
	all := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var consuming sync.WaitGroup
	c := bus.Consumer{
		Queue: q, Log: q.Log, Most: 20, Gather: time.Millisecond, FirstDelay: 10 * time.Millisecond, LastDelay: time.Second,
	}
	consuming.Go(func() {
		c.Run(ctx, func(_ context.Context, batch []*bus.Message) (again []*bus.Message) {
			mu.Lock()
			defer mu.Unlock()
			for _, m := range batch {
				if m.ID[len(m.ID)-1] == '7' && !m.Redelivered {
					again = append(again, m)
					continue
				}
				handled[m.ID]++
				if handled[m.ID] == 1 && len(handled) == total {
					close(all)
				}
			}
			return again
		})
	})
	began := time.Now()
	const part = 10
	for n := 0; n < total; n += part {
		var messages []*bus.Message
		for i := range part {
			messages = append(messages, &bus.Message{ID: fmt.Sprint(n + i), Topic: topic, Body: []byte("{}")})
		}
		if n > 0 {
			happen(n)
		}
		if err := p.Deliver(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-all:
	case <-time.After(patience):
		t.Error("messages were lost")
	}
	took := time.Since(began)
	stop()
	consuming.Wait()
	times := 0
	for _, n := range handled {
		times += n
	}
	t.Logf("%d messages sent, %d handled, %d more than once, in %v", total, len(handled), times-len(handled), took.Round(time.Millisecond))
}

// troubles is what an operator reads when something is wrong.
func troubles(t *testing.T, b *brokertest.Broker) {
	stranger := brokertest.NewAuthority(t)
	tests := []struct {
		name   string
		change func(*amqp.Queue)
		want   string
	}{
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
			"the address of the message bus: a certificate needs amqps://",
		},
		{
			"no address", func(q *amqp.Queue) { q.URL = "http://localhost/" },
			"the address of the message bus: AMQP scheme must be either 'amqp://' or 'amqps://'",
		},
		{
			"no such exchange", func(q *amqp.Queue) { q.Exchange = "nothing" },
			"binding queue troubles to org.test.buildsys.tag of exchange nothing: the broker says: NOT_FOUND - no exchange 'nothing' in vhost '/'",
		},
		{
			"no such queue", func(q *amqp.Queue) { q.Passive, q.Queue = true, "nothing" },
			"queue nothing: the broker says: NOT_FOUND - no queue 'nothing' in vhost '/'",
		},
	}
	for _, test := range tests {
		q := &amqp.Queue{Config: config(t, b), Queue: "troubles", Topics: []string{topic}, Prefetch: 10}
		test.change(q)
		if err := q.Check(t.Context()); err == nil || err.Error() != test.want {
			t.Errorf("%s:\n got  %v\n want %s", test.name, err, test.want)
		}
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
