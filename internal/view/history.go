package view

import (
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
	// was nothing to compare with: the nearest, if not all were asked for, of Near
	// with a distance and Far without one.
	PrevBuildID int64
	Changes     []koschei.Change
	Near, Far   int
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
	Changes     int       // of each build, those that come along; 0 for all
}

// historyKeys are the entries of a history, with nothing of builds but their ids.
type historyKeys struct {
	list  []HistoryEntry
	total int64
}

// askHistory asks for a package's builds and transitions, newest first by event.
func askHistory(batch *pgx.Batch, name string, collectionID int64, hq HistoryQuery) *historyKeys {
	keys := &historyKeys{}
	batch.Queue(`
		SELECT event, build_id, repo_id, resolved, problems, changed, total
		FROM (
			SELECT h.*, count(*) OVER () AS total
			FROM (
				SELECT event, id AS build_id, 0 AS id, 0 AS repo_id, false AS resolved, '{}'::text[] AS problems, started AS changed
				FROM build
				WHERE package_id = `+thisPackage+`
				UNION ALL
				SELECT event, 0, id, repo_id, resolved, problems, changed
				FROM resolution_change
				WHERE package_id = `+thisPackage+`) h
			WHERE ($3::bigint = 0 OR event < $3) AND ($4::timestamptz IS NULL OR changed < $4)
			ORDER BY event DESC
			FETCH FIRST ($5::bigint) ROWS WITH TIES) page
		ORDER BY event DESC, build_id DESC, id DESC`,
		name, collectionID, hq.BeforeEvent, postgres.OrNull(hq.Before), hq.Limit).Query(keys.read)
	return keys
}

func (k *historyKeys) read(rows pgx.Rows) error {
	var build int64
	var t ResolutionTransition
	_, err := pgx.ForEachRow(rows, []any{&t.Event, &build, &t.RepoID, &t.Resolved, &t.Problems, &t.Changed, &k.total}, func() error {
		entry := HistoryEntry{Event: t.Event}
		if build != 0 {
			entry.Build = &BuildRecord{Build: koschei.Build{ID: build}}
		} else {
			transition := t
			entry.Transition = &transition
		}
		k.list = append(k.list, entry)
		return nil
	})
	return err
}

// builds are the ids of the builds.
func (k *historyKeys) builds() []int64 {
	ids := []int64{}
	for _, e := range k.list {
		if e.Build != nil {
			ids = append(ids, e.Build.ID)
		}
	}
	return ids
}

// entries are the entries with all that is known of their builds.
func (k *historyKeys) entries(records *buildRecords) []HistoryEntry {
	for i, e := range k.list {
		if e.Build != nil {
			k.list[i].Build = records.byID[e.Build.ID]
		}
	}
	return k.list
}

// more says whether older entries are left.
func (k *historyKeys) more() bool { return int64(len(k.list)) < k.total }

// buildRecords are builds by id. Their changes are known by the ids of packages
// until decode.
type buildRecords struct {
	byID  map[int64]*BuildRecord
	coded map[int64]schema.CodedChanges
}

// askBuilds asks for builds with their tasks and their nearest changes, all of
// them if changes is 0.
func askBuilds(batch *pgx.Batch, ids []int64, changes int) *buildRecords {
	r := &buildRecords{byID: map[int64]*BuildRecord{}, coded: map[int64]schema.CodedChanges{}}
	batch.Queue(`
		SELECT b.id, b.package_id, b.origin, b.outcome, b.untagged, b.event, b.hub, coalesce(b.task_id, 0),
			coalesce(b.koji_build_id, 0), coalesce(b.copied_from, 0), b.epoch, b.version, b.release, coalesce(b.repo_id, 0),
			b.arches, b.started, b.finished, b.cancel_requested, b.fault, coalesce(b.fault_task_id, 0), b.deps,
			coalesce(b.dependency_set_id, 0), b.trigger,
			coalesce(a.prev_build_id, 0), coalesce(a.prev, '{}'), coalesce(a.curr, '{}'), coalesce(a.distance, '{}')
		FROM build b
		LEFT JOIN applied_change a ON a.build_id = b.id
		WHERE b.id = ANY($1)`, ids).Query(func(rows pgx.Rows) error {
		_, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, r.scan(row, changes) })
		return err
	})
	batch.Queue(`
		SELECT t.build_id, t.task_id, t.method, t.arch, t.state, t.started, t.finished, coalesce(t.host_id, 0), coalesce(h.name, '')
		FROM build_task t
		JOIN build b ON b.id = t.build_id
		LEFT JOIN host h ON h.hub = b.hub AND h.host_id = t.host_id
		WHERE t.build_id = ANY($1)
		ORDER BY t.build_id, t.method <> 'buildArch' DESC, t.arch, t.task_id`, ids).Query(func(rows pgx.Rows) error {
		_, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, r.scanTask(row) })
		return err
	})
	return r
}

func (r *buildRecords) scan(row pgx.CollectableRow, most int) error {
	b := &BuildRecord{}
	var c schema.CodedChanges
	var finished *time.Time
	err := row.Scan(&b.ID, &b.PackageID, &b.Origin, &b.Outcome, &b.Untagged, &b.Event, &b.Hub, &b.TaskID,
		&b.KojiBuildID, &b.CopiedFrom, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release, &b.RepoID,
		&b.Arches, &b.Started, &finished, &b.CancelRequested, &b.Fault, &b.FaultTaskID, &b.Deps,
		&b.DependencySetID, &b.Trigger,
		&b.PrevBuildID, &c.Prev, &c.Curr, &c.Distance)
	b.Finished = postgres.OrZero(finished)
	for _, distance := range c.Distance {
		if distance == koschei.NoDistance {
			b.Far++
		} else {
			b.Near++
		}
	}
	if n := len(c.Curr); most > 0 && most < n { // they are stored nearest first
		c.Prev, c.Curr, c.Distance = c.Prev[:most], c.Curr[:most], c.Distance[:most]
	}
	r.byID[b.ID], r.coded[b.ID] = b, c
	return err
}

func (r *buildRecords) scanTask(row pgx.CollectableRow) error {
	var t koschei.Task
	var finished *time.Time
	err := row.Scan(&t.BuildID, &t.TaskID, &t.Method, &t.Arch, &t.State, &t.Started, &finished, &t.HostID, &t.Host)
	t.Finished = postgres.OrZero(finished)
	if b := r.byID[t.BuildID]; b != nil {
		b.Tasks = append(b.Tasks, t)
	}
	return err
}

func (r *buildRecords) wants(wanted map[int32]bool) {
	for _, c := range r.coded {
		c.Wants(wanted)
	}
}

// decode says what changed.
func (r *buildRecords) decode(names schema.Names) (err error) {
	for id, c := range r.coded {
		if r.byID[id].Changes, err = names.Changes(c); err != nil {
			return err
		}
	}
	return nil
}
