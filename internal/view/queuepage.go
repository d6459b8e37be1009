package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A QueuePage is what is built for some collections, and what is built next.
type QueuePage struct {
	Running []QueuedBuild           // scratch builds under way, the oldest first
	Next    map[int64]Waiting       // by collection
	Held    []Holding               // what most packages are held for first
	Usual   map[int64]time.Duration // how long builds of packages in Running take, by package; without those that never built
}

// A QueuedBuild is a scratch build that is under way.
type QueuedBuild struct {
	ID              int64
	CollectionID    int64
	PackageID       int64
	Package         string
	Outcome         koschei.Outcome // submitting or running
	EVR             rpm.EVR
	Started         time.Time
	TaskID          int64 // 0 while it is not known
	CancelRequested bool
	Trigger         *koschei.Priority // for which it was submitted; nil if not known
	Tasks           []koschei.Task    // by architecture
}

// A Waiting is what waits for a place in a collection: packages whose priority
// reaches the threshold and that could be built.
type Waiting struct {
	First []koschei.PackageStatus // the worthiest
	Count int                     // all, no more than countedWaiting
	More  bool                    // there are more than that
}

// A Holding is why packages are passed over for a while.
type Holding struct {
	CollectionID int64
	Reason       string
	Packages     int
	First        []string  // some of them, by name
	Until        time.Time // when the first of them is looked at again
	Last         time.Time // when the last of them is
}

const (
	shownRunning   = 500
	countedWaiting = 2000 // packages that wait in a collection
	heldReasons    = 50
)

// Queue returns what is built of collections and what comes next, at most
// shown packages of each.
func (v *Builds) Queue(ctx context.Context, collections []int64, ranking schema.Ranking, shown int) (*QueuePage, error) {
	page := &QueuePage{Next: map[int64]Waiting{}, Usual: map[int64]time.Duration{}}
	err := v.db.Read(ctx, func(q postgres.Querier) (err error) {
		if page.Running, err = queuedBuilds(ctx, q, collections); err != nil {
			return err
		}
		for _, id := range collections {
			if page.Next[id], err = waiting(ctx, q, id, ranking, shown); err != nil {
				return err
			}
		}
		page.Held, err = holdings(ctx, q, collections, ranking.Now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the queue: %w", err)
	}
	var packages []int64
	for i := range page.Running {
		packages = append(packages, page.Running[i].PackageID)
	}
	usual, err := v.UsualTimes(ctx, packages)
	for id, arches := range usual {
		for _, u := range arches { // they are built at once
			page.Usual[id] = max(page.Usual[id], u.Median)
		}
	}
	return page, err
}

func queuedBuilds(ctx context.Context, q postgres.Querier, collections []int64) ([]QueuedBuild, error) {
	rows, err := q.Query(ctx, `
		SELECT b.id, p.collection_id, p.id, p.name, b.outcome, b.epoch, b.version, b.release, b.started, coalesce(b.task_id, 0),
			b.cancel_requested, b.trigger
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.outcome IN ('submitting', 'running') AND b.origin = 'scratch' AND p.collection_id = ANY($1)
		ORDER BY b.started, b.id
		LIMIT $2`, collections, shownRunning)
	if err != nil {
		return nil, err
	}
	places := map[int64]int{}
	builds, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b QueuedBuild, err error) {
		err = row.Scan(&b.ID, &b.CollectionID, &b.PackageID, &b.Package, &b.Outcome, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release,
			&b.Started, &b.TaskID, &b.CancelRequested, &b.Trigger)
		places[b.ID] = len(places)
		return b, err
	})
	if err != nil || len(builds) == 0 {
		return builds, err
	}
	ids := make([]int64, len(builds))
	for id, place := range places {
		ids[place] = id
	}
	rows, err = q.Query(ctx, `
		SELECT t.build_id, t.task_id, t.arch, t.state
		FROM build_task t
		WHERE t.build_id = ANY($1) AND t.method = 'buildArch'
		ORDER BY t.build_id, t.arch COLLATE "C", t.task_id`, ids)
	if err != nil {
		return nil, err
	}
	var t koschei.Task
	_, err = pgx.ForEachRow(rows, []any{&t.BuildID, &t.TaskID, &t.Arch, &t.State}, func() error {
		b := &builds[places[t.BuildID]]
		b.Tasks = append(b.Tasks, t)
		return nil
	})
	return builds, err
}

func waiting(ctx context.Context, q postgres.Querier, collectionID int64, ranking schema.Ranking, shown int) (w Waiting, err error) {
	args := schema.WorthBuildingArgs(collectionID, ranking, countedWaiting+1)
	args["shown"] = shown
	rows, err := q.Query(ctx, schema.WorthBuilding+`
		SELECT `+schema.PackageColumns+`, (SELECT count(*) FROM chosen)
		FROM (SELECT id, total FROM chosen ORDER BY total DESC, id LIMIT @shown) first
		JOIN package p ON p.id = first.id
		LEFT JOIN resolution a ON a.package_id = p.id
		ORDER BY first.total DESC, p.id`, args)
	if err != nil {
		return w, err
	}
	w.First, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p koschei.PackageStatus, err error) {
		err = schema.ScanPackage(row, &p, &w.Count)
		return p, err
	})
	if w.More = w.Count > countedWaiting; w.More {
		w.Count = countedWaiting
	}
	return w, err
}

func holdings(ctx context.Context, q postgres.Querier, collections []int64, now time.Time) ([]Holding, error) {
	rows, err := q.Query(ctx, `
		SELECT p.collection_id, p.hold_reason, count(*), (array_agg(p.name ORDER BY p.name))[:8], min(p.hold_until), max(p.hold_until)
		FROM package p
		WHERE p.collection_id = ANY($1) AND p.hold_until > $2 AND p.tracked AND NOT p.blocked
		GROUP BY p.collection_id, p.hold_reason
		ORDER BY count(*) DESC, p.hold_reason, p.collection_id
		LIMIT $3`, collections, now, heldReasons)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Holding])
}
