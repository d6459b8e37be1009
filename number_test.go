package koschei

import (
	"errors"
	"math"
	"testing"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, n := range []Number{NumberCoefficient, NumberWeight, NumberMaxBuilds, NumberOrder, NumberPriority} {
		least, most := n.Range()
		for _, good := range []float64{least, most, (least + most) / 2, 1} {
			if err := n.Check(good); err != nil {
				t.Error(err)
			}
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, math.Nextafter(least, -1e18), math.Nextafter(most, 1e18)} {
			if err := n.Check(bad); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s %v: %v, want ErrInvalid", n, bad, err)
			}
		}
	}
	if err := NumberWeight.Check(1e-320); err == nil {
		t.Error("a weight so small that what is divided by it is infinite was accepted")
	}
}

// No number of a collection that anything is reckoned with may be none.
func TestCollectionNumbers(t *testing.T) {
	t.Parallel()
	good := Collection{
		Name: "f44", DisplayName: "Fedora 44", Target: "f44", DestTag: "f44", BuildTag: "f44-build", BuildGroup: "build",
		PriorityCoefficient: 1, Weight: 1, Order: DefaultOrder,
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Collection){
		"coefficient NaN": func(c *Collection) { c.PriorityCoefficient = math.NaN() },
		"coefficient Inf": func(c *Collection) { c.PriorityCoefficient = math.Inf(1) },
		"coefficient":     func(c *Collection) { c.PriorityCoefficient = 1e308 },
		"weight NaN":      func(c *Collection) { c.Weight = math.NaN() },
		"weight":          func(c *Collection) { c.Weight = 1e-320 },
		"order":           func(c *Collection) { c.Order = 99999999999 },
		"no UTF-8":        func(c *Collection) { c.DisplayName = "a\xff" },
		"NUL":             func(c *Collection) { c.BugzillaProduct = "a\x00" },
		"limit of builds": func(c *Collection) { c.MaxBuilds = 99999999999 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
