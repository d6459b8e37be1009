package view_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// A listWorld is a collection with packages of every kind, many of them alike
// in what lists are sorted by.
type listWorld struct {
	*pgtest.Sample

	t          *testing.T
	collection *koschei.Collection
	ranking    schema.Ranking
	packages   []listedPackage
}

// A listedPackage is what a list sorts by, read behind the back of what is
// tested.
type listedPackage struct {
	ID             int64
	Name           string
	State          koschei.State
	Running        bool
	Blocked        bool
	Group          bool
	BuildID        *int64
	Started, Since *time.Time
	*koschei.PackageStatus
}

func newListWorld(t *testing.T, coefficient float64, resolved koschei.Resolution) *listWorld {
	t.Helper()
	now := time.Date(2026, 11, 23, 22, 0, 0, 123456000, time.UTC)
	w := &listWorld{Sample: pgtest.NewSample(t), t: t, ranking: schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: now}}
	luck := rand.New(rand.NewPCG(3, 5))
	w.Exec(`UPDATE collection SET priority_coefficient = $1, latest_repo_resolved = $2`, coefficient, string(resolved))
	w.Exec(`INSERT INTO package_group (name) VALUES ('some')`)
	sometimes := func(n, limit int) int {
		if luck.IntN(n) == 0 {
			return luck.IntN(2*limit) - limit/2
		}
		return 0
	}
	for i := range 400 {
		id := w.Package(fmt.Sprintf("p%03d%c", luck.IntN(1000), 'a'+rune(i%26)) + fmt.Sprint(i))
		skip := luck.IntN(8) == 0
		resolution := []koschei.Resolution{koschei.Resolved, koschei.Resolved, koschei.Unresolved, koschei.Unattempted}[luck.IntN(4)]
		if skip {
			resolution = koschei.Unattempted
		}
		since := (*time.Time)(nil)
		if luck.IntN(6) > 0 {
			at := now.Add(-time.Duration(luck.IntN(12)) * time.Hour)
			since = &at
		}
		w.Exec(`
			UPDATE package
			SET tracked = $2, blocked = $3, skip_resolution = $4, resolution = $5, static_priority = $6, manual_priority = $7,
				build_priority = $8, state_since = $9, noted_state = state
			WHERE id = $1`, id, luck.IntN(7) > 0, luck.IntN(9) == 0, skip, string(resolution),
			sometimes(12, 300), sometimes(9, 100_000), sometimes(9, 300), since)
		w.Exec(`INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority) SELECT id, collection_id, 1, $2 FROM package WHERE id = $1`,
			id, sometimes(6, 600))
		if luck.IntN(3) == 0 {
			w.Exec(`INSERT INTO package_group_member (group_id, base_id) SELECT 1, base_id FROM package WHERE id = $1`, id)
		}
		w.addBuilds(id, now, luck)
	}
	c, err := w.DB.View.Collection(t.Context(), "f43")
	if err != nil {
		t.Fatal(err)
	}
	w.collection = c
	w.readPackages()
	return w
}

// addBuilds adds none, one or two builds; several packages have the same start.
func (w *listWorld) addBuilds(id int64, now time.Time, luck *rand.Rand) {
	w.t.Helper()
	outcomes := [][]string{nil, {"complete"}, {"failed"}, {"complete", "running"}, {"running"}, {"complete"}, {"complete"}}[luck.IntN(7)]
	age := time.Duration(luck.IntN(60)) * time.Duration(1+luck.IntN(100)) * time.Hour / 8
	for n, outcome := range outcomes {
		started := now.Add(-age + time.Duration(n)*time.Minute)
		w.Event++
		w.Exec(`
			INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished)
			VALUES ($1, 'scratch', $2, $3, $3, '1', '1', $4::timestamptz, CASE WHEN $2 = 'running' THEN NULL ELSE $4::timestamptz END)`,
			id, outcome, w.Event, started)
	}
	w.Refresh(id)
}

