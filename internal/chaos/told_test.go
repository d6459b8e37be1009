package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A hardship is how hard the notifier's life is.
type hardship struct {
	changes int // of states, at least
	kills   int
	lasts   time.Duration // at least, real time
	most    int           // MiB that a process may have resident
}

// steps is what becomes of each package. Nothing leads back, so that there is
// nothing that nobody need be told of.
func steps() []step {
	return []step{{"ok", "failing"}, {"failing", "unresolved"}, {"unresolved", "ignored"}}
}

// stored is a state as the record has it.
func stored(state string) string {
	if state == string(koschei.StateIgnored) {
		return string(koschei.StateUntracked)
	}
	return state
}

const (
	packagesOfUser = 85 // less than what a letter lists by name
	toldCollection = "f99"
)

// hardshipFrom reads KOSCHEI_TOLD, short or long.
func hardshipFrom(t *testing.T) (hardship, plan) {
	t.Helper()
	p := plan{seed: time.Now().UnixNano() % 1e6, speed: 1, dueAfter: time.Hour, lease: 2 * time.Second, callLimit: 2 * time.Second, goroutines: 1}
	switch os.Getenv("KOSCHEI_TOLD") {
	case "":
		t.Skip("KOSCHEI_TOLD is not set; see make told")
	case "short":
		p.killEvery, p.freezeEvery, p.outageEvery, p.busEvery, p.patience = time.Second, 5*time.Second, 2*time.Second, 3*time.Second, 2*time.Minute
		return hardship{changes: 300, kills: 6, lasts: 8 * time.Second, most: 150}, p
	case "long":
		p.killEvery, p.freezeEvery, p.outageEvery, p.busEvery, p.patience = 1200*time.Millisecond, 15*time.Second, 4*time.Second, 40*time.Second, 10*time.Minute
		return hardship{changes: 10_000, kills: 200, lasts: 4 * time.Minute, most: 150}, p
	}
	t.Fatal("KOSCHEI_TOLD: it must be short or long")
	return hardship{}, p
}

// TestTold has everybody told of many changes while all receivers are in trouble,
// each for itself, and two notifiers are killed again and again. In the end each
// receiver has heard everything, of each package in its order, and can recognise
// what it heard twice.
func TestTold(t *testing.T) {
	hard, p := hardshipFrom(t)
	t.Logf("seed %d", p.seed)
	s := newStage(t, p)
	s.broker = brokertest.Start(t)
	s.server = startServer(t, filepath.Join(s.dir, "database"), "fsync=off", "shared_buffers=64MB")
	s.openRecord()
	s.start0, s.epoch = time.Now(), time.Now()
	names := s.packagesToTell((hard.changes + len(steps()) - 1) / len(steps()))
	all := []*receiver{
		s.busReceiver(p.luck(1)), s.hookReceiver(p.luck(2)), s.mailReceiver(p.luck(3)), s.bugReceiver(p.luck(4)),
		s.userHookReceiver(p.luck(5), names), s.resultsReceiver(p.luck(6)),
	}
	s.castNotifiers(all)
	s.start()
	s.await("sinks are open", func() string {
		for _, r := range all {
			if !slices.Contains(s.record.Sinks(), r.name) {
				return r.name + " is not"
			}
		}
		return ""
	})
	s.besiege(hard, all, names)
	s.await("everything is told", func() string {
		s.record.RetryDeliveries()
		if n := s.record.UnsentDeliveries(); n > 0 {
			return fmt.Sprintf("%d deliveries wait", n)
		}
		return ""
	})
	s.stop()
	s.judgeTold(hard, all, names)
}

// packagesToTell makes packages, and users who are told of them by mail.
func (s *stage) packagesToTell(n int) (names []string) {
	s.record.Collection(toldCollection)
	for i := range n {
		name := fmt.Sprintf("package-%d", i)
		names = append(names, name)
		s.record.Package(toldCollection, name)
		// With an event of their own, and by collection: thousands are not looked through each time.
		good, bad := pgtest.At(int64(2*i+1)), pgtest.At(int64(2*i+2))
		s.record.BuildIn(toldCollection, name, s.start0.Add(-2*time.Hour), pgtest.Real(int64(i+1)), pgtest.NoTask(), pgtest.Outcome(koschei.OutcomeComplete), good)
		s.record.BuildIn(toldCollection, name, s.start0.Add(-time.Hour), pgtest.Task(int64(i+1)), pgtest.Outcome(koschei.OutcomeFailed), bad)
	}
	s.record.RefreshLastBuilds()
	s.record.NoteStates() // or the self-check does, which is news
	for some := range slices.Chunk(names, packagesOfUser) {
		user := ownerOf(some)
		s.record.Owns(user, some...)
		s.record.Follows(user, koschei.ScopeOwner, user)
	}
	return names
}

// ownerOf is who owns some packages.
func ownerOf(packages []string) string { return "owner-of-" + packages[0] }

