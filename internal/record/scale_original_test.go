package record_test

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// newScaleOriginal fills a database of the original Koschei with a history and
// returns its address. Indexes are those that the original has.
func newScaleOriginal(t *testing.T, h *scaleHistory) string {
	t.Helper()
	cfg := pgtest.Empty(t)
	schema, err := os.ReadFile("../postgres/upstream/testdata/original.sql")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	l := &scaleLoader{t: t, pool: pgtest.Connect(t, cfg), h: h}
	l.exec(string(schema))
	// Rows are not checked one by one against the tables that they refer to.
	l.exec(`ALTER TABLE build DROP CONSTRAINT build_package_id_fkey;
		ALTER TABLE koji_task DROP CONSTRAINT koji_task_build_id_fkey;
		ALTER TABLE applied_change DROP CONSTRAINT applied_change_build_id_fkey, DROP CONSTRAINT applied_change_prev_dep_id_fkey,
			DROP CONSTRAINT applied_change_curr_dep_id_fkey`)
	l.originalWords()
	l.originalBuilds()
	l.originalChanges()
	l.exec(`CREATE INDEX ON build (package_id, started DESC);
		CREATE INDEX ON koji_task (build_id);
		CREATE INDEX ON applied_change (build_id);
		CREATE INDEX ON resolution_change (package_id);
		CREATE INDEX ON resolution_problem (resolution_id);
		UPDATE package p SET resolved = p.id % 2 = 1, last_complete_build_state = (
			SELECT b.state FROM build b WHERE b.package_id = p.id ORDER BY b.started DESC LIMIT 1);
		ANALYZE`)
	t.Logf("original filled in %.0f s", time.Since(began).Seconds())
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s", cfg.ConnConfig.Database, pgtest.SocketDir(t), cfg.ConnConfig.User)
}

func (l *scaleLoader) originalWords() {
	h := l.h
	l.copy("collection", "id name display_name order target dest_tag build_tag", len(h.collections), func(i int) []any {
		name := h.collections[i].name
		return []any{i + 1, name, strings.ToUpper(name), 100 - i, name, name, name + "-build"}
	})
	l.copy("base_package", "id name", scaleSources, func(i int) []any { return []any{i + 1, h.sources[i]} })
	l.copy("package", "id base_id collection_id name tracked blocked", len(h.collections)*scaleSources, func(i int) []any {
		source := i % scaleSources
		return []any{i + 1, source + 1, i/scaleSources + 1, h.sources[source], source%50 != 0, source%97 == 0}
	})
	l.copy("dependency", "id name epoch version release arch", len(h.nevras), func(i int) []any {
		n := h.nevras[i]
		return []any{i + 1, n.Name, n.Epoch, n.Version, n.Release, n.Arch}
	})
	all := len(h.collections) * scaleSources
	l.copy("resolution_change", "id package_id resolved timestamp", 2*all, func(i int) []any {
		return []any{i + 1, i/2 + 1, i%2 == 0, h.start.Add(time.Duration(i%2*scaleDays*12)*time.Hour + time.Duration(i)*time.Second)}
	})
	l.copy("resolution_problem", "resolution_id problem", all, func(i int) []any {
		return []any{2*i + 2, "nothing provides something needed by " + h.sources[i%scaleSources]}
	})
}

// originalBuilds loads builds: that of the newest one of a package with what it
// was built with.
func (l *scaleLoader) originalBuilds() {
	h := l.h
	l.copy("build", "id package_id state task_id started finished version release repo_id deps_resolved real dependency_keys",
		len(h.builds), func(i int) []any {
			b := &h.builds[i]
			state := map[koschei.Outcome]int{koschei.OutcomeComplete: 3, koschei.OutcomeFailed: 5}[b.outcome]
			if state == 0 {
				return nil
			}
			var keys []byte
			if int(h.last[b.collection][b.source]) == i {
				keys = packedKeys(h.set(b.collection, b.source, b.repo))
			}
			n := h.evr(b)
			return []any{
				b.id, b.pkg, state, b.id, b.started, b.finished(), n.Version, n.Release, b.repo + 1, true, b.real, keys,
			}
		})
	arches := []string{"x86_64", "aarch64", "s390x"}
	l.copy("koji_task", "build_id task_id arch state started finished", 3*len(h.builds), func(i int) []any {
		b := &h.builds[i/3]
		if b.real && i%3 > 0 || !b.outcome.Counts() {
			return nil
		}
		return []any{b.id, 10_000_000 + i, arches[i%3], 2, b.started, b.finished()}
	})
}

// originalChanges loads a row for each change of a dependency.
func (l *scaleLoader) originalChanges() {
	h := l.h
	var rows [][]any
	next := 0
	columns := []string{"build_id", "prev_dep_id", "curr_dep_id", "distance"}
	n, err := l.pool.CopyFrom(l.t.Context(), pgx.Identifier{"applied_change"}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		for len(rows) == 0 && next < len(h.builds) {
			b := &h.builds[next]
			if next++; b.prev < 0 || !b.outcome.Counts() {
				continue
			}
			prev, curr, distance := h.changes(b.collection, b.source, h.builds[b.prev].repo, b.repo)
			for i := range prev {
				rows = append(rows, []any{b.id, prev[i], curr[i], distance[i]})
			}
		}
		if len(rows) == 0 {
			return nil, nil
		}
		row := rows[0]
		rows = rows[1:]
		return row, nil
	}))
	if err != nil {
		l.t.Fatalf("loading applied_change: %v", err)
	}
	l.t.Logf("%d changes of dependencies", n)
}

