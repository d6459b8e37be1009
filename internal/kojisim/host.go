package kojisim

import (
	"math"
	"slices"
	"time"
)

// A host is a machine that runs tasks.
type host struct {
	id       int
	user     *user
	name     string
	arches   []string
	capacity float64
	enabled  bool
	ready    bool
	updated  time.Time // zero: never checked in
	channels []*channel
	load     float64
}

// A channel is a kind of work.
type channel struct {
	id   int
	name string
}

// addChannel makes a channel.
func (w *System) addChannel(name string) *channel {
	c := &channel{id: len(w.channels) + 1, name: name}
	w.channels = append(w.channels, c)
	return c
}

// channelByName finds a channel; nil if there is none.
func (w *System) channelByName(name string) *channel {
	for _, c := range w.channels {
		if c.name == name {
			return c
		}
	}
	return nil
}

// addHost makes a host that is enabled and has checked in.
func (w *System) addHost(name string, arches []string, capacity float64, channels ...*channel) *host {
	h := &host{
		id: len(w.hosts) + 1, name: name, arches: arches, capacity: capacity, channels: channels,
		enabled: true, ready: true, updated: w.now,
	}
	h.user = w.addUser(user{name: name, kind: 1})
	w.hosts = append(w.hosts, h)
	return h
}

// addLoad keeps the load a number of hundredths: sums of weights would drift.
func (h *host) addLoad(weight float64) {
	h.load = math.Round((h.load+weight)*100) / 100
}

// takes reports whether the host can run t now. Parents that wait for their
// children may not fill a host, or the children would never run.
func (h *host) takes(t *task) bool {
	room := h.capacity
	if t.isParent() {
		room /= 2
	}
	return h.enabled && h.ready && h.load < room && slices.Contains(h.channels, t.channel) &&
		(t.arch == "noarch" || slices.Contains(h.arches, t.arch))
}

// dispatch gives free tasks to hosts, the most urgent first.
func (w *System) dispatch() {
	kept := w.free[:0]
	for _, t := range w.free {
		if t.state != taskFree {
			continue
		}
		if h := w.hostFor(t); h != nil {
			w.assign(t, h)
		} else {
			kept = append(kept, t)
		}
	}
	clear(w.free[len(kept):])
	w.free = kept
}

// hostFor is the least loaded host that can run t, nil if all are busy.
func (w *System) hostFor(t *task) *host {
	var best *host
	for _, h := range w.hosts {
		if h.takes(t) && (best == nil || h.load/h.capacity < best.load/best.capacity) {
			best = h
		}
	}
	return best
}

// queueTask puts a free task where dispatch finds it: by priority, then by age.
func (w *System) queueTask(t *task) {
	i, _ := slices.BinarySearchFunc(w.free, t, func(a, b *task) int {
		if a.priority != b.priority {
			return a.priority - b.priority
		}
		return a.id - b.id
	})
	w.free = slices.Insert(w.free, i, t)
	w.after(t.luck.Between(100*time.Millisecond, 3*time.Second), w.dispatch)
}

// checkIn keeps the hosts' last sign of life young.
func (w *System) checkIn() {
	for _, h := range w.hosts {
		if h.ready {
			h.updated = w.now
		}
	}
}
