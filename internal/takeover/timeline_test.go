package takeover

import (
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

// TestTimeline looks for events at a hub where they are not in the order of
// their times, come in bursts, and leave gaps of thousands: changes take their
// number when they begin and their time is that of their transaction.
func TestTimeline(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	w := kojisim.NewSystem(1, start)
	at := start
	for len(w.Events) < 20_000 {
		switch n := random.IntN(1000); {
		case n == 0:
			w.Events = append(w.Events, make([]time.Time, 3000)...)
		case n < 20:
			w.Events = append(w.Events, time.Time{})
		case n < 40:
			at = at.Add(time.Hour)
		}
		at = at.Add(time.Duration(random.IntN(5000)) * time.Millisecond)
		w.Events = append(w.Events, at.Add(-time.Duration(random.IntN(20))*time.Second))
	}
	w.Now = at.Add(time.Minute)
	server := httptest.NewServer(kojihub.New(kojisim.NewWorld(w), kojisim.NewStepClock(w.Now), slog.New(slog.DiscardHandler)))
	defer server.Close()
	client, err := koji.New(koji.Config{Server: server.URL + "/kojihub", TopURL: server.URL + "/kojifiles"})
	if err != nil {
		t.Fatal(err)
	}
	times := []time.Time{start.Add(-time.Hour), w.Now, w.Now.Add(time.Hour)}
	for range 500 {
		times = append(times, start.Add(time.Duration(random.Int64N(int64(at.Sub(start))))))
	}
	l := &timeline{hub: client}
	for range 2 { // the second time all is known
		found, err := l.before(t.Context(), times)
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range found {
			next := int(id) + 1
			for next <= len(w.Events) && w.EventTime(next).IsZero() {
				next++
			}
			early := id == 0 || w.EventTime(int(id)).Before(times[i]) && !w.EventTime(int(id)).IsZero()
			late := next > len(w.Events) || !w.EventTime(next).Before(times[i])
			if !early || !late {
				t.Errorf("before %s is event %d, of %s; the next is of %s", times[i], id, w.EventTime(max(1, int(id))), w.EventTime(min(next, len(w.Events))))
			}
		}
		if found[0] != 0 || found[1] != found[2] || found[2] == 0 {
			t.Errorf("at the ends are events %v", found[:3])
		}
	}
}