func (h *scaleHistory) evr(b *scaleBuild) rpm.EVR {
	return h.nevras[h.collections[b.collection].idIn(h.binariesOf[b.source][0], b.repo)-1].EVR
}

func (b *scaleBuild) finished() time.Time { return b.started.Add(20 * time.Minute) }

// packedKeys is a set as the original stores it.
func packedKeys(set depset.Set) []byte {
	var plain []byte
	last := int32(0)
	for _, m := range set { // by id
		plain = binary.BigEndian.AppendUint32(plain, uint32(m.ID-last))
		last = m.ID
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(plain) // a Buffer takes everything
	_ = w.Close()
	return packed.Bytes()
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// eventsADay is how busy Fedora's hub was in 2017 to 2020.
const eventsADay = 28_300

// A scaleHub is a hub with the tasks and builds of a history, among all that
// happens in a distribution besides.
type scaleHub struct {
	h        *scaleHistory
	w        *kojisim.System
	koschei  *kojisim.User
	channel  *kojisim.Channel
	taggings map[int64]int // events of real builds, by task
	ids      []int64       // of all events
}

func newScaleHub(h *scaleHistory) *scaleHub {
	s := &scaleHub{h: h, w: kojisim.NewSystem(1, h.start), taggings: map[int64]int{}}
	s.koschei = s.w.AddUser(kojisim.User{Name: "koschei"})
	s.channel = s.w.AddChannel("default")
	for c := range h.collections {
		s.w.AddTag(h.collections[c].name, []string{"x86_64"})
	}
	for _, name := range h.sources {
		s.w.NewPackage(name)
	}
	s.addTasks()
	s.addTaggings(s.addBuilds())
	return s
}

func (s *scaleHub) addTasks() {
	for i := range s.h.builds {
		b := &s.h.builds[i]
		n := s.h.evr(b)
		state := kojisim.TaskClosed
		if b.outcome != koschei.OutcomeComplete {
			state = kojisim.TaskFailed
		}
		s.w.Tasks = append(s.w.Tasks, &kojisim.Task{
			ID: i + 1, Method: "build", Arch: "noarch", State: state, Owner: s.koschei, Channel: s.channel,
			Created: b.started, Started: b.started, Completed: b.finished(),
			Request: []any{fmt.Sprintf("packages/%s-%s-%s.src.rpm", s.h.sources[b.source], n.Version, n.Release)},
		})
	}
}

// addBuilds adds the packagers' builds and returns them by place in the history.
func (s *scaleHub) addBuilds() map[int]*kojisim.Build {
	real := map[int]*kojisim.Build{}
	for i := range s.h.builds {
		if b := &s.h.builds[i]; b.real {
			build := s.w.NewBuild(s.w.Packages[b.source], s.h.evr(b), kojisim.Content{}, s.koschei, kojisim.BuildComplete)
			build.TaskID, build.Started, build.Created, build.Finished = i+1, b.started, b.started, b.finished()
			real[i] = build
		}
	}
	return real
}

// addTaggings makes all events, those that tag builds among many others. Some
// changes were given up and left a gap.
func (s *scaleHub) addTaggings(real map[int]*kojisim.Build) {
	random := rand.New(rand.NewPCG(1, 1))
	type moment struct {
		at    time.Time
		build int // -1 if it is another event
	}
	var moments []moment
	for range eventsADay * scaleDays {
		at := s.h.start.Add(time.Duration(random.Int64N(int64(scaleDays*24*time.Hour/time.Microsecond))) * time.Microsecond)
		moments = append(moments, moment{at, -1})
	}
	for i := range real {
		moments = append(moments, moment{s.h.builds[i].finished(), i})
	}
	slices.SortFunc(moments, func(a, b moment) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.build, b.build)) })
	s.w.Events = make([]time.Time, 0, len(moments))
	for _, m := range moments {
		if m.build < 0 && random.IntN(100) == 0 {
			m.at = time.Time{}
		}
		s.w.Events = append(s.w.Events, m.at)
		if m.build < 0 {
			continue
		}
		b := &s.h.builds[m.build]
		tag := s.w.Tags[b.collection]
		g := &kojisim.Tagging{Build: real[m.build], Tag: tag, Created: len(s.w.Events), Creator: s.koschei}
		tag.Taggings = append(tag.Taggings, g)
		tag.ByPkg[g.Build.Package.ID] = append(tag.ByPkg[g.Build.Package.ID], g)
		s.taggings[b.id] = len(s.w.Events)
	}
	for s.w.Events[len(s.w.Events)-1].IsZero() {
		s.w.Events = s.w.Events[:len(s.w.Events)-1]
	}
	s.w.Now = s.w.Events[len(s.w.Events)-1].Add(time.Hour)
}

func (s *scaleHub) sim() *kojisim.World { return kojisim.NewWorld(s.w) }

func (s *scaleHub) clock() *kojisim.Clock { return kojisim.NewStepClock(s.w.Now) }

// event is where the build of a task belongs.
func (s *scaleHub) event(task int64) int64 {
	if event, real := s.taggings[task]; real {
		return int64(event)
	}
	if s.ids == nil {
		for i, at := range s.w.Events {
			if !at.IsZero() {
				s.ids = append(s.ids, int64(i)+1)
			}
		}
	}
	made := s.h.builds[task-1].started
	n := sort.Search(len(s.ids), func(i int) bool { return !s.w.Events[s.ids[i]-1].Before(made) })
	if n == 0 {
		return 0
	}
	return s.ids[n-1]
}
