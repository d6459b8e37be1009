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

// databaseOutages restarts the database in every way, and ends connections.
func (s *stage) databaseOutages(ctx context.Context, luck *rand.Rand) {
	for pause(ctx, after(luck, s.plan.databaseEvery)) {
		switch luck.IntN(4) {
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
		}
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
