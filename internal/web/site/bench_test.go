package site_test

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/site"
)

const (
	benchClients = 50
	benchNames   = 2000 // packages and builds that are asked for
	benchLasts   = 3 * time.Second
)

// BenchmarkPages lets 50 clients ask for pages of random packages and builds, of
// the scale record if KOSCHEI_SCALE names it, or else of the small one of the tests.
// Warm pages were shown before; of cold ones nothing is kept. Milliseconds of
// CPU are those of a page: the first of this process, clients included, the second
// of PostgreSQL.
func BenchmarkPages(b *testing.B) {
	p := pagesBench{pgtest.NewLoad(b, benchConfig(b), benchNames)}
	for _, page := range p.pages(b) {
		b.Run(page.name, func(b *testing.B) {
			b.Run("cold", func(b *testing.B) { p.measure(b, p.serve(b, nil), page, "") })
			address := p.serve(b, silence{})
			tag := p.ask(b, address, page)
			b.Run("warm", func(b *testing.B) { p.measure(b, address, page, "") })
			b.Run("304", func(b *testing.B) { p.measure(b, address, benchPage{page.name, page.addresses[:1]}, tag) })
		})
	}
}

// silence tells that nothing changes.
type silence struct{}

func (silence) Rung() ([]int64, bool) { return nil, false }
func (silence) Hearing() bool         { return true }

// A benchPage is a kind of page.
type benchPage struct {
	name      string
	addresses []string
}

type pagesBench struct{ *pgtest.Load }

func (p pagesBench) pages(b *testing.B) []benchPage {
	b.Helper()
	packages, builds, searches := benchPage{name: "package"}, benchPage{name: "build"}, benchPage{name: "search"}
	for i, name := range p.Packages {
		packages.addresses = append(packages.addresses, "/package/"+name+"?collection="+p.Collections[i%len(p.Collections)])
		searches.addresses = append(searches.addresses, "/search?q="+name[:len(name)-1])
	}
	for _, id := range p.Builds {
		builds.addresses = append(builds.addresses, fmt.Sprintf("/build/%d", id))
	}
	list := benchPage{name: "list", addresses: p.listPages(b, 200)}
	overview := benchPage{name: "overview"}
	for _, c := range p.Collections {
		overview.addresses = append(overview.addresses, "/overview?collection="+c)
	}
	return []benchPage{
		packages, builds, overview, list, searches, {"front", []string{"/"}}, {"queue", []string{"/queue", "/queue?collection=" + p.Collections[0]}}, {"collection", []string{"/collection/" + p.Collections[0]}}, {"status", []string{"/status"}},
	}
}

// listPages are the addresses of the first pages of a collection's list, as each leads to
// the next.
func (p pagesBench) listPages(b *testing.B, most int) []string {
	b.Helper()
	next := regexp.MustCompile(`<a href="([^"]*)">next</a>`)
	c := connect(b, p.serve(b, silence{}))
	defer func() { _ = c.conn.Close() }()
	list := []string{"/packages?collection=" + p.Collections[0]}
	for len(list) < most {
		body, err := c.read(list[len(list)-1])
		if err != nil {
			b.Fatal(err)
		}
		found := next.FindStringSubmatch(body)
		if found == nil {
			break
		}
		list = append(list, html.UnescapeString(found[1]))
	}
	return list
}

// serve returns the address of a server, which serves until b ends.
func (p pagesBench) serve(b *testing.B, changes web.Changes) string {
	b.Helper()
	c := config(p.DB.View)
	c.Changes = changes
	c.Clock = koschei.Clock{Read: func() time.Time { return p.Newest }}
	server, err := site.New(c, true)
	if err != nil {
		b.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, l) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return l.Addr().String()
}

// A client asks over a connection of its own.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func connect(b *testing.B, address string) *client {
	b.Helper()
	var d net.Dialer
	conn, err := d.DialContext(b.Context(), "tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}
}

