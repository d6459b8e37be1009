package site_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// besieged is for tests that "make siege" runs at full length.
func besieged() bool { return os.Getenv("KOSCHEI_SIEGE") != "" }

// leak is what no answer may hold: paths of files, statements, stacks.
var leak = regexp.MustCompile(`(?i)goroutine \d|\.go:\d+|/home/|/root/|/tmp/|SQLSTATE|pgx|pq:|\bSELECT .* FROM\b|runtime error`)

// Whatever is sent to the address of the pages is answered soon, with no fault of
// ours and nothing of our insides.
func TestFuzzedRequests(t *testing.T) {
	t.Parallel()
	requests := 600
	if besieged() {
		requests = 10_000
	}
	address := serveSite(t)
	luck := rand.New(rand.NewPCG(16, 16))
	statuses := map[int]int{}
	for n := range requests {
		request := fuzzed(luck)
		status, body, took, err := exchange(t, address, request)
		statuses[status]++
		switch {
		case status == 501 || status == 505: // net/http's own, for what is no HTTP/1.1
		case status >= 500:
			t.Errorf("request %d, %.200q: status %d: %.200s", n, request, status, body)
		case took > 15*time.Second:
			t.Errorf("request %d, %.200q: no end within %v (%v)", n, request, took, err)
		}
		if found := leak.FindString(strings.ReplaceAll(body, request, "")); found != "" && !strings.Contains(request, found) {
			t.Errorf("request %d, %.200q: the answer holds %q", n, request, found)
		}
		if len(statuses) > 30 {
			t.Fatalf("statuses: %v", statuses)
		}
	}
	t.Logf("%d requests, by status: %v", requests, statuses)
	if statuses[200] < requests/20 || statuses[404] < requests/50 || statuses[400] < requests/50 {
		t.Errorf("too much is answered alike: %v", statuses)
	}
}

// serveSite serves a record at an address.
func serveSite(t *testing.T) string {
	t.Helper()
	b := browse(t, config(hostile(t, hostileNames()).View))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- b.handler.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// exchange sends bytes and reads what comes back. Status 0 is no answer.
func exchange(t *testing.T, address, request string) (status int, body string, took time.Duration, err error) {
	t.Helper()
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	if err := conn.SetDeadline(began.Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(conn, request); err != nil {
		return 0, "", time.Since(began), err // it was let go
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.CloseWrite() // else what is cut short is waited for
	}
	resp, readErr := http.ReadResponse(bufio.NewReader(conn), nil)
	if readErr != nil {
		return 0, "", time.Since(began), errors.Join(err, readErr)
	}
	defer resp.Body.Close() //nolint:errcheck // as above
	all, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(all), time.Since(began), err
}

// fuzzed is a request that is odd somewhere: in its method, its path, an argument, a
// header, or as a whole.
func fuzzed(luck *rand.Rand) string {
	method, path, version := "GET", pick(luck, oddPaths()), "HTTP/1.1"
	headers := []string{"Host: localhost", "Connection: close"}
	switch luck.IntN(8) {
	case 0:
		method = pick(luck, []string{"POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G T", "", "M\x00", strings.Repeat("A", 3000), "QUERY"})
	case 1, 2:
		path += pick(luck, []string{"?", "&"}) + pick(luck, oddArguments()) + "=" + url.QueryEscape(pick(luck, oddValues(luck)))
	case 3:
		path += "?" + pick(luck, oddArguments()) + "=" + pick(luck, oddValues(luck)) // as it is
	case 4:
		headers = append(headers, pick(luck, oddHeaders(luck)))
	case 5:
		path = strings.ReplaceAll(path, "maven", url.PathEscape(pick(luck, append(hostileNames(), oddValues(luck)...))))
	case 6:
		version = pick(luck, []string{"HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "HTTP/x", "", "http/1.1", "HTTP/1.1 extra"})
	case 7:
		whole := []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		for range 1 + luck.IntN(5) {
			whole[luck.IntN(len(whole))] = byte(luck.IntN(256))
		}
		return string(whole)
	}
	return fmt.Sprintf("%s %s %s\r\n%s\r\n\r\n", method, path, version, strings.Join(headers, "\r\n"))
}

func pick[T any](luck *rand.Rand, from []T) T { return from[luck.IntN(len(from))] }

func oddPaths() []string {
	return []string{
		"/", "/packages", "/package/maven", "/package/maven?collection=f44", "/build/4", "/build/4/log", "/compare?a=1&b=2", "/collections", "/collection/f44",
		"/groups", "/status", "/search?q=mav", "/repo/f44/1", "/updates", "/update/f44/maven", "/affected-by/maven", "/badge/f44/maven.svg", "/bugreport/maven",
		"/api/v1/packages", "/api/v1/packages?collection=f44", "/api/v1/collections/diff/f43/f44", "/overview", "/login", "/package/maven/edit", "/static/style.css",
		"//evil.example", "/\\evil.example", "/../../etc/passwd", "/package/..%2f..%2fetc", "/%", "/%zz", "/%00", "/\x00", "/package/", "/build/-1",
		"/build/9223372036854775807", "/build/9223372036854775808", "http://evil.example/", "*", "", "x", "/" + strings.Repeat("a/", 500), "/livez", "/readyz", "/metrics",
		"/robots.txt", "/favicon.ico", "/.git/config", "/packages;x=1", "/package/%2e%2e/x", "/unsubscribe/x",
	}
}

func oddArguments() []string {
	return []string{
		"collection", "page", "order_by", "state", "group", "name", "q", "last_seen", "last_seen_ts", "compare", "since", "distance", "untracked", "a", "b", "repo", "nonsense", "", "a[]", "p%00",
	}
}

func oddValues(luck *rand.Rand) []string {
	values := slices.Clone(hostileNames())
	random := make([]byte, luck.IntN(40))
	for i := range random {
		random[i] = byte(luck.IntN(256))
	}
	return append(values, "", "0", "-1", "1", "2", "99999999999999999999", "-9223372036854775808", "1e308", "NaN", "Inf", "1.5", "0x10", "true", "f44", "f44,f43", ",", "f44,,", "*a*b*", "%",
		strings.Repeat("*a", 127), "2026-02-30T99:99", "\xff\xfe", "\r\nX-Evil: 1", "' OR 1=1 --", "${jndi:ldap://x}", strings.Repeat("z", 300), strings.Repeat("z", 20_000), string(random))
}

func oddHeaders(luck *rand.Rand) []string {
	value := pick(luck, oddValues(luck))
	return []string{
		"Host: " + value, "Cookie: session=" + value, "If-None-Match: " + value, "If-Modified-Since: " + value, "Accept-Encoding: " + value, "Range: bytes=" + value,
		"X-Forwarded-For: " + value, "Authorization: Bearer " + value, "Content-Length: " + value, "Transfer-Encoding: " + value, "Expect: " + value, "Origin: " + value,
		value + ": x", "X-Long: " + strings.Repeat("y", 70_000), strings.Repeat("X-Many: 1\r\n", 500) + "X-Last: 1", "Upgrade: " + value, "Connection: " + value,
	}
}
