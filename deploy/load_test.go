package deploy

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A load asks the pages of some addresses, each time over a new connection, as people
// behind a proxy do. It notes what fails, and which version answered.
type load struct {
	mu       sync.Mutex
	failed   map[string]int
	versions map[string]int
	took     []time.Duration
}

// loadPaths are what is asked for in turn.
var loadPaths = []string{"/", "/packages", "/collections", "/status", "/api/v1/packages"}

// startLoad lets four clients ask until end is called. where says to whom a request
// may go now.
func startLoad(t *testing.T, where func() []string) (end func() *load) {
	l := &load{failed: map[string]int{}, versions: map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() { l.client(ctx, where) })
	}
	return func() *load {
		stop()
		clients.Wait()
		return l
	}
}

func (l *load) client(ctx context.Context, where func() []string) {
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		addresses := where()
		if len(addresses) == 0 {
			l.note("nobody is there", "", 0)
			continue
		}
		version, err := askPage(c, "http://"+addresses[rand.IntN(len(addresses))]+loadPaths[i%len(loadPaths)])
		problem := ""
		if err != nil {
			problem = regexp.MustCompile(`[0-9.:]+(->[0-9.:]+)?:`).ReplaceAllString(err.Error(), "ADDRESS:")
		}
		l.note(problem, version, time.Since(began))
	}
}

// sentence is what a page that says no says.
var sentence = regexp.MustCompile(`<p class="lede">([^<]*)`)

var footer = regexp.MustCompile(`<span>Koschei ([^<]+)</span>`)

// askPage wants a whole page and returns the version that it names.
func askPage(c *http.Client, url string) (version string, err error) {
	res, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		said := body[:min(200, len(body))]
		if m := sentence.FindSubmatch(body); m != nil {
			said = m[1]
		}
		return "", fmt.Errorf("%s: %s", res.Status, said)
	}
	if m := footer.FindSubmatch(body); m != nil {
		version = string(m[1])
	}
	return version, nil
}

func (l *load) note(problem, version string, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	switch {
	case problem != "":
		l.failed[problem]++
	case version != "":
		l.versions[version]++
	}
}

// failures is how many requests failed.
func (l *load) failures() (n int) {
	for _, of := range l.failed {
		n += of
	}
	return n
}

func (l *load) String() string {
	slices.Sort(l.took)
	at := func(percent int) time.Duration { return l.took[(len(l.took)-1)*percent/100].Round(time.Millisecond) }
	said := fmt.Sprintf("%d requests, %d failed, pages by version %v; half within %v, 99 of 100 within %v", len(l.took), l.failures(), l.versions, at(50), at(99))
	for problem, n := range l.failed {
		said += fmt.Sprintf("\n%5d: %s", n, strings.TrimSpace(problem))
	}
	return said
}

// An atomicList is a list of addresses that changes while others read it.
type atomicList struct {
	mu   sync.Mutex
	list []string
}

func (l *atomicList) set(list ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = list
}

func (l *atomicList) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}

// proxyView returns where a proxy would send requests to a namespace's frontends, if it
// is some time behind what the API server says.
func (c *cluster) proxyView(namespace string, behind time.Duration) (where func() []string) {
	type view struct {
		since     time.Time
		addresses []string
	}
	var mu sync.Mutex
	var views []view
	ctx, stop := context.WithCancel(c.t.Context())
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if addresses, err := c.endpoints(namespace); err == nil {
				mu.Lock()
				views = append(views, view{time.Now(), addresses})
				mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	c.t.Cleanup(func() { stop(); looking.Wait() })
	where = func() []string {
		mu.Lock()
		defer mu.Unlock()
		for _, v := range slices.Backward(views) {
			if time.Since(v.since) >= behind {
				return v.addresses
			}
		}
		return nil
	}
	await(c.t, "the proxy knows frontends", func() bool { return len(where()) > 0 })
	return where
}

// endpoints are the addresses of frontends that are ready.
func (c *cluster) endpoints(namespace string) (addresses []string, err error) {
	var slicesOf struct {
		Items []struct {
			Endpoints []struct {
				Addresses  []string
				Conditions struct{ Ready *bool }
			}
			Ports []struct {
				Name string
				Port int
			}
		}
	}
	status, err := c.ask(http.MethodGet, "/apis/discovery.k8s.io/v1/namespaces/"+namespace+"/endpointslices?labelSelector=kubernetes.io/service-name=frontend", nil, &slicesOf)
	if err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("endpoints: %d, %w", status, err)
	}
	for _, s := range slicesOf.Items {
		for _, e := range s.Endpoints {
			for _, p := range s.Ports {
				if p.Name == "web" && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
					addresses = append(addresses, fmt.Sprintf("%s:%d", e.Addresses[0], p.Port))
				}
			}
		}
	}
	return addresses, nil
}
