package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// Who is believed about for whom it asks is named by address, and nobody else.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	l := Limits{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, tt := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.7:1234", nil, "192.0.2.7"},
		{"192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7"}, // a stranger's word
		{"10.1.2.3:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:1234", []string{"203.0.113.9, 198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"10.1.2.3:1234", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:1234", nil, "10.1.2.3"},
		{"10.1.2.3:1234", []string{"198.51.100.1, unknown"}, "10.1.2.3"},
		{"[::ffff:192.0.2.7]:1234", nil, "192.0.2.7"},
		{"[2001:db8:1:2:3:4:5:6]:1234", nil, "2001:db8:1:2::"},
		{"[::1]:1234", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		for _, f := range tt.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got, ok := l.client(r); !ok || got.String() != tt.want {
			t.Errorf("%s for %q: %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}

// One client that asks too much is told so; others, and what operators ask, are
// not concerned.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		limits Limits
		want   []int // of five requests of one address at once
	}{
		{"none", Limits{}, []int{200, 200, 200, 200, 200}},
		{"at once", Limits{AtOnce: 2}, []int{200, 200, 429, 429, 429}},
		{"a minute", Limits{PerMinute: 3}, []int{200, 200, 200, 429, 429}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s *Server
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			asked := func(from, path string) *httptest.ResponseRecorder {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.RemoteAddr = from
				return ask(s, r)
			}
			var within func(n int)
			got := make([]int, len(tt.want))
			nested := get("/nested", func(*Request) (Answer, error) {
				within(1)
				return Line("ok"), nil
			})
			free := get("/free", line)
			free.Unlimited = true
			s = serverOf(t, nested, free, get("/x", line))
			s.Limits, s.real = tt.limits, func() time.Time { return now }
			depth := 0
			within = func(n int) { // each asks while those before it are under way
				depth += n
				if i := depth; i < len(got) {
					w := asked("192.0.2.7:1", "/nested")
					got[i] = w.Code
					if w.Code == 429 && w.Header().Get("Retry-After") == "" {
						t.Error("when to ask again is not said")
					}
					if w.Code == 429 {
						within(1)
					}
				}
			}
			depth = -1
			within(1)
			for i := range tt.want {
				if got[i] != tt.want[i] {
					t.Fatalf("answered %v, want %v", got, tt.want)
				}
			}
			for _, other := range [][2]string{{"192.0.2.8:1", "/x"}, {"192.0.2.7:1", "/free"}} {
				if w := asked(other[0], other[1]); w.Code != 200 {
					t.Errorf("%v: %d", other, w.Code)
				}
			}
			now = now.Add(time.Minute)
			if w := asked("192.0.2.7:1", "/x"); w.Code != 200 {
				t.Errorf("a minute later: %d", w.Code)
			}
		})
	}
}

// Of clients that have nothing under way nobody remembers how many they have.
func TestClientsAreForgotten(t *testing.T) {
	t.Parallel()
	var c clients
	from := netip.MustParseAddr("10.0.0.0")
	for range 100 {
		from = from.Next()
		end, err := c.begin(&Limits{AtOnce: 1}, from, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		end()
	}
	if n := len(c.atOnce); n > 0 {
		t.Errorf("%d clients are remembered", n)
	}
}
