package html

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// A Spark is a small line of how a number went: the path of the line, and that of
// what is below it. Both are empty if there is too little to draw.
type Spark struct{ Line, Area string }

const (
	sparkWidth, sparkHeight = 1000.0, 20.0
	fewValues               = 3
)

// SparkOf draws values that are equally far apart.
func SparkOf(values []int) Spark {
	if len(values) < fewValues {
		return Spark{}
	}
	least, most := values[0], values[0]
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	line := stepPath(len(values), func(i int) (x, y float64) {
		y = sparkHeight / 2
		if most > least {
			y = sparkHeight * float64(most-values[i]) / float64(most-least)
		}
		return sparkWidth * float64(i) / float64(len(values)-1), y
	})
	return Spark{line, line + "V22H0z"}
}

// stepPath is the path of steps through points.
func stepPath(n int, at func(i int) (x, y float64)) string {
	var b strings.Builder
	last := math.NaN()
	for i := range n {
		x, y := at(i)
		y = math.Round(y*10) / 10
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%g %g", math.Round(x*10)/10, y)
		case y != last || i == n-1:
			fmt.Fprintf(&b, "H%g", math.Round(x*10)/10)
			if y != last {
				fmt.Fprintf(&b, "V%g", y)
			}
		}
		last = y
	}
	return b.String()
}

// A StepPoint is what is counted at a time: one number, and another on top of it.
type StepPoint struct {
	At           time.Time
	Lower, Upper int
}

// A Steps is a chart of two numbers over time, stacked, from 0 up.
type Steps struct {
	Label         string // what it shows, in a sentence
	Lower, Both   string // paths of areas
	LowerL, BothL string // paths of their lines
	Ticks         []Tick
	Days          []Tick
}

// A Tick is a number at a place: at a height of the scale of numbers, or at a
// percentage of the width.
type Tick struct {
	At   float64
	Text string
}

const stepsHeight = 150.0

// StepsOf draws points, the oldest first; nil if there are too few.
func StepsOf(points []StepPoint) *Steps {
	if len(points) < fewValues {
		return nil
	}
	most := 1
	for _, p := range points {
		most = max(most, p.Lower+p.Upper)
	}
	scale := niceScale(most)
	first, last := points[0].At, points[len(points)-1].At
	x := func(t time.Time) float64 { return float64(t.Sub(first)) / float64(max(last.Sub(first), 1)) }
	height := func(n int) float64 { return stepsHeight - stepsHeight*float64(n)/float64(scale) }
	lower := stepPath(len(points), func(i int) (float64, float64) { return 1000 * x(points[i].At), height(points[i].Lower) })
	both := stepPath(len(points), func(i int) (float64, float64) {
		return 1000 * x(points[i].At), height(points[i].Lower + points[i].Upper)
	})
	ground := fmt.Sprintf("V%gH0z", stepsHeight)
	s := &Steps{LowerL: lower, BothL: both, Lower: lower + ground, Both: both + ground}
	end := points[len(points)-1]
	s.Label = fmt.Sprintf("From %s to %s: %s not building at first, %s now", first.UTC().Format("2 January"), last.UTC().Format("2 January"),
		Plural(points[0].Lower+points[0].Upper, "package"), Count(end.Lower+end.Upper))
	for n := scale / 4; n <= scale; n += scale / 4 {
		s.Ticks = append(s.Ticks, Tick{math.Round(height(n)*10) / 10, Count(n)})
	}
	const days = 4
	for i := range days {
		at := first.Add(last.Sub(first) * time.Duration(i) / days)
		s.Days = append(s.Days, Tick{math.Round(x(at)*1000) / 10, at.UTC().Format("2 Jan")})
	}
	return s
}

// niceScale is a number not below n that divides by 4 into round numbers.
func niceScale(n int) int {
	for size := 4; ; size *= 10 {
		for _, of := range []int{1, 2, 3, 5} {
			if size*of >= n {
				return size * of
			}
		}
	}
}
