package scheduler

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/kojisync"
)

// Metrics count what the scheduler did.
type Metrics struct {
	submissions *prometheus.CounterVec
	holds       *prometheus.CounterVec
	losses      prometheus.Counter
	twins       prometheus.Counter
}

// NewMetrics registers them. A process calls it once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_submissions_total",
			Help: "Scratch builds that the hub was asked for, by what it did: taken, refused, or unanswered.",
		}, []string{"collection", "outcome"}),
		holds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koschei_holds_total",
			Help: "Packages whose turn had come but that could not be built.",
		}, []string{"collection"}),
		losses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "koschei_submissions_lost_total",
			Help: "Scratch builds that were written down but that the hub does not have.",
		}),
		twins: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "koschei_submissions_twice_total",
			Help: "Tasks canceled because their build had one already.",
		}),
	}
	reg.MustRegister(m.submissions, m.holds, m.losses, m.twins)
	return m
}

// What the hub did when it was asked for a build.
const (
	taken      = "taken"
	refused    = "refused"
	unanswered = "unanswered" // settle finds out
)

func (m *Metrics) submitted(collection, outcome string) {
	if m != nil {
		m.submissions.WithLabelValues(collection, outcome).Inc()
		if outcome == refused {
			m.losses.Inc()
		}
	}
}

func (m *Metrics) held(collection string) {
	if m != nil {
		m.holds.WithLabelValues(collection).Inc()
	}
}

func (m *Metrics) settled(done kojisync.Settlement) {
	if m != nil {
		m.losses.Add(float64(done.Lost))
		m.twins.Add(float64(done.Twins))
	}
}

func (m *Metrics) twin() {
	if m != nil {
		m.twins.Inc()
	}
}
