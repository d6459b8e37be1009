package chaos

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

// killing ends random processes at random moments.
func (s *stage) killing(ctx context.Context, luck *rand.Rand) {
	for pause(ctx, after(luck, s.plan.killEvery)) {
		s.slots[luck.IntN(len(s.slots))].kill()
	}
}

// freezing stops random processes for longer than a lease lasts, and often for
// longer than a submission may be under way.
func (s *stage) freezing(ctx context.Context, luck *rand.Rand) {
	for pause(ctx, after(luck, s.plan.freezeEvery)) {
		l := s.slots[luck.IntN(len(s.slots))]
		if l.freeze(ctx, s.freezeFor(luck)) {
			s.counts.add("freezes", 1)
		}
	}
}

func (s *stage) freezeFor(luck *rand.Rand) time.Duration {
	return s.plan.lease + time.Duration(luck.Int64N(int64(2*s.plan.callLimit)))*time.Duration(1+luck.IntN(2))
}

// hubOutage is a way in which the hub misbehaves for a while.
type hubOutage struct {
	name   string
	faults kojihub.Faults
}

func (s *stage) outages() []hubOutage {
	return []hubOutage{
		{"offline", kojihub.Faults{Offline: "database outage"}},
		{"locked out", kojihub.Faults{LockOut: true}},
		{"503", kojihub.Faults{HTML503: true}},
		{"busy", kojihub.Faults{Busy: 0.4}},
		{"cut before", kojihub.Faults{CutBefore: 0.4}},
		{"cut after", kojihub.Faults{CutAfter: 0.4}},
		{"truncated", kojihub.Faults{Truncate: 0.4}},
		{"slow", kojihub.Faults{Slow: 0.3, SlowFor: s.plan.callLimit / 2}},
		{"hanging", kojihub.Faults{Slow: 0.2, SlowFor: s.plan.callLimit * 3 / 2}},
		{"sessions expire", kojihub.Faults{Expire: 0.2}},
		{"slower than a lease", kojihub.Faults{Slow: 1, SlowFor: s.plan.callLimit * 3 / 4}},
		{"everything", kojihub.Faults{
			Busy: 0.1, CutBefore: 0.1, CutAfter: 0.1, Truncate: 0.1, Slow: 0.1, SlowFor: s.plan.callLimit / 2, Expire: 0.05,
		}},
	}
}

// hubOutages has the hub misbehave now and then, and a little all the time.
func (s *stage) hubOutages(ctx context.Context, luck *rand.Rand) {
	defer s.hub.SetFaults(kojihub.Faults{})
	little := kojihub.Faults{Busy: 0.005, CutBefore: 0.005, CutAfter: 0.005, Truncate: 0.005, Expire: 0.002}
	all := s.outages()
	for {
		s.hub.SetFaults(little)
		if !pause(ctx, after(luck, s.plan.outageEvery)) {
			return
		}
		o := all[luck.IntN(len(all))]
		s.hub.SetFaults(o.faults)
		s.counts.add("outages of the hub", 1)
		s.counts.add("outage: "+o.name, 1)
		pause(ctx, min(500*time.Millisecond+after(luck, 1500*time.Millisecond), 6*time.Second))
	}
}

// databaseOutages restarts the database in every way, ends connections, lets it be
// read only for a while, and sets its clock.
func (s *stage) databaseOutages(ctx context.Context, luck *rand.Rand) {
	for order := inTurn(luck, 6); pause(ctx, after(luck, s.plan.databaseEvery)); {
		switch order() {
		case 0:
			s.counts.add("database: restarts", 1)
			s.server.restart(false, after(luck, 500*time.Millisecond))
		case 1:
			s.counts.add("database: immediate restarts", 1)
			s.server.restart(true, after(luck, 500*time.Millisecond))
		case 2:
			s.killBackend(ctx)
		case 3:
			s.endConnections(ctx)
		case 4:
			s.readOnly(ctx, time.Second+after(luck, 2*time.Second))
		case 5:
			s.jumpClock(ctx, time.Hour*time.Duration(1-2*luck.IntN(2)))
		}
	}
}