// read returns a page.
func (c *client) read(path string) (string, error) {
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return "", err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", path, res.StatusCode)
	}
	return string(body), err
}

// get returns how many bytes a page has, and its tag.
func (c *client) get(path, tag string) (n int64, newTag string, err error) {
	if tag != "" {
		tag = "If-None-Match: " + tag + "\r\n"
	}
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n"+tag+"\r\n"); err != nil {
		return 0, "", err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	n, err = io.Copy(io.Discard, res.Body)
	answered := res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNotModified || res.StatusCode == http.StatusFound // one is called so
	if !answered || tag != "" && res.StatusCode != http.StatusNotModified {
		err = fmt.Errorf("%s: status %d", path, res.StatusCode)
	}
	return n, res.Header.Get("ETag"), err
}

// ask asks for each address of a page once and returns the first one's tag.
func (p pagesBench) ask(b *testing.B, address string, page benchPage) (tag string) {
	b.Helper()
	c := connect(b, address)
	for i, path := range page.addresses {
		_, t, err := c.get(path, "")
		if err != nil {
			b.Fatal(err)
		}
		if i == 0 {
			tag = t
		}
	}
	if err := c.conn.Close(); err != nil {
		b.Fatal(err)
	}
	return tag
}

// measure lets clients ask for random addresses of a page, as fast as they are
// answered.
func (p pagesBench) measure(b *testing.B, address string, page benchPage, tag string) {
	b.Helper()
	lasts := benchLasts
	if tag != "" {
		lasts = time.Second
	}
	for b.Loop() { // it clears the figures that were told before
		continue
	}
	statements := p.alone(b, address, page)
	own, server := p.CPU(b)
	began := time.Now()
	took, bytes := p.together(b, address, page, tag, lasts)
	if len(took) == 0 {
		b.Fatal("nothing was answered")
	}
	lasted := time.Since(began)
	ownNow, serverNow := p.CPU(b)
	slices.Sort(took)
	pages := float64(len(took))
	ms := func(part float64) float64 { return took[int(part*(pages-1))].Seconds() * 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(pages/lasted.Seconds(), "requests/s")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric((ownNow-own).Seconds()*1000/pages, "cpu-ms")
	b.ReportMetric((serverNow-server).Seconds()*1000/pages, "db-cpu-ms")
	b.ReportMetric(float64(bytes)/pages, "bytes")
	b.ReportMetric(float64(statements), "statements")
}

// together lets all clients ask, and returns how long each answer took and how
// many bytes all had.
func (p pagesBench) together(b *testing.B, address string, page benchPage, tag string, lasts time.Duration) (took []time.Duration, bytes int64) {
	b.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	began := time.Now()
	for n := range benchClients {
		random := rand.New(rand.NewPCG(7, uint64(n)))
		c := connect(b, address)
		group.Go(func() {
			var mine []time.Duration
			var read int64
			for time.Since(began) < lasts {
				asked := time.Now()
				size, _, err := c.get(page.addresses[random.IntN(len(page.addresses))], tag)
				if err != nil {
					b.Error(err)
					break
				}
				mine, read = append(mine, time.Since(asked)), read+size
			}
			_ = c.conn.Close()
			mu.Lock()
			defer mu.Unlock()
			took, bytes = append(took, mine...), bytes+read
		})
	}
	group.Wait()
	return took, bytes
}

// alone returns the most statements that a page takes of a few that are asked
// for one after the other.
func (p pagesBench) alone(b *testing.B, address string, page benchPage) (most int64) {
	b.Helper()
	c := connect(b, address)
	for i := range min(20, len(page.addresses)) {
		before := p.Statements.Count()
		if _, _, err := c.get(page.addresses[i], ""); err != nil {
			b.Fatal(err)
		}
		if i > 0 || len(page.addresses) == 1 { // the first finds out what surrounds every page
			most = max(most, p.Statements.Count()-before)
		}
	}
	if err := c.conn.Close(); err != nil {
		b.Fatal(err)
	}
	return most
}
