package kojisim

import (
	"math"
	"time"
)

// A Host is a machine that runs tasks.
type Host struct {
	ID       int
	User     *User
	Name     string
	Arches   []string
	Capacity float64
	Enabled  bool
	Ready    bool
	Updated  time.Time // zero: never checked in
	Channels []*Channel
	Load     float64
}

// A Channel is a kind of work.
type Channel struct {
	ID   int
	Name string
}

// addLoad keeps the load a number of hundredths: sums of weights would drift.
func (h *Host) addLoad(weight float64) {
	h.Load = math.Round((h.Load+weight)*100) / 100
}