func (w *listWorld) readPackages() {
	w.t.Helper()
	rows, err := w.Pool.Query(w.t.Context(), `
		SELECT p.id, p.name, p.state, p.running, p.blocked, EXISTS (SELECT FROM package_group_member m WHERE m.base_id = p.base_id),
			p.last_build_id, p.last_build_started, p.state_since,
			p.tracked, p.skip_resolution, p.resolution, p.static_priority, p.manual_priority, p.build_priority, coalesce(a.dependency_priority, 0),
			coalesce(p.last_complete_build_id, 0)
		FROM package p
		LEFT JOIN resolution a ON a.package_id = p.id`)
	if err != nil {
		w.t.Fatal(err)
	}
	w.packages, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (listedPackage, error) {
		p := listedPackage{PackageStatus: &koschei.PackageStatus{}}
		err := row.Scan(&p.ID, &p.Name, &p.State, &p.Running, &p.Blocked, &p.Group, &p.BuildID, &p.Started, &p.Since,
			&p.Tracked, &p.SkipResolution, &p.Resolution, &p.StaticPriority, &p.ManualPriority, &p.BuildPriority, &p.DependencyPriority,
			&p.LastCompleteBuildID)
		p.PackageStatus.Blocked = p.Blocked
		if p.BuildID != nil {
			p.LastBuildID, p.LastBuildStarted = *p.BuildID, *p.Started
		}
		return p, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// compareNil puts what is not there last, both ways.
func compareNil[T any](a, b *T, reverse bool, compare func(a, b T) int) (order int, decided bool) {
	switch {
	case a == nil && b == nil:
		return 0, false
	case a == nil:
		return 1, true
	case b == nil:
		return -1, true
	}
	order = compare(*a, *b)
	if reverse {
		order = -order
	}
	return order, order != 0
}

// compare is the order of a list by one key. By a time, a number or a priority,
// what is equal is reversed too.
func (w *listWorld) compare(key view.OrderKey, a, b *listedPackage) int {
	names := cmp.Compare(a.Name, b.Name)
	turned := names
	sign := 1
	if key.Reverse {
		turned, sign = -names, -1
	}
	dated := func(order int, decided, there bool) int {
		switch {
		case decided:
			return order
		case there:
			return turned
		}
		return names
	}
	switch key.Key {
	case "name":
		return turned
	case "running":
		place := func(p *listedPackage) int { return map[bool]int{true: 0, false: 1}[p.Running] }
		return cmp.Or(sign*cmp.Compare(place(a), place(b)), names)
	case "state":
		states := []koschei.State{"unresolved", "failing", "ok", "unknown", "untracked"}
		return cmp.Or(sign*cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)), names)
	case "task_id":
		order, decided := compareNil(a.BuildID, b.BuildID, key.Reverse, cmp.Compare[int64])
		return dated(order, decided, a.BuildID != nil)
	case "started":
		order, decided := compareNil(a.Started, b.Started, key.Reverse, time.Time.Compare)
		return dated(order, decided, a.Started != nil)
	case "since":
		order, decided := compareNil(a.Since, b.Since, !key.Reverse, time.Time.Compare)
		return dated(order, decided, a.Since != nil)
	case "current_priority":
		x, y := w.priority(a), w.priority(b)
		order, decided := compareNil(x, y, !key.Reverse, func(x, y float64) int {
			if d := x - y; d < -1e-6 || d > 1e-6 {
				return cmp.Compare(x, y)
			}
			return 0
		})
		return dated(order, decided, x != nil)
	}
	w.t.Fatalf("no key %s", key.Key)
	return 0
}

// priority is nil for a package with an obstacle.
func (w *listWorld) priority(p *listedPackage) *float64 {
	if len(p.Obstacles(w.collection)) > 0 {
		return nil
	}
	total := w.ranking.Rules.Of(p.PackageStatus, w.collection, w.ranking.Now).Total()
	return &total
}

// want is the whole list.
func (w *listWorld) want(f view.PackageFilter, key view.OrderKey) []string {
	var passed []listedPackage
	for _, p := range w.packages {
		if p.Blocked || p.State == koschei.StateUntracked && !f.Untracked || f.GroupID != 0 && !p.Group ||
			!strings.Contains(p.Name, f.Match) || f.Running && !p.Running || len(f.States) > 0 && !slices.Contains(f.States, p.State) {
			continue
		}
		passed = append(passed, p)
	}
	slices.SortFunc(passed, func(a, b listedPackage) int { return w.compare(key, &a, &b) })
	var names []string
	for _, p := range passed {
		names = append(names, p.Name)
	}
	return names
}

