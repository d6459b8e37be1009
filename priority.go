package koschei

import (
	"math"
	"time"
)

// PriorityRules are the constants of the priority formula.
type PriorityRules struct {
	BuildThreshold float64       // a package is scheduled from this priority on
	PackageUpdate  float64       // of a changed dependency at distance 1
	FailedBuild    int           // of the first failure after a success
	UnresolvedLast int           // of a last build whose dependencies could not be installed from its repo
	T0             time.Duration // the age at which time priority is 0
	T1             time.Duration // the age at which time alone reaches the threshold
}

// DefaultPriorityRules returns the rules Fedora's Koschei ran with.
func DefaultPriorityRules() PriorityRules {
	return PriorityRules{
		BuildThreshold: 256,
		PackageUpdate:  256,
		FailedBuild:    200,
		UnresolvedLast: 3000,
		T0:             6 * time.Hour,
		T1:             168 * time.Hour,
	}
}

// minTimePriority bounds the penalty of a build that has only just started.
const minTimePriority = -30

// TimeCoefficients returns a and b of time priority, a·log10(hours) + b.
func (r PriorityRules) TimeCoefficients() (a, b float64) {
	t0, t1 := math.Log10(r.T0.Hours()), math.Log10(r.T1.Hours())
	a = r.BuildThreshold / (t1 - t0)
	return a, -a * t0
}

// Time returns the priority of a package whose last build started age ago.
func (r PriorityRules) Time(age time.Duration) float64 {
	a, b := r.TimeCoefficients()
	return max(a*math.Log10(max(1e-6, age.Hours()))+b, minTimePriority)
}

// farDistance divides the weight of a change whose distance is unknown.
const farDistance = 8

// Dependency returns the dependency priority of a package with changes at these
// distances since its last build.
func (r PriorityRules) Dependency(changes Distances) int {
	sum := float64(changes[NoDistance]) * r.PackageUpdate / farDistance
	for distance, n := range changes[1:] {
		sum += float64(n) * r.PackageUpdate / float64(1+distance)
	}
	return int(sum)
}

// A Priority is a package's priority with every term that led to it.
type Priority struct {
	Manual      float64
	Static      float64
	Dependency  float64 // this and the two below before Coefficient is applied
	Build       float64
	Time        float64
	Coefficient float64
}

// Total is the priority the scheduler goes by.
func (p Priority) Total() float64 {
	return p.Manual + p.Static + p.Coefficient*(p.Dependency+p.Build+p.Time)
}

// Of returns the priority p has at now. It means nothing while p has an
// Obstacle. The statement that picks packages in SQL is held to it by a test.
func (r PriorityRules) Of(p *PackageStatus, c *Collection, now time.Time) Priority {
	return Priority{
		Manual:      float64(p.ManualPriority),
		Static:      float64(p.StaticPriority),
		Dependency:  float64(p.DependencyPriority),
		Build:       float64(p.BuildPriority),
		Time:        r.Time(now.Sub(p.LastBuildStarted)),
		Coefficient: c.PriorityCoefficient,
	}
}
