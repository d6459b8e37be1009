package kojisync_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// A fixture is a record beside a simulated hub, with a collection f40 of which
// the record knows nothing yet.
type fixture struct {
	*kojisync.Sync
	*scenario.Stage
	t     testing.TB
	world *kojisim.World
	hub   *kojihub.Hub
	clock *kojisim.Clock
}

const smallWorld = `
start 2026-11-23T12:00:00Z
user koschei password=secret
user root password=secret perms=admin
channel default
host builder1 arches=x86_64,aarch64 capacity=20 channels=default
tag f40
tag f40-old
tag f40-build arches=x86_64,aarch64 parents=f40
target f40 build=f40-build dest=f40
group f40-build build
member f40-build build mandatory bash
package bash tag=f40
package foo tag=f40
package docs tag=f40
package old tag=f40 blocked
package bash tag=f40-old
package foo tag=f40-old blocked
package older tag=f40-old
build bash-5-1 tag=f40
 binary bash
build foo-1-1 epoch=3 tag=f40
 requires bash >= 4
 requires (bash if docs)
 exclusivearch x86_64 aarch64
 binary foo
build foo-2-1
 requires bash
 conflicts docs < 1
 binary foo
build docs-1-1 tag=f40
 requires nothing-that-exists
 buildarchs noarch
 binary docs noarch
repo f40-build
`

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return fixtureOf(t, scenario.World(t, smallWorld))
}

func fixtureOf(t testing.TB, w *kojisim.World) *fixture {
	t.Helper()
	stage := scenario.New(t, w, scenario.Empty())
	stage.Sync.Log = slog.New(slog.DiscardHandler)
	stage.Collection("f40")
	return &fixture{Sync: stage.Sync, Stage: stage, t: t, world: w, hub: stage.Hub, clock: stage.Clock}
}

func (f *fixture) collection() *koschei.Collection {
	f.t.Helper()
	c, err := f.DB.Collection(f.t.Context(), "f40")
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// poll does for the collection what polling does.
func (f *fixture) poll() {
	f.t.Helper()
	c := f.collection()
	for _, step := range []func(context.Context, *koschei.Collection) error{f.PackageList, f.TaggedBuilds, f.SourceFacts} {
		if err := step(f.t.Context(), c); err != nil {
			f.t.Fatal(err)
		}
	}
}

// follow asks for running builds.
func (f *fixture) follow() {
	f.t.Helper()
	if err := f.RunningBuilds(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// submit has the hub build a tagged source of a package, as the scheduler does.
// It returns the build's id and the task's.
func (f *fixture) submit(pkg string) (id, task int64) {
	f.t.Helper()
	ctx := f.t.Context()
	event, err := f.Primary.LastEvent(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	tagged, err := f.Primary.ListTagged(ctx, koji.TagQuery{Tag: "f40", Package: pkg, Latest: true, Inherit: true})
	if err != nil || len(tagged) != 1 {
		f.t.Fatal(tagged, err)
	}
	srpm, err := f.Primary.SRPM(ctx, tagged[0].ID)
	if err != nil {
		f.t.Fatal(err)
	}
	id = f.Build(pkg, f.Now(), pgtest.Outcome(koschei.OutcomeSubmitting), pgtest.At(event.ID), pgtest.EVR(tagged[0].EVR()))
	task, err = f.Primary.Build(ctx, koji.ScratchBuild{
		Key: strconv.FormatInt(id, 10), Source: koji.SourcePath("../packages", &tagged[0].Build, srpm.NEVRA()), Target: "f40",
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.SetBuild(id, pgtest.Outcome(koschei.OutcomeRunning), pgtest.Task(task))
	return id, task
}

// builds describes a package's builds in their order.
func (f *fixture) builds(pkg string) []string {
	f.t.Helper()
	var lines []string
	for _, b := range f.BuildsOf(pkg) {
		line := fmt.Sprintf("%s %s %s", b.Origin, b.Outcome, b.EVR())
		if b.Untagged {
			line += " untagged"
		}
		if b.Last {
			line += " last"
		}
		lines = append(lines, line)
	}
	return lines
}

// packages describes all packages.
func (f *fixture) packages() []string {
	f.t.Helper()
	var lines []string
	for _, p := range f.Packages() {
		lines = append(lines, fmt.Sprintf("%s %s", p.Name, p.State))
	}
	return lines
}

// pass lets the hub's time pass, in steps in which its builders can work.
func (f *fixture) pass(d time.Duration) {
	f.clock.Step(d)
}