// readOnly lets the database be read only for a while, as a managed one is whose
// disk is full. It can be written again when this returns.
func (s *stage) readOnly(ctx context.Context, d time.Duration) {
	if !s.soon(ctx, func() error { return s.record.SetReadOnly(ctx, true) }) {
		return
	}
	s.counts.add("database: read only", 1)
	defer func() {
		for s.record.SetReadOnly(context.WithoutCancel(ctx), false) != nil && pause(s.t.Context(), 100*time.Millisecond) {
		}
	}()
	if s.soon(ctx, func() error { return s.record.EndAllConnections(ctx) }) {
		pause(ctx, d)
	}
}

// soon does something at the database, again if that is away for a moment.
func (s *stage) soon(ctx context.Context, do func() error) bool {
	for range 20 {
		if do() == nil {
			return true
		}
		if !pause(ctx, 100*time.Millisecond) {
			break
		}
	}
	return false
}

// jumpClock has the server's clock be set. Leases that are held run out, or seem to
// last for an hour.
func (s *stage) jumpClock(ctx context.Context, by time.Duration) {
	if s.soon(ctx, func() error { return s.record.JumpClock(ctx, by) }) {
		s.counts.add("database: jumps of the clock", 1)
	}
}

// outside has what is outside of the machine be in trouble, one thing at a time:
// the network to the database, or the files of repos.
func (s *stage) outside(ctx context.Context, luck *rand.Rand) {
	for order := inTurn(luck, 3); pause(ctx, after(luck, s.plan.outsideEvery)); {
		if order() == 0 {
			s.darkness(ctx, luck.IntN(2) == 0, luck.IntN(2) == 0, func() bool { return luck.IntN(2) == 0 })
		} else {
			s.dripping(ctx, luck)
		}
		s.list.change()
	}
}

// inTurn draws from n kinds so that each comes up in n draws.
func inTurn(luck *rand.Rand, n int) func() int {
	var left []int
	return func() int {
		if len(left) == 0 {
			left = luck.Perm(n)
		}
		next := left[0]
		left = left[1:]
		return next
	}
}

// killBackend kills a process of the server, which makes all of it start again.
func (s *stage) killBackend(ctx context.Context) {
	pid, err := s.record.Victim(ctx)
	if err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
		s.counts.add("database: backends killed", 1)
	}
}

func (s *stage) endConnections(ctx context.Context) {
	n, err := s.record.EndConnections(ctx)
	if err == nil {
		s.counts.add("database: connections ended", n)
	}
}

// worst is how the trouble ends: the hub is away, the database restarts, and
// all processes are killed, those that hold leases too.
func (s *stage) worst() {
	s.hub.SetFaults(kojihub.Faults{Offline: "database outage"})
	for _, l := range s.slots {
		l.kill()
	}
	s.server.restart(true, s.plan.callLimit)
	s.hub.SetFaults(kojihub.Faults{})
}

// tracking tracks the packages that packagers have added.
func (s *stage) tracking(ctx context.Context, luck *rand.Rand) {
	for pause(ctx, after(luck, 2*time.Second)) {
		s.trackAll()
	}
}

// watching looks now and then at what may happen only for a moment, and at how
// much memory processes take.
func (s *stage) watching(ctx context.Context, _ *rand.Rand) {
	for pause(ctx, 500*time.Millisecond) {
		for _, tasks := range s.tasksByKey() {
			left := 0
			for _, task := range tasks {
				if !task.Ended {
					left++
				}
			}
			if left > 1 {
				s.counts.add("moments with two tasks of one build", 1)
			}
		}
		for _, l := range s.slots {
			s.counts.most("MiB of "+l.service, l.memory()>>10)
		}
	}
}

// tasksByKey returns our tasks at the hub by the builds that they are of.
func (s *stage) tasksByKey() map[string][]kojisim.BuildTask {
	byKey := map[string][]kojisim.BuildTask{}
	for _, task := range s.world.BuildTasks(distro.KoscheiUser, "koschei") {
		key, _ := task.Option.(string)
		byKey[key] = append(byKey[key], task)
	}
	return byKey
}
