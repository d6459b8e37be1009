package view

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A HistoryEntry is a build of a package or a change of its installability:
// one of the two is set.
type HistoryEntry struct {
	Event      int64
	Build      *BuildRecord
	Transition *ResolutionTransition
}

// A BuildRecord is a build with everything that is kept of it but its
// dependency set.
type BuildRecord struct {
	koschei.Build
	Tasks   []koschei.Task
	Trigger *koschei.Priority // for which it was submitted; nil if that is not known

	// Changes are those that applied since the build PrevBuildID, 0 if there
	// was nothing to compare with.
	PrevBuildID int64
	Changes     []koschei.Change
}

// A ResolutionTransition tells that from one repo on a package's build
// dependencies could be installed, or could not.
type ResolutionTransition struct {
	RepoID   int64
	Event    int64
	Resolved bool
	Problems []string
	Changed  time.Time
}

// A HistoryQuery says what part of a package's history is asked for.
type HistoryQuery struct {
	BeforeEvent int64     // only what came before; 0 for all
	Before      time.Time // likewise; zero for all
	Limit       int       // entries of the event at which it is reached all come along
}

// history returns a package's builds and transitions, newest first by event,
// and whether older ones are left.
func history(ctx context.Context, q postgres.Querier, packageID int64, hq HistoryQuery) (entries []HistoryEntry, more bool, err error) {
	entries, more, err = historyKeys(ctx, q, packageID, hq)
	if err != nil {
		return nil, false, err
	}
	var ids []int64
	for _, e := range entries {
		if e.Build != nil {
			ids = append(ids, e.Build.ID)
		}
	}
	builds, err := buildRecords(ctx, q, ids)
	for i, e := range entries {
		if e.Build != nil {
			entries[i].Build = builds[e.Build.ID]
		}
	}
	return entries, more, err
}

// historyKeys is history with nothing of builds but their ids.
func historyKeys(ctx context.Context, q postgres.Querier, packageID int64, hq HistoryQuery) (entries []HistoryEntry, more bool, err error) {
	rows, err := q.Query(ctx, `
		SELECT event, build_id, repo_id, resolved, problems, changed, total
		FROM (
			SELECT h.*, count(*) OVER () AS total
			FROM (
				SELECT event, id AS build_id, 0 AS id, 0 AS repo_id, false AS resolved, '{}'::text[] AS problems, started AS changed
				FROM build
				WHERE package_id = $1
				UNION ALL
				SELECT event, 0, id, repo_id, resolved, problems, changed
				FROM resolution_change
				WHERE package_id = $1) h
			WHERE ($2::bigint = 0 OR event < $2) AND ($3::timestamptz IS NULL OR changed < $3)
			ORDER BY event DESC
			FETCH FIRST ($4::bigint) ROWS WITH TIES) page
		ORDER BY event DESC, build_id DESC, id DESC`,
		packageID, hq.BeforeEvent, postgres.OrNull(hq.Before), hq.Limit)
	if err != nil {
		return nil, false, err
	}
	var build, total int64
	var t ResolutionTransition
	_, err = pgx.ForEachRow(rows, []any{&t.Event, &build, &t.RepoID, &t.Resolved, &t.Problems, &t.Changed, &total}, func() error {
		entry := HistoryEntry{Event: t.Event}
		if build != 0 {
			entry.Build = &BuildRecord{Build: koschei.Build{ID: build}}
		} else {
			transition := t
			entry.Transition = &transition
		}
		entries = append(entries, entry)
		return nil
	})
	return entries, int64(len(entries)) < total, err
}

// buildRecords returns the builds with these ids, by id.
func buildRecords(ctx context.Context, q postgres.Querier, ids []int64) (map[int64]*BuildRecord, error) {
	rows, err := q.Query(ctx, `
		SELECT b.id, b.package_id, b.origin, b.outcome, b.untagged, b.event, b.hub, coalesce(b.task_id, 0),
			coalesce(b.koji_build_id, 0), coalesce(b.copied_from, 0), b.epoch, b.version, b.release, coalesce(b.repo_id, 0),
			b.arches, b.started, b.finished, b.cancel_requested, b.fault, coalesce(b.fault_task_id, 0), b.deps,
			coalesce(b.dependency_set_id, 0), b.trigger,
			coalesce(a.prev_build_id, 0), coalesce(a.prev, '{}'), coalesce(a.curr, '{}'), coalesce(a.distance, '{}')
		FROM build b
		LEFT JOIN applied_change a ON a.build_id = b.id
		WHERE b.id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	builds := map[int64]*BuildRecord{}
	coded := map[int64]schema.CodedChanges{}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*BuildRecord, error) {
		r := &BuildRecord{}
		var c schema.CodedChanges
		var finished *time.Time
		err := row.Scan(&r.ID, &r.PackageID, &r.Origin, &r.Outcome, &r.Untagged, &r.Event, &r.Hub, &r.TaskID,
			&r.KojiBuildID, &r.CopiedFrom, &r.EVR.Epoch, &r.EVR.Version, &r.EVR.Release, &r.RepoID,
			&r.Arches, &r.Started, &finished, &r.CancelRequested, &r.Fault, &r.FaultTaskID, &r.Deps,
			&r.DependencySetID, &r.Trigger,
			&r.PrevBuildID, &c.Prev, &c.Curr, &c.Distance)
		r.Finished = postgres.OrZero(finished)
		coded[r.ID] = c
		return r, err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		builds[r.ID] = r
	}
	if err := addTasks(ctx, q, builds, ids); err != nil {
		return nil, err
	}
	decoded, err := schema.DecodeChanges(ctx, q, coded)
	for id, changes := range decoded {
		builds[id].Changes = changes
	}
	return builds, err
}

func addTasks(ctx context.Context, q postgres.Querier, builds map[int64]*BuildRecord, ids []int64) error {
	rows, err := q.Query(ctx, `
		SELECT t.build_id, t.task_id, t.method, t.arch, t.state, t.started, t.finished, coalesce(t.host_id, 0), coalesce(h.name, '')
		FROM build_task t
		JOIN build b ON b.id = t.build_id
		LEFT JOIN host h ON h.hub = b.hub AND h.host_id = t.host_id
		WHERE t.build_id = ANY($1)
		ORDER BY t.build_id, t.method <> 'buildArch' DESC, t.arch, t.task_id`, ids)
	if err != nil {
		return err
	}
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (koschei.Task, error) {
		var t koschei.Task
		var finished *time.Time
		err := row.Scan(&t.BuildID, &t.TaskID, &t.Method, &t.Arch, &t.State, &t.Started, &finished, &t.HostID, &t.Host)
		t.Finished = postgres.OrZero(finished)
		return t, err
	})
	for _, t := range tasks {
		builds[t.BuildID].Tasks = append(builds[t.BuildID].Tasks, t)
	}
	return err
}