// TestListOrders holds every page of lists by every key, both ways, to a plain
// sort of what is listed.
func TestListOrders(t *testing.T) {
	t.Parallel()
	worlds := []struct {
		name        string
		coefficient float64
		resolved    koschei.Resolution
	}{
		{"usual", 1, koschei.Resolved},
		{"a small coefficient", 0.37, koschei.Resolved},
		{"time counts nothing", 0, koschei.Resolved},
		{"a broken buildroot", 1, koschei.Unresolved},
	}
	filters := map[string]view.PackageFilter{
		"all":       {},
		"untracked": {Untracked: true},
		"group":     {GroupID: 1},
		"named":     {Match: "7"},
		"running":   {Running: true},
		"states":    {States: []koschei.State{koschei.StateFailing, koschei.StateUnresolved}},
	}
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			t.Parallel()
			w := newListWorld(t, world.coefficient, world.resolved)
			for name, f := range filters {
				f.Collections = []int64{w.collection.ID}
				for _, key := range []string{"name", "running", "state", "task_id", "started", "since", "current_priority"} {
					for _, reverse := range []bool{false, true} {
						w.checkList(name, f, view.OrderKey{Key: key, Reverse: reverse})
					}
				}
			}
		})
	}
}

// checkList reads a list page by page.
func (w *listWorld) checkList(name string, f view.PackageFilter, key view.OrderKey) {
	w.t.Helper()
	want := w.want(f, key)
	var got []string
	for offset := 0; offset <= len(want); offset += 37 {
		order := view.ListOrder{key}
		if offset%2 == 1 {
			order = append(order, view.OrderKey{Key: "name"})
		}
		if key.Key == "name" || w.collection.PriorityCoefficient == 0 {
			order = order[:1]
		}
		page, _, err := w.DB.Packages.List(w.t.Context(), f, order, view.Span{Limit: 37, Offset: offset}, w.ranking)
		if err != nil {
			w.t.Fatalf("%s by %+v from %d: %v", name, key, offset, err)
		}
		total, _, err := w.DB.Packages.Count(w.t.Context(), f)
		if err != nil {
			w.t.Fatal(err)
		}
		if total != len(want) || len(page) != min(37, len(want)-offset) {
			w.t.Fatalf("%s by %+v from %d: %d of %d packages, want %d of %d", name, key, offset, len(page), total, min(37, len(want)-offset), len(want))
		}
		for _, p := range page {
			got = append(got, p.Name)
		}
	}
	if key.Key == "current_priority" && w.collection.PriorityCoefficient == 0 {
		return // ties without end; TestListSortsByPriority is about that statement
	}
	w.walk(name, f, key, want)
	for i := range want {
		if got[i] != want[i] {
			w.t.Errorf("%s by %+v: %s in place %d, want %s", name, key, got[i], i, want[i])
			return
		}
	}
}

// walk goes through a list from page to page, to its end and back.
func (w *listWorld) walk(name string, f view.PackageFilter, key view.OrderKey, want []string) {
	w.t.Helper()
	var forth, back []string
	ask := func(span view.Span) ([]string, view.Around) {
		page, around, err := w.DB.Packages.List(w.t.Context(), f, view.ListOrder{key}, span, w.ranking)
		if err != nil {
			w.t.Fatalf("%s by %+v: %v", name, key, err)
		}
		var names []string
		for _, p := range page {
			names = append(names, p.Name)
		}
		return names, around
	}
	page, around := ask(view.Span{Limit: 41})
	var last []string
	for {
		forth, last = append(forth, page...), page
		if around.Last != nil && around.Last.Number != len(forth) {
			w.t.Errorf("%s by %+v: row %d is counted as %d", name, key, len(forth), around.Last.Number)
		}
		if around.More != (len(forth) > len(page)) || around.Further != (len(forth) < len(want)) || len(forth) > len(want) {
			w.t.Fatalf("%s by %+v: %d of %d rows, %+v", name, key, len(forth), len(want), around)
		}
		if !around.Further {
			break
		}
		page, around = ask(view.Span{Limit: 41, After: throughAddress(w.t, around.Last)})
	}
	for back = last; around.More; {
		page, around = ask(view.Span{Limit: 41, Before: throughAddress(w.t, around.First)})
		back = append(slices.Clone(page), back...)
	}
	if !slices.Equal(forth, want) || !slices.Equal(back, want) {
		w.t.Errorf("%s by %+v: forth %q, back %q, want %q", name, key, forth, back, want)
	}
}

// throughAddress is a place as it comes back from an address.
func throughAddress(t *testing.T, p *view.Place) *view.Place {
	t.Helper()
	back, err := view.ParsePlace(p.String())
	if err != nil || *back != *p {
		t.Fatalf("%s comes back as %+v: %v", p, back, err)
	}
	return back
}