// castNotifiers has two notifiers who tell all receivers.
func (s *stage) castNotifiers(all []*receiver) {
	file := filepath.Join(s.dir, "koschei.yaml")
	config := "frontend:\n  url: https://koschei.example.org\nnotifier:\n  interval: 200ms\n  quiet: 0s\n"
	for _, r := range all {
		config += r.config
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	for i := range 2 {
		s.slots = append(s.slots, &slot{
			stage: s, service: "notifier", name: fmt.Sprintf("notifier-%d", i), ended: make(chan error, 1),
			hub:   "http://127.0.0.1:1", // it is asked nothing
			extra: []string{"KOSCHEI_CONFIG=" + file, "KOSCHEI_BUS_URL=" + s.busURL},
		})
	}
}

// besiege makes trouble for everybody until all has happened that is to be told,
// and the trouble was enough.
func (s *stage) besiege(hard hardship, all []*receiver, names []string) {
	ctx, end := context.WithCancel(s.t.Context())
	defer end()
	var makers sync.WaitGroup
	for i, r := range all {
		makers.Go(func() { s.troubleOf(ctx, r, s.plan.luck(uint64(10+i))) })
	}
	makers.Go(func() { s.killing(ctx, s.plan.luck(20)) })
	makers.Go(func() { s.freezing(ctx, s.plan.luck(21)) })
	makers.Go(func() { s.memoryWatch(ctx) })
	makers.Go(func() {
		for pause(ctx, time.Second) {
			s.record.RetryDeliveries()
		}
	})
	began := time.Now()
	s.happen(hard, names)
	for time.Since(began) < hard.lasts || s.counts.of("kills") < hard.kills {
		pause(s.t.Context(), 50*time.Millisecond)
	}
	end()
	makers.Wait()
	for _, r := range all {
		r.line.set(lineGood)
		r.bad.set(0)
	}
	s.t.Logf("the siege lasted %s", time.Since(began).Round(time.Second))
}

// happen writes all events, each package's in their order, spread over the siege.
func (s *stage) happen(hard hardship, names []string) {
	total := len(names) * len(steps())
	written := 0
	began := time.Now()
	for _, step := range steps() {
		for _, name := range names {
			s.record.Event(&koschei.Event{
				At: s.now(), Kind: koschei.EventPackageState, Collection: toldCollection, Package: name, Before: stored(step.before), After: stored(step.after),
			})
			written++
			pause(s.t.Context(), time.Until(began.Add(hard.lasts*time.Duration(written)/time.Duration(total))))
		}
	}
}

// troubleOf has a receiver be in one kind of trouble after the other.
func (s *stage) troubleOf(ctx context.Context, r *receiver, luck *rand.Rand) {
	lastAway := time.Now()
	for {
		r.line.set(lineGood)
		r.bad.set(0.1)
		if !pause(ctx, after(luck, s.plan.outageEvery)) {
			return
		}
		long := min(200*time.Millisecond+after(luck, time.Second), 5*time.Second)
		switch way := luck.IntN(6); {
		case r.away != nil && (way >= 4 || time.Since(lastAway) > s.plan.busEvery):
			s.counts.add(r.name+": killed", 1)
			r.away(ctx, luck)
			lastAway = time.Now()
		case way < 4:
			state := lineState(1 + way)
			s.counts.add(r.name+": line "+state.String(), 1)
			r.line.set(state)
			pause(ctx, long)
		default:
			s.counts.add(r.name+": answers badly", 1)
			r.bad.set(0.8)
			pause(ctx, long)
		}
	}
}

func (s *stage) memoryWatch(ctx context.Context) {
	for pause(ctx, 200*time.Millisecond) {
		for _, l := range s.slots {
			s.counts.most("MiB of "+l.service, l.memory()>>10)
		}
	}
}

// judgeTold compares what receivers heard with what happened.
func (s *stage) judgeTold(hard hardship, all []*receiver, names []string) {
	s.t.Logf("%d changes of %d packages", len(names)*len(steps()), len(names))
	for _, name := range s.counts.names() {
		s.t.Logf("%s: %d", name, s.counts.of(name))
	}
	if got := s.counts.of("MiB of notifier"); got > hard.most {
		s.t.Errorf("a notifier had %d MiB resident, want at most %d", got, hard.most)
	}
	if dead := s.record.DeadDeliveries(); dead > 0 {
		s.t.Errorf("%d deliveries were given up", dead)
	}
	for _, r := range all {
		s.judgeReceiver(r, names)
	}
}

// judgeReceiver fails for what a receiver did not hear, or not in its order. Only
// the first few are told.
func (s *stage) judgeReceiver(r *receiver, names []string) {
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	wrong := slices.Clone(r.seen.wrong)
	if r.judge == nil {
		s.t.Logf("%s: %d messages, %d came again", r.name, len(r.seen.said), r.seen.again)
	} else {
		wrong = append(wrong, r.judge(names)...)
		names = nil
	}
	for _, name := range names {
		want, got := steps(), r.seen.told[name]
		if r.joined {
			want, got = []step{{want[0].before, want[len(want)-1].after}}, joined(got)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(step{})); diff != "" {
			wrong = append(wrong, fmt.Sprintf("told of %s (-want +got):\n%s", name, diff))
		}
	}
	if len(wrong) > 0 {
		s.t.Errorf("%s: %d faults, such as\n%s", r.name, len(wrong), strings.Join(wrong[:min(3, len(wrong))], "\n"))
	}
}

// joined makes one step of those that follow each other.
func joined(all []step) (one []step) {
	for _, s := range all {
		if n := len(one); n > 0 && one[n-1].after == s.before {
			one[n-1].after = s.after
			continue
		}
		one = append(one, s)
	}
	return one
}
