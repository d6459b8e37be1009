package kojisim

import (
	"math"
	"slices"
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

// AddChannel makes a channel.
func (w *System) AddChannel(name string) *Channel {
	c := &Channel{ID: len(w.Channels) + 1, Name: name}
	w.Channels = append(w.Channels, c)
	return c
}

// ChannelByName finds a channel; nil if there is none.
func (w *System) ChannelByName(name string) *Channel {
	for _, c := range w.Channels {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// AddHost makes a host that is enabled and has checked in.
func (w *System) AddHost(name string, arches []string, capacity float64, channels ...*Channel) *Host {
	h := &Host{
		ID: len(w.Hosts) + 1, Name: name, Arches: arches, Capacity: capacity, Channels: channels,
		Enabled: true, Ready: true, Updated: w.Now,
	}
	h.User = w.AddUser(User{Name: name, Kind: 1})
	w.Hosts = append(w.Hosts, h)
	return h
}

// addLoad keeps the load a number of hundredths: sums of weights would drift.
func (h *Host) addLoad(weight float64) {
	h.Load = math.Round((h.Load+weight)*100) / 100
}

// takes reports whether the host can run t now. Parents that wait for their
// children may not fill a host, or the children would never run.
func (h *Host) takes(t *Task) bool {
	room := h.Capacity
	if t.isParent() {
		room /= 2
	}
	return h.Enabled && h.Ready && h.Load < room && slices.Contains(h.Channels, t.Channel) &&
		(t.Arch == "noarch" || slices.Contains(h.Arches, t.Arch))
}

// dispatch gives free tasks to hosts, the most urgent first.
func (w *System) dispatch() {
	kept := w.Free[:0]
	for _, t := range w.Free {
		if t.State != TaskFree {
			continue
		}
		if h := w.hostFor(t); h != nil {
			w.assign(t, h)
		} else {
			kept = append(kept, t)
		}
	}
	clear(w.Free[len(kept):])
	w.Free = kept
}

// hostFor is the least loaded host that can run t, nil if all are busy.
func (w *System) hostFor(t *Task) *Host {
	var best *Host
	for _, h := range w.Hosts {
		if h.takes(t) && (best == nil || h.Load/h.Capacity < best.Load/best.Capacity) {
			best = h
		}
	}
	return best
}

// QueueTask puts a free task where dispatch finds it: by priority, then by age.
func (w *System) QueueTask(t *Task) {
	i, _ := slices.BinarySearchFunc(w.Free, t, func(a, b *Task) int {
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return a.ID - b.ID
	})
	w.Free = slices.Insert(w.Free, i, t)
	w.After(t.Luck.Between(100*time.Millisecond, 3*time.Second), w.dispatch)
}

// checkIn keeps the hosts' last sign of life young.
func (w *System) checkIn() {
	for _, h := range w.Hosts {
		if h.Ready {
			h.Updated = w.Now
		}
	}
}
