package koschei

import (
	"math"
	"testing"
	"time"
)

func TestTimePriority(t *testing.T) {
	t.Parallel()
	tests := []struct {
		hours, want float64
	}{
		{-1, -30}, // a clock that is behind the hub's
		{0, -30},
		{2, -30},
		{4, -30},
		{6, 0},
		{10, 39.2447},
		{24, 106.5035},
		{34, 133.2625},
		{72, 190.9055},
		{168, 256},
		{730, 368.8636},
		{8760, 559.7691},
	}
	rules := DefaultPriorityRules()
	for _, test := range tests {
		got := rules.Time(time.Duration(test.hours * float64(time.Hour)))
		if math.Abs(got-test.want) > 5e-4 {
			t.Errorf("%v hours: priority %.4f, want %.4f", test.hours, got, test.want)
		}
	}
}

func TestTimeCoefficients(t *testing.T) {
	t.Parallel()
	a, b := DefaultPriorityRules().TimeCoefficients()
	if math.Abs(a-176.898) > 1e-3 || math.Abs(b+137.654) > 1e-3 {
		t.Errorf("a = %.3f, b = %.3f; want 176.898 and -137.654", a, b)
	}
}

func TestPriorityOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := PackageStatus{
		Package:            Package{ManualPriority: 10, StaticPriority: -20},
		DependencyPriority: 100, BuildPriority: 200,
		LastBuildStarted: now.Add(-168 * time.Hour),
	}
	tests := []struct {
		coefficient, want float64
	}{
		{1, 10 - 20 + 100 + 200 + 256},
		{0.5, 10 - 20 + (100+200+256)/2.0},
		{0, 10 - 20},
	}
	for _, test := range tests {
		got := DefaultPriorityRules().Of(&p, &Collection{PriorityCoefficient: test.coefficient}, now).Total()
		if math.Abs(got-test.want) > 1e-9 {
			t.Errorf("coefficient %v: priority %v, want %v", test.coefficient, got, test.want)
		}
	}
}

func TestDependencyPriority(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		update  float64
		changes Distances
		want    int
	}{
		{"none", 256, Distances{}, 0},
		{"distance 1", 256, Distances{1: 1}, 256},
		{"distance 2", 256, Distances{2: 1}, 128},
		{"distance 3", 256, Distances{3: 1}, 85},
		{"distance 4", 256, Distances{4: 1}, 64},
		{"unknown distance, or removed", 256, Distances{NoDistance: 1}, 32},
		{"thirds add up before they are cut", 256, Distances{3: 3}, 256},
		{"two at distance 2", 20, Distances{2: 2}, 20},
		{"one of each", 256, Distances{1, 1, 1, 1, 1}, 565},
	}
	for _, test := range tests {
		rules := PriorityRules{PackageUpdate: test.update}
		if got := rules.Dependency(test.changes); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
