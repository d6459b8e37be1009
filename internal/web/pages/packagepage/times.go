package packagepage

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// An archTime is how long the shown builds took on an architecture.
type archTime struct {
	Arch   string
	Median string
	Label  string
	Line   float64 // height of the median
	Dots   []dot
}

// A dot is one build; its place is in percent of the width, its height in pixels
// from the top.
type dot struct {
	X, Y   float64
	Failed bool
}

const (
	timesTop, timesGround = 4.0, 30.0
	fewTimes              = 2 // of fewer there is no median worth the name
)

// timesOf are the times of a history's builds per architecture: of those that
// were built there or failed.
func timesOf(history []view.HistoryEntry) []archTime {
	took := map[string][]time.Duration{}
	type taken struct {
		place  int
		took   time.Duration
		failed bool
	}
	each := map[string][]taken{}
	builds := 0
	for _, e := range slices.Backward(history) {
		if e.Build == nil || !e.Build.Outcome.Ended() {
			continue
		}
		for _, t := range e.Build.Tasks {
			if t.Method != "buildArch" || t.Finished.IsZero() || t.State != koschei.TaskClosed && t.State != koschei.TaskFailed {
				continue
			}
			d := t.Finished.Sub(t.Started)
			each[t.Arch] = append(each[t.Arch], taken{builds, d, t.State == koschei.TaskFailed})
			if t.State == koschei.TaskClosed {
				took[t.Arch] = append(took[t.Arch], d)
			}
		}
		builds++
	}
	var list []archTime
	for _, arch := range slices.Sorted(maps.Keys(took)) {
		if len(took[arch]) < fewTimes {
			continue
		}
		slices.Sort(took[arch])
		median := took[arch][len(took[arch])/2]
		longest := slices.MaxFunc(each[arch], func(a, b taken) int { return cmp.Compare(a.took, b.took) }).took
		height := func(d time.Duration) float64 {
			return math.Round((timesGround-(timesGround-timesTop)*float64(d)/float64(max(longest, 1)))*10) / 10
		}
		t := archTime{Arch: arch, Median: html.Duration(median), Line: height(median), Label: arch + ": " + html.Duration(median) + " in the middle of " + html.Plural(len(took[arch]), "build")}
		for _, one := range each[arch] {
			t.Dots = append(t.Dots, dot{hundredths((float64(one.place) + 0.5) * 100 / float64(builds)), height(one.took), one.failed})
		}
		list = append(list, t)
	}
	return list
}
