package loop

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
)

// starts runs a loop for a while of real time and returns when its passes
// began, counted from the start. The n-th pass returns what result says.
func starts(t *testing.T, l *Loop, during time.Duration, result func(n int) error) []time.Duration {
	t.Helper()
	if l.Log == nil {
		l.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var began []time.Duration
	start := time.Now()
	l.Run(ctx, func(context.Context) error {
		began = append(began, time.Since(start))
		return result(len(began))
	})
	return began
}

func ok(int) error { return nil }

// near allows for jitter.
func near(got, want time.Duration) bool {
	return got >= want*9/10 && got <= want*11/10+time.Millisecond
}

func TestInterval(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		interval time.Duration
		speed    float64
		want     time.Duration // between two passes
	}{
		{"real time", 10 * time.Second, 0, 10 * time.Second},
		{"domain time", 10 * time.Second, 10, time.Second},
		{"floor", 3 * time.Second, 2880, 200 * time.Millisecond},
		{"no interval", 0, 0, 200 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := starts(t, &Loop{Interval: test.interval, Clock: koschei.Clock{Speed: test.speed}}, 10*test.want, ok)
				if began[0] != 0 {
					t.Errorf("first pass after %v, want at once", began[0])
				}
				if len(began) < 9 {
					t.Fatalf("%d passes", len(began))
				}
				for i := 1; i < len(began); i++ {
					if wait := began[i] - began[i-1]; wait < floor || !near(wait, test.want) {
						t.Errorf("pass %d after %v, want about %v", i+1, wait, test.want)
					}
				}
			})
		})
	}
}

func TestFailuresBackOff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		interval time.Duration
		speed    float64
		want     []time.Duration
	}{
		{"short interval", 3 * time.Second, 0, []time.Duration{3e9, 6e9, 12e9, 24e9, 48e9, 96e9, 192e9, 300e9, 300e9}},
		{"long interval", 20 * time.Minute, 0, []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 320e9, 640e9, 1200e9, 1200e9}},
		{"fast domain time", 3 * time.Second, 2880, []time.Duration{200e6, 400e6, 800e6, 1e9, 1e9}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := starts(t, &Loop{Interval: test.interval, Clock: koschei.Clock{Speed: test.speed}}, 2*time.Hour, func(n int) error {
					if n > len(test.want) {
						return nil
					}
					return errors.New("broken")
				})
				for i, want := range test.want {
					if wait := began[i+1] - began[i]; !near(wait, want) {
						t.Errorf("after failure %d waited %v, want about %v", i+1, wait, want)
					}
				}
				after := began[len(test.want)+1] - began[len(test.want)]
				if want := (&Loop{Clock: koschei.Clock{Speed: test.speed}}).real(test.interval); !near(after, want) {
					t.Errorf("after success waited %v, want about %v", after, want)
				}
			})
		})
	}
}

// A database that is back is found back soon, however long it was away; a hub is
// left in peace.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for _, interval := range []time.Duration{3 * time.Second, 20 * time.Minute} {
		for _, beside := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				l := &Loop{Interval: interval, Log: slog.New(slog.DiscardHandler)}
				var ended time.Time
				longest := time.Duration(0)
				l.Run(ctx, func(ctx context.Context) error {
					if !ended.IsZero() {
						longest = max(longest, time.Since(ended))
					}
					ended = time.Now()
					if beside {
						ctx = Beside(ctx)
					}
					DatabaseAway(ctx)
					return errors.New("the database is away")
				})
				if longest > 9*time.Second {
					t.Errorf("with an interval of %v it was asked again after %v", interval, longest)
				}
			})
		}
	}
	DatabaseAway(t.Context()) // outside of a pass
}

func TestWake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{}, 1)
		l := &Loop{Interval: time.Hour, Wake: wake}
		began := starts(t, l, 30*time.Minute, func(n int) error {
			if n < 4 {
				wake <- struct{}{}
			}
			return nil
		})
		if len(began) != 4 {
			t.Fatalf("%d passes, want 4", len(began))
		}
		for i := 1; i < len(began); i++ {
			if wait := began[i] - began[i-1]; wait != wakeRest {
				t.Errorf("woken after %v, want %v", wait, wakeRest)
			}
		}
	})
}

// TestWakeRest wakes loops all the time.
func TestWakeRest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		interval time.Duration
		speed    float64
		want     time.Duration // between two passes
	}{
		{"a tenth", 3 * time.Second, 1, 300 * time.Millisecond},
		{"of domain time", 20 * time.Second, 10, 200 * time.Millisecond},
		{"at most", 20 * time.Minute, 1, wakeRest},
		{"at least", 3 * time.Second, 2880, floor},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake := make(chan struct{})
				close(wake)
				began := starts(t, &Loop{Interval: test.interval, Clock: koschei.Clock{Speed: test.speed}, Wake: wake}, 10*test.want, ok)
				for i := 1; i < len(began); i++ {
					if wait := began[i] - began[i-1]; wait != test.want {
						t.Errorf("woken after %v, want %v", wait, test.want)
					}
				}
				if len(began) < 9 {
					t.Errorf("%d passes, want 10", len(began))
				}
			})
		})
	}
}

func TestWakeDoesNotCutBackOffShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{}, 1)
		l := &Loop{Interval: time.Hour, Wake: wake}
		began := starts(t, l, 30*time.Second, func(n int) error {
			if n == 1 {
				wake <- struct{}{}
				return errors.New("broken")
			}
			return nil
		})
		if len(began) != 3 || !near(began[1], firstRetry) || began[2]-began[1] != wakeRest {
			t.Errorf("passes at %v, want one after %v and the woken one soon after it", began, firstRetry)
		}
	})
}

func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		l := &Loop{Interval: time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		passes := 0
		l.Run(ctx, func(ctx context.Context) error {
			passes++
			cancel()
			return ctx.Err()
		})
		l.Run(ctx, func(context.Context) error {
			t.Error("a pass after the end")
			return nil
		})
		if passes != 1 || log.Len() > 0 {
			t.Errorf("%d passes, log %q; want 1 and nothing logged", passes, log.String())
		}
	})
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		l := &Loop{Name: "polling", Interval: time.Minute, Metrics: NewMetrics(reg), Log: slog.New(slog.DiscardHandler)}
		if !l.LastSuccess().IsZero() {
			t.Error("a success before the first pass")
		}
		start := time.Now()
		starts(t, l, 5*time.Second, func(int) error {
			<-time.After(time.Second)
			return nil
		})
		if got, want := l.LastSuccess(), start.Add(time.Second); !got.Equal(want) {
			t.Errorf("last success %v, want %v", got, want)
		}
		starts(t, l, 5*time.Second, func(int) error { return errors.New("broken") })
		if got, want := l.LastSuccess(), start.Add(time.Second); !got.Equal(want) {
			t.Errorf("last success %v after a failure, want %v", got, want)
		}
		want := map[string]float64{"ok": 1, "failed": 1}
		for outcome, n := range want {
			if got := counted(t, reg, outcome); got != n {
				t.Errorf("%v passes %s, want %v", got, outcome, n)
			}
		}
	})
}

func counted(t *testing.T, reg *prometheus.Registry, outcome string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "koschei_passes_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestPasses(t *testing.T) {
	t.Parallel()
	for _, want := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			began := starts(t, &Loop{Interval: time.Second, Passes: want}, time.Hour, func(int) error { return errors.New("trouble") })
			if len(began) != want {
				t.Errorf("%d passes, want %d", len(began), want)
			}
		})
	}
}

// A pass in which nothing happens is seen within a minute, one that is long but
// gets on is not blamed.
func TestStuckPass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		sign func(context.Context) // that the pass gives each second
		want int
	}{
		{"stuck", func(context.Context) {}, 1},
		{"stuck, but its lease is renewed", func(ctx context.Context) { Alive(Beside(ctx)) }, 1},
		{"long", Alive, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := NewMetrics(prometheus.NewPedanticRegistry())
				l := &Loop{Name: "polling", Interval: time.Minute, Metrics: m, Log: slog.New(slog.DiscardHandler), Passes: 1}
				l.Run(t.Context(), func(ctx context.Context) error {
					for range 70 {
						<-time.After(time.Second)
						test.sign(ctx)
					}
					got := m.Failing(time.Now())
					if len(got) != test.want || test.want > 0 && got[0] != "polling: a pass is stuck, nothing has happened in it for 1m10s" {
						t.Errorf("after 70 seconds: %q, want %d", got, test.want)
					}
					return nil
				})
				if got := m.Failing(time.Now().Add(time.Hour)); len(got) != 0 {
					t.Errorf("when it has ended: %q", got)
				}
			})
		})
	}
	Alive(t.Context()) // outside of a pass
}

// A loop fails when its passes have failed for minutes, or one does not end,
// and not before.
func TestFailing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(prometheus.NewPedanticRegistry())
		l := &Loop{Name: "polling", Interval: time.Minute, Metrics: m, Log: slog.New(slog.DiscardHandler)}
		broken := func(int) error { return errors.New("broken") }
		starts(t, l, time.Minute, broken)
		if got := m.Failing(time.Now()); len(got) != 0 {
			t.Errorf("after a minute of failures: %q", got)
		}
		starts(t, l, 9*time.Minute, broken)
		got := m.Failing(time.Now())
		if len(got) != 1 || !strings.HasPrefix(got[0], "polling: ") || !strings.HasSuffix(got[0], "passes in a row have failed, for 10m0s; the log says why") {
			t.Errorf("after ten minutes of failures: %q", got)
		}
		starts(t, l, time.Second, ok)
		if got := m.Failing(time.Now()); len(got) != 0 {
			t.Errorf("after a success: %q", got)
		}
		m.begin("repo-resolver", new(pulse), time.Now().Add(-2*time.Hour))
		if got := m.Failing(time.Now()); len(got) != 1 || got[0] != "repo-resolver: a pass has been under way for 2h0m0s" {
			t.Errorf("while a pass does not end: %q", got)
		}
		p := new(pulse)
		p.beat(time.Now())
		m.begin("repo-resolver", p, time.Now())
		if now := time.Now(); m.Stuck(now.Add(59*time.Second), time.Minute) || !m.Stuck(now.Add(time.Minute), time.Minute) {
			t.Error("a pass is stuck when nothing has happened in it for so long")
		}
		m.health.end("repo-resolver", nil, time.Now())
		if m.Stuck(time.Now().Add(time.Hour), time.Minute) {
			t.Error("a loop is stuck between passes")
		}
	})
}
