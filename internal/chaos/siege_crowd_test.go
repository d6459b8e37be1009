package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a crowd is made of.
const (
	nonReaders  = 200 // ask for much and read nothing
	statusers   = 200 // ask for /status again and again
	slowWriters = 450 // send a byte of a request each second
	crowdLasts  = 2 * time.Minute
)

// siegeCrowd: many clients at once that mean no good, at a process that runs all
// services too.
func siegeCrowd(t *testing.T) {
	p := siegePlan()
	p.packages = 5000
	s := newSiege(t, p, "all")
	s.begin()
	l := s.slots[0]
	usual := s.usualPasses(l)
	crowd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrowd$", "-test.v") //nolint:gosec // ourselves
	crowd.Env = append(os.Environ(), "KOSCHEI_CROWD="+l.where())
	out, err := crowd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := crowd.Start(); err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "crowd:") {
				t.Log(strings.TrimSpace(lines.Text()))
			}
		}
	}()
	pause(t.Context(), 5*time.Second) // until all are there
	loaded := s.watchPasses(l, crowdLasts-10*time.Second)
	<-told
	if err := crowd.Wait(); err != nil {
		t.Errorf("the crowd: %v", err)
	}
	t.Logf("with the crowd: %v", loaded)
	s.judgePasses(usual, loaded)
	s.awaitWork("a crowd", time.Now(), time.Minute)
	s.end()
}

// workload is what a process did in a while, and how its pages were meanwhile.
type workload struct {
	perMinute map[string]float64 // good passes, by loop
	pages     []time.Duration    // sorted
	bad       int                // pages that were not there
	notReady  int
	memory    int // MiB
}

func (p workload) String() string {
	var texts []string
	for _, loop := range slices.Sorted(maps.Keys(p.perMinute)) {
		texts = append(texts, fmt.Sprintf("%s %.1f", loop, p.perMinute[loop]))
	}
	return fmt.Sprintf("passes a minute: %s; a page: %.0f ms in the middle, %.0f ms at most, %d of %d not there; not ready %d times; %d MiB",
		strings.Join(texts, ", "), 1e3*p.pages[len(p.pages)/2].Seconds(), 1e3*p.pages[len(p.pages)-1].Seconds(), p.bad, len(p.pages), p.notReady, p.memory)
}

// watchPasses counts the passes of a process, and asks it for a page and whether it
// is ready once a second, as an honest client would.
func (s *siege) watchPasses(l *slot, d time.Duration) workload {
	s.t.Helper()
	was, began := s.goodPasses(l), time.Now()
	p := workload{perMinute: map[string]float64{}}
	for end := began.Add(d); time.Now().Before(end); pause(s.t.Context(), time.Second) {
		page := ask(s.t.Context(), l.where(), "/packages")
		p.pages = append(p.pages, page.took)
		if !page.good() {
			p.bad++
		}
		if a := ask(s.t.Context(), l.where(), "/readyz"); a.status != http.StatusOK {
			p.notReady++
		}
	}
	is, took := s.goodPasses(l), time.Since(began)
	for loop, n := range is {
		p.perMinute[loop] = (n - was[loop]) / took.Minutes()
	}
	p.memory = l.memory() >> 10
	slices.Sort(p.pages)
	return p
}

// usualPasses counts the passes of a process at rest. Right after the start services
// wake each other up again and again, so it counts until two times are alike.
func (s *siege) usualPasses(l *slot) workload {
	s.t.Helper()
	const tries = 10
	before := s.watchPasses(l, 30*time.Second)
	for range tries {
		now := s.watchPasses(l, 30*time.Second)
		s.t.Logf("without a crowd: %v", now)
		if now.alike(before) {
			return now
		}
		before = now
	}
	s.t.Fatalf("the passes of the services were never the same for a minute")
	return before
}

// alike says whether each loop made about as many passes in two whiles: 30 % and two
// passes more or less.
func (p workload) alike(other workload) bool {
	for loop, n := range p.perMinute {
		if m := other.perMinute[loop]; max(n, m) > 1.3*min(n, m)+4 {
			return false
		}
	}
	return true
}

