package koschei

import "fmt"

// A Number is a number that people give, in commands, files and forms. What is
// outside of its range, or no number at all, is refused: it would make no sense,
// and sums with it might have no place in the record.
type Number string

// The numbers of collections and packages. Those of the configuration have
// theirs beside the key.
const (
	NumberCoefficient Number = "the priority coefficient"
	NumberWeight      Number = "the weight"
	NumberMaxBuilds   Number = "the limit of builds"
	NumberOrder       Number = "the order"
	NumberPriority    Number = "the priority"
)

// Range is the smallest and the greatest value of n. The first two have their
// twins in the constraints of table collection.
func (n Number) Range() (least, most float64) {
	switch n {
	case NumberCoefficient:
		return 0, 1000
	case NumberWeight:
		return 0.001, 1000
	case NumberMaxBuilds:
		return 0, 100_000
	case NumberOrder, NumberPriority:
		return -1_000_000_000, 1_000_000_000
	}
	panic("cannot happen: no range for " + string(n))
}

// Check reports, wrapping ErrInvalid, that value is not in n's range.
func (n Number) Check(value float64) error {
	if least, most := n.Range(); !(value >= least && value <= most) { // NaN is neither
		return fmt.Errorf("%w: %s is %.15g, it must be from %.15g to %.15g", ErrInvalid, n, value, least, most)
	}
	return nil
}
