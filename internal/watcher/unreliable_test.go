package watcher_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// newLiving returns a fixture whose packagers work all day, and a second record
// of the same hub that only polls.
func newLiving(t *testing.T) (f *fixture, polled *scenario.Stage) {
	t.Helper()
	world, err := distro.Generate(t.Context(), distro.Options{Packages: 120, Seed: 7, Updates: 60, History: 48 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	f = newFixture(t, world, distro.KoscheiUser, distro.KoscheiUser)
	w := pgtest.NewWorld(t)
	db := w.Open()
	polled = &scenario.Stage{
		World: w, Store: db, T: t, Hub: f.Hub, Clock: f.Clock, URL: f.URL,
		Sync: kojisync.New(db.Record, koji.Hubs{Primary: f.Stage.Sync.Primary}, koschei.Clock{Read: f.Clock.Now}, f.Stage.Sync.Rules, f.Log),
	}
	for _, w := range []*pgtest.World{f.World, polled.World} {
		w.TrackFromNowOn()
	}
	polled.AddCollection("f44", "f44-build")
	polled.Poll()
	return f, polled
}

// live lets half an hour pass at the hub again and again; meanwhile a build of
// ours is submitted now and then, and one record polls.
func live(f *fixture, polled *scenario.Stage, steps int, hear func(step int)) {
	f.T.Helper()
	var names []string
	for _, p := range f.Packages() {
		if p.LastBuildID != 0 {
			names = append(names, p.Name)
		}
	}
	for step := range steps {
		if step%3 == 0 {
			pkg := names[step%len(names)]
			if !f.PackageRow(pkg).Running {
				submit(f, pkg, f.World, polled.World)
			}
		}
		f.tick(30 * time.Minute)
		hear(step)
		polled.Poll()
		if err := polled.Sync.RunningBuilds(f.T.Context()); err != nil {
			f.T.Fatal(err)
		}
	}
}

// TestUnreliable doubles messages and brings them in another order. What is
// recorded is what polling all the time records, and polling afterwards changes
// nothing.
func TestUnreliable(t *testing.T) {
	t.Parallel()
	f, polled := newLiving(t)
	f.Hub.SetMessageFaults(kojihub.MessageFaults{Repeat: 0.3, Reorder: 0.3})
	heard := 0
	live(f, polled, 30, func(int) { heard += f.hear() })
	f.Hub.SetMessageFaults(kojihub.MessageFaults{})
	for f.hear() > 0 || len(f.mail) > 0 {
		f.tick(time.Minute)
	}
	watched := record(f.World)
	if diff := cmp.Diff(record(polled.World), watched); diff != "" {
		t.Errorf("recorded by polling and by watching (-polled +watched):\n%s", diff)
	}
	f.Poll()
	if diff := cmp.Diff(watched, record(f.World)); diff != "" {
		t.Errorf("polling changed (-before +after):\n%s", diff)
	}
	scratch := slices.DeleteFunc(watched, func(line string) bool { return !strings.Contains(line, " scratch ") })
	t.Logf("%d messages, %d builds of ours", heard, len(scratch))
	if heard < 100 || len(scratch) < 5 {
		t.Error("too little has happened")
	}
}

// TestLoss loses a third of the messages too. Once polling has asked for all,
// the record is the one that polling makes.
func TestLoss(t *testing.T) {
	t.Parallel()
	f, polled := newLiving(t)
	f.Hub.SetMessageFaults(kojihub.MessageFaults{Lose: 0.3, Repeat: 0.3, Reorder: 0.3})
	live(f, polled, 30, func(step int) {
		f.hear()
		if step%4 == 0 {
			f.Poll()
		}
	})
	f.Poll()
	if err := f.Stage.Sync.RunningBuilds(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := func(w *pgtest.World) []string {
		lines := packages(w)
		for _, b := range w.ScratchBuilds() {
			lines = append(lines, fmt.Sprint(b.Package, " ", b.Event, " ", b.TaskID, " ", b.Outcome, " ", b.Untagged))
		}
		return lines
	}
	if diff := cmp.Diff(now(polled.World), now(f.World)); diff != "" {
		t.Errorf("recorded by polling, and by watching with loss and polling (-polled +watched):\n%s", diff)
	}
	t.Log(f.outcomes())
}
