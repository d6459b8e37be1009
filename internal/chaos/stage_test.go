package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus/amqp/brokertest"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

const (
	collection = distro.TargetName
	password   = "password" // name of the file
)

// A stage is all that takes part.
type stage struct {
	t    *teller
	plan plan
	dir  string

	program string // bin/koschei
	world   *kojisim.World
	hub     *kojihub.Hub
	start0  time.Time // domain time at epoch
	epoch   time.Time
	server  *server
	broker  *brokertest.Broker
	busURL  string // of those who are not to reach the broker directly
	db      *pgtest.DB
	record  *pgtest.World // for when the database is not in trouble, but where it says otherwise
	slots   []*slot
	meddler *meddler
	drip    drip
	poison  poison
	wire    *wire       // to the database; nil if processes are at its socket
	list    *ownersList // nil if nobody asks for owners

	counts   counts // of what was done
	heard    counts // of what processes have logged
	lasted   time.Duration
	recovery []string
}

// services are those that run, two processes of each.
func services() []string {
	return []string{"watcher", "polling", "repo-resolver", "build-resolver", "scheduler", "log-reader"}
}

// newStage builds the program, and no more yet.
func newStage(t *testing.T, p plan) *stage {
	t.Helper()
	teller := newTeller(t)
	s := &stage{t: teller, plan: p, dir: keptDir(t)}
	if err := os.WriteFile(filepath.Join(s.dir, password), []byte(distro.KoscheiUser), 0o600); err != nil {
		t.Fatal(err)
	}
	s.program = filepath.Join(s.dir, "koschei")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, "github.com/koschei-ci/koschei/cmd/koschei")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building koschei: %v\n%s", err, out)
	}
	return s
}

// open starts what processes need: a bus, a database with these settings, and
// the hub of a world, from whose present the clock goes on.
func (s *stage) open(world *kojisim.World, settings ...string) {
	s.t.Helper()
	s.world = world
	post := s.startBus()
	s.server = startServer(s.t.T, filepath.Join(s.dir, "database"), settings...)
	s.openRecord()
	s.start0, s.epoch = world.Now(), time.Now()
	s.hub = kojihub.New(world, kojisim.NewClock(s.start0, s.epoch, s.plan.speed), slog.New(slog.DiscardHandler))
	s.hub.Subscribe(post)
	runHub(s.t.T, s.hub)
	s.meddler = &meddler{stage: s, luck: s.plan.luck(1000)}
}

// cast has a process for each of the services.
func (s *stage) cast(services ...string) {
	for _, service := range services {
		s.slots = append(s.slots, s.newSlot(service))
	}
}

// keptDir returns a directory that stays when the test fails.
func keptDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "koschei-chaos-") //nolint:usetesting // it stays when the test fails
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and the database are left in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

func (s *stage) openRecord() {
	s.t.Helper()
	cfg, err := postgres.ParseURL(s.server.url)
	if err != nil {
		s.t.Fatal(err)
	}
	s.record = pgtest.WorldOf(s.t, cfg)
	s.db = s.record.Open()
	if err := s.db.PG.Migrate(s.t.Context(), func(postgres.Migration) {}); err != nil {
		s.t.Fatal(err)
	}
}

// addCollection adds one for the target of that name and the build tag that
// goes with it, of the builds in a tag.
func (s *stage) addCollection(name, destTag string, coefficient float64) {
	s.t.Helper()
	_, err := s.db.CreateCollection(s.t.Context(), s.author(), &koschei.Collection{
		Name: name, DisplayName: name, Order: koschei.DefaultOrder, Target: name, DestTag: destTag, BuildTag: name + "-build",
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: coefficient, Weight: 1,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) author() audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: "chaos", From: koschei.FromAdmin, Admin: true}, Now: s.now()}
}

// now is domain time.
func (s *stage) now() time.Time {
	return s.start0.Add(time.Duration(float64(time.Since(s.epoch)) * s.plan.speed))
}

// environ is the configuration of a process that finds the hub at an address.
func (s *stage) environ(hub string) []string {
	env := os.Environ()
	for name, value := range map[string]any{
		"DATA_DIR": s.dir, "DATABASE_URL": s.databaseURL(), "DATABASE_LEASE": s.plan.lease,
		"KOJI_SERVER": hub + "/kojihub", "KOJI_TOPURL": hub + "/kojifiles", "KOJI_CALL_LIMIT": s.plan.callLimit,
		"KOJI_LOGIN": "password", "KOJI_USER": distro.KoscheiUser, "KOJI_PASSWORD_FILE": filepath.Join(s.dir, password),
		"KOJI_BUILD_ARCHES": "[x86_64, aarch64]", "KOJI_LOAD_THRESHOLD": 0.9,
		"BUS_URL": s.broker.PlainURL(), "BUS_QUEUE": "koschei", "BUS_TOPIC_PREFIX": topicPrefix,
		"DEPENDENCY_GOROUTINES": s.plan.goroutines,
		// Time alone makes every package due again.
		"PRIORITIES_T0": s.plan.dueAfter / 10, "PRIORITIES_T1": s.plan.dueAfter,
		"CLOCK_START": s.start0.Format(time.RFC3339Nano), "CLOCK_EPOCH": s.epoch.Format(time.RFC3339Nano),
		"CLOCK_SPEED": s.plan.speed,
	} {
		env = append(env, fmt.Sprintf("KOSCHEI_%s=%v", name, value))
	}
	if s.list != nil {
		env = append(env, "KOSCHEI_OWNERS_URL="+s.list.url)
	}
	return env
}

// databaseURL is where processes find the database.
func (s *stage) databaseURL() string {
	if s.wire != nil {
		return s.wire.url
	}
	return s.server.url
}

// admin runs koschei-admin as an operator would.
func (s *stage) admin(args ...string) error {
	cmd := exec.CommandContext(s.t.Context(), s.program, append([]string{"admin", "--collection", collection}, args...)...)
	cmd.Env = s.environ(s.slots[0].hub)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
	}
	return nil
}

func (s *stage) start() {
	for _, slot := range s.slots {
		slot.start()
	}
}

// stop ends all processes in an orderly way.
func (s *stage) stop() {
	for _, slot := range s.slots {
		if err := slot.stop(); err != nil {
			s.t.Errorf("%s did not end as it should: %v", slot.name, err)
		}
	}
}

// awaitFirstBuilds waits until everything works.
func (s *stage) awaitFirstBuilds() {
	s.await("first builds", func() string {
		s.trackAll()
		n := 0
		for _, b := range s.record.ScratchBuilds() {
			if b.Outcome == koschei.OutcomeComplete {
				n++
			}
		}
		if n < 3 {
			return fmt.Sprintf("%d builds have ended", n)
		}
		return ""
	})
}

// trackAll tracks what there is, as an operator would now and then. In times of
// trouble it may fail.
func (s *stage) trackAll() {
	_, _ = s.db.TrackPackages(s.t.Context(), s.author(), collection, nil, true)
}