// goodPasses are the good passes of a process so far, by loop.
func (s *siege) goodPasses(l *slot) map[string]float64 {
	s.t.Helper()
	all := map[string]float64{}
	s.await("metrics", func() string {
		for name, value := range l.metrics() {
			loop, found := strings.CutPrefix(name, `koschei_passes_total{outcome="ok",service="`)
			if loop, _, _ = strings.Cut(loop, `"`); found && s.loops()[loop] != "" {
				all[loop] = value
			}
		}
		if len(all) == 0 {
			return "the process does not answer"
		}
		return ""
	})
	return all
}

// judgePasses wants services to work nearly as usual, and honest clients to be
// served.
func (s *siege) judgePasses(usual, loaded workload) {
	s.t.Helper()
	for _, loop := range slices.Sorted(maps.Keys(usual.perMinute)) {
		if usual.perMinute[loop] < 4 {
			continue // too few to tell
		}
		ratio := loaded.perMinute[loop] / usual.perMinute[loop]
		s.t.Logf("%s: %.0f %% of its usual passes", loop, 100*ratio)
		if ratio < 0.8 {
			s.t.Errorf("%s made %.0f %% of its usual passes, want at least 80 %%", loop, 100*ratio)
		}
	}
	if loaded.bad > 0 || loaded.notReady > 0 {
		s.t.Errorf("an honest client was refused %d times, and the process was not ready %d times", loaded.bad, loaded.notReady)
	}
	if most := loaded.pages[len(loaded.pages)*99/100]; most > time.Second {
		s.t.Errorf("a page took an honest client %v, want at most a second", most)
	}
}

// TestCrowd is the crowd, in a process of its own.
func TestCrowd(t *testing.T) {
	address := os.Getenv("KOSCHEI_CROWD")
	if address == "" {
		t.Skip("it is a part of TestSiege")
	}
	ctx, cancel := context.WithTimeout(t.Context(), crowdLasts)
	defer cancel()
	var c counts
	var members sync.WaitGroup
	for range nonReaders {
		members.Go(func() { readNothing(ctx, &c, address) })
	}
	for range statusers {
		members.Go(func() { askAgain(ctx, &c, address) })
	}
	for range slowWriters {
		members.Go(func() { writeSlowly(ctx, &c, address) })
	}
	members.Wait()
	for _, what := range slices.Sorted(maps.Keys(c.n)) {
		fmt.Printf("crowd: %d %s\n", c.n[what], what)
	}
}

// readNothing asks for a lot, reads none of it, and comes again when it is let go.
func readNothing(ctx context.Context, c *counts, address string) {
	for ctx.Err() == nil {
		conn, err := glutton(ctx, address, "/api/v1/packages", 50)
		if err != nil {
			c.add("clients that read nothing: not let in", 1)
			pause(ctx, time.Second)
			continue
		}
		c.add("clients that read nothing", 1)
		// A client that was let go finds out when it sends more.
		for pause(ctx, time.Second) {
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				break
			}
			if conn.SetWriteDeadline(time.Now().Add(time.Minute)) != nil {
				break
			}
		}
		_ = conn.Close()
	}
}

func askAgain(ctx context.Context, c *counts, address string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status", nil)
		if err != nil {
			return
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			if ctx.Err() == nil {
				c.add("answers of /status: none", 1)
				pause(ctx, 100*time.Millisecond)
			}
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		c.add(fmt.Sprintf("answers of /status: %d", resp.StatusCode), 1)
	}
}

// writeSlowly sends a request of which a byte comes each second.
func writeSlowly(ctx context.Context, c *counts, address string) {
	for ctx.Err() == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		c.add("slow writers", 1)
		if _, err = io.WriteString(conn, "GET / HTTP/1.1\r\nX-Slow: "); err == nil {
			for pause(ctx, time.Second) {
				if _, err := conn.Write([]byte("x")); err != nil {
					break
				}
			}
		}
		_ = conn.Close()
	}
}
