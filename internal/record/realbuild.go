package record

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A TaggedBuild is the newest build of a package in a destination tag.
type TaggedBuild struct {
	Name        string
	KojiBuildID int64
	Event       int64 // of the tagging
	EVR         rpm.EVR
}

// taggedArgs are tagged builds of a hub in a collection, as taggedTable and what
// is asked about it have them.
func taggedArgs(c *koschei.Collection, hub koschei.Hub, tagged []TaggedBuild) pgx.NamedArgs {
	n := len(tagged)
	names, versions, releases := make([]string, n), make([]string, n), make([]string, n)
	builds, events, epochs := make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range tagged {
		t := &tagged[i]
		names[i], builds[i], events[i] = t.Name, t.KojiBuildID, t.Event
		epochs[i], versions[i], releases[i] = int64(t.EVR.Epoch), t.EVR.Version, t.EVR.Release
	}
	return pgx.NamedArgs{
		"collection": c.ID, "hub": hub, "names": names, "builds": builds, "events": events,
		"epochs": epochs, "versions": versions, "releases": releases,
	}
}

const taggedTable = `unnest(@names::text[], @builds::bigint[], @events::bigint[], @epochs::bigint[], @versions::text[], @releases::text[])
	WITH ORDINALITY AS t (name, koji_build_id, event, epoch, version, release, place)`

// UnknownTagged returns the packages of those tagged builds that the record
// does not have, by the builds' places in the list. Only packages that builds
// are recorded of are looked at.
func (rec *Tags) UnknownTagged(ctx context.Context, c *koschei.Collection, hub koschei.Hub, tagged []TaggedBuild) (map[int]int64, error) {
	args := taggedArgs(c, hub, tagged)
	args["untracked"] = c.PollUntracked
	rows, err := rec.db.Query(ctx, `
		SELECT t.place - 1, p.id
		FROM `+taggedTable+`
		JOIN package p ON p.collection_id = @collection AND p.name = t.name
		LEFT JOIN build b ON b.package_id = p.id AND b.hub = @hub AND b.koji_build_id = t.koji_build_id AND b.origin = 'real'
		WHERE b.id IS NULL AND (p.tracked OR @untracked)`, args)
	if err != nil {
		return nil, fmt.Errorf("looking for new builds: %w", err)
	}
	unknown := map[int]int64{}
	var place int
	var packageID int64
	_, err = pgx.ForEachRow(rows, []any{&place, &packageID}, func() error {
		unknown[place] = packageID
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for new builds: %w", err)
	}
	return unknown, nil
}

// A RealBuild is a build that packagers made.
type RealBuild struct {
	PackageID   int64
	Hub         koschei.Hub
	KojiBuildID int64
	Event       int64 // of the tagging
	TaskID      int64 // 0 if imported
	RepoID      int64 // 0 if it will not be known
	EVR         rpm.EVR
	Owner       string // who had it made, as Koji names them
	Started     time.Time
	Finished    time.Time
	Tasks       []koschei.Task
}

// AddRealBuilds stores builds, leaving out those that are stored already, with
// what follows for their packages, and returns how many were new.
func (rec *Tags) AddRealBuilds(ctx context.Context, builds []RealBuild, now time.Time) (added int, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		added = 0
		packages := make([]int64, len(builds))
		for i := range builds {
			packages[i] = builds[i].PackageID
		}
		packages, err := settle.LockPackages(ctx, tx, packages)
		if err != nil {
			return err
		}
		ids, err := insertRealBuilds(ctx, tx, builds)
		if err != nil {
			return err
		}
		if added = len(ids); added > 0 {
			if err := settle.WakeFor(ctx, tx, packages, koschei.ServiceBuildResolver, koschei.ServiceRepoResolver); err != nil {
				return err
			}
		}
		if err := settle.Packages(ctx, tx, packages, now); err != nil {
			return err
		}
		settled, err := postgres.CollectIDs(tx.Query(ctx, `
			UPDATE package
			SET manual_priority = 0, build_priority = 0, `+schema.NotHeld+`, faults = 0
			WHERE id = ANY($1) AND last_complete_build_id = ANY($2)
			RETURNING id`, packages, ids))
		if err != nil {
			return err
		}
		if err := forgetChanges(ctx, tx, settled); err != nil {
			return err
		}
		return settle.NoteBuilds(ctx, tx, koschei.EventBuildEnded, ids, nil, now)
	})
	if err != nil {
		return 0, fmt.Errorf("storing %d builds: %w", len(builds), err)
	}
	return added, nil
}

// insertRealBuilds returns the ids of those that were not there already, and
// whose package is not gone. A build whose source has scratch builds already was
// forgotten, or not copied: it comes before them, however late it was tagged.
func insertRealBuilds(ctx context.Context, tx pgx.Tx, builds []RealBuild) (ids []int64, err error) {
	var rows, tasks pgx.Batch
	for i := range builds {
		b := &builds[i]
		rows.Queue(`
			INSERT INTO build (package_id, origin, outcome, event, hub, task_id, koji_build_id, epoch, version, release,
				repo_id, owner, started, finished, deps)
			SELECT p.id, 'real', 'complete', least(@event, (
					SELECT min(s.event) - 1
					FROM build s
					WHERE s.package_id = p.id AND s.origin = 'scratch' AND (s.epoch, s.version, s.release) = (@epoch, @version, @release)
				)), @hub, nullif(@task::bigint, 0), @koji_build, @epoch, @version, @release,
				nullif(@repo::bigint, 0), @owner, @started, @finished, CASE WHEN @repo = 0 THEN 'unavailable' ELSE 'pending' END
			FROM package p
			WHERE p.id = @package
			ON CONFLICT (package_id, hub, koji_build_id) WHERE origin = 'real' DO NOTHING
			RETURNING id`,
			pgx.NamedArgs{
				"package": b.PackageID, "event": b.Event, "hub": b.Hub, "task": b.TaskID, "koji_build": b.KojiBuildID,
				"epoch": b.EVR.Epoch, "version": b.EVR.Version, "release": b.EVR.Release,
				"repo": b.RepoID, "owner": b.Owner, "started": b.Started, "finished": b.Finished,
			},
		).Query(func(r pgx.Rows) error {
			added, err := postgres.CollectIDs(r, nil)
			for _, id := range added {
				ids = append(ids, id)
				settle.QueueTasks(&tasks, id, b.Tasks)
			}
			return err
		})
	}
	if err := tx.SendBatch(ctx, &rows).Close(); err != nil {
		return nil, err
	}
	return ids, tx.SendBatch(ctx, &tasks).Close()
}

// sameSource are the builds of the tagged sources that are to be unmarked, or to
// come elsewhere in the order. A source that is tagged once more is no news: its
// real build stays where it is, before the scratch builds that have shown
// since what becomes of it. Only if another source came between is the source the
// newest again, and then its scratch builds move along with it.
const sameSource = `
	SELECT b.id, b.package_id, false AS untagged, place.event
	FROM ` + taggedTable + `
	JOIN package p ON p.collection_id = @collection AND p.name = t.name
	LEFT JOIN build r ON r.package_id = p.id AND r.hub = @hub AND r.koji_build_id = t.koji_build_id AND r.origin = 'real'
	CROSS JOIN LATERAL (
		SELECT r.event < t.event AND EXISTS (
			SELECT
			FROM build o
			WHERE o.package_id = p.id AND o.event > r.event AND o.event <= t.event AND NOT o.untagged
				AND o.outcome IN ('submitting', 'running', 'complete', 'failed')
				AND (o.epoch, o.version, o.release) <> (t.epoch, t.version, t.release)) AS again
	) other
	JOIN build b ON b.package_id = p.id
		AND (b.id = r.id OR b.origin = 'scratch' AND (b.epoch, b.version, b.release) = (t.epoch, t.version, t.release))
	CROSS JOIN LATERAL (
		SELECT CASE
			WHEN b.id = r.id AND (other.again OR r.event > t.event) THEN t.event
			WHEN other.again AND b.event >= r.event THEN greatest(b.event, t.event + (b.id < r.id)::integer)
			ELSE b.event END AS event
	) place
	WHERE b.untagged OR b.event <> place.event`

// retagged are the builds of collection @collection whose event or mark is not what
// follows from the tagged builds. Koji's newest build is tagged, and so are
// scratch builds of the same source; an ended build that is newer by event and
// of another source is of one that was untagged. Of a package among those named
// in @about, of any if that is null, all are if it has no tagged build. Builds that
// are newer than the answer, of event @event, it says nothing about. NOT IN looks
// names up in a table of hashes; with NOT EXISTS each package was compared with
// each tagged build, for minutes, when statistics were older than the builds.
const retagged = sameSource + `
	UNION ALL
	SELECT b.id, b.package_id, true, b.event
	FROM ` + taggedTable + `
	JOIN package p ON p.collection_id = @collection AND p.name = t.name
	JOIN build b ON b.package_id = p.id AND b.event > t.event AND NOT b.untagged AND b.outcome NOT IN ('submitting', 'running')
	WHERE b.event <= @event AND (b.epoch, b.version, b.release) <> (t.epoch, t.version, t.release)
		AND (b.origin = 'scratch' OR b.hub = @hub AND b.koji_build_id <> t.koji_build_id)
	UNION ALL
	SELECT b.id, b.package_id, true, b.event
	FROM package p
	JOIN build b ON b.package_id = p.id AND NOT b.untagged AND b.outcome NOT IN ('submitting', 'running')
	WHERE b.event <= @event AND p.collection_id = @collection AND NOT p.blocked AND p.last_build_id IS NOT NULL AND (@about::text[] IS NULL OR p.name = ANY(@about))
		AND p.name NOT IN (SELECT t.name FROM ` + taggedTable + `)`

// SaveTagged makes the builds of a collection follow what is tagged: events of
// taggings, and which builds are not tagged any more. The tagged builds are
// those of all packages, or of the packages named in about if that is not nil,
// as the hub told after an event of its own. It returns how many builds that
// changed. Its error is ErrDoubted if too many packages would have lost builds,
// which then was not stored.
func (rec *Tags) SaveTagged(ctx context.Context, c *koschei.Collection, hub koschei.Hub, tagged []TaggedBuild, about []string, event int64, now time.Time) (changed int, err error) {
	args := taggedArgs(c, hub, tagged)
	args["about"], args["event"] = about, event
	args["lossless"] = false
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := rename(ctx, tx, args); err != nil {
			return err
		}
		changed = 0
		var packages []int64
		lost, err := losses(ctx, tx, args, &packages)
		if err != nil {
			return err
		}
		doubt, err := doubted(ctx, tx, loss{c.ID, "untagged", lost, about == nil, now})
		if err != nil || len(packages) == 0 {
			return err
		}
		args["lossless"] = doubt
		if packages, err = settle.LockPackages(ctx, tx, packages); err != nil {
			return err
		}
		args["packages"] = packages
		var untagged []int64
		if changed, untagged, err = retag(ctx, tx, args); err != nil {
			return err
		}
		if err := postgres.Wake(ctx, tx, c.ID, koschei.ServiceRepoResolver); err != nil {
			return err
		}
		if err := settle.NoteBuilds(ctx, tx, koschei.EventUntagged, untagged, nil, now); err != nil {
			return err
		}
		return settle.Packages(ctx, tx, packages, now)
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("storing what is tagged: %w", err)
	case args["lossless"] == true:
		return changed, ErrDoubted
	}
	return changed, nil
}

// rename gives builds the version that they have at the hub, and their scratch
// builds, too: a draft build that is promoted gets another release.
func rename(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
	const promoted = `
		FROM ` + taggedTable + `
		JOIN package p ON p.collection_id = @collection AND p.name = t.name
		JOIN build r ON r.package_id = p.id AND r.hub = @hub AND r.koji_build_id = t.koji_build_id AND r.origin = 'real'
			AND (r.epoch, r.version, r.release) <> (t.epoch, t.version, t.release)`
	packages, err := postgres.CollectIDs(tx.Query(ctx, `SELECT DISTINCT p.id`+promoted, args))
	if err != nil || len(packages) == 0 {
		return err
	}
	if _, err := settle.LockPackages(ctx, tx, packages); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE build b
		SET epoch = n.epoch, version = n.version, release = n.release
		FROM (SELECT b.id, t.epoch, t.version, t.release`+promoted+`
			JOIN build b ON b.package_id = p.id
				AND (b.id = r.id OR b.origin = 'scratch' AND (b.epoch, b.version, b.release) = (r.epoch, r.version, r.release))) n
		WHERE b.id = n.id`, args)
	return err
}

// losses returns the packages that would lose builds, and adds all whose builds
// would change to packages.
func losses(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs, packages *[]int64) (lost []int64, err error) {
	*packages = nil
	rows, err := tx.Query(ctx, `
		SELECT r.package_id, bool_or(r.untagged AND b.id IN (p.last_build_id, p.last_complete_build_id))
		FROM (`+retagged+`) r
		JOIN build b ON b.id = r.id
		JOIN package p ON p.id = r.package_id
		GROUP BY r.package_id`, args)
	if err != nil {
		return nil, err
	}
	var id int64
	var loses bool
	_, err = pgx.ForEachRow(rows, []any{&id, &loses}, func() error {
		if *packages = append(*packages, id); loses {
			lost = append(lost, id)
		}
		return nil
	})
	return lost, err
}

// retag stores events and marks of builds, of locked packages, and returns how
// many that changed and which of them no longer count.
func retag(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) (changed int, untagged []int64, err error) {
	rows, err := tx.Query(ctx, `
		UPDATE build b
		SET untagged = r.untagged, event = r.event
		FROM (`+retagged+`) r
		WHERE b.id = r.id AND b.package_id = ANY(@packages) AND NOT (r.untagged AND @lossless)
		RETURNING b.id, b.untagged`, args)
	if err != nil {
		return 0, nil, err
	}
	var id int64
	var gone bool
	_, err = pgx.ForEachRow(rows, []any{&id, &gone}, func() error {
		if changed++; gone {
			untagged = append(untagged, id)
		}
		return nil
	})
	slices.Sort(untagged)
	return changed, untagged, err
}

// TagMarks returns what the record knows of a collection's destination tag: a text
// for each package that is another one if its entry or its newest build there is.
func (rec *Tags) TagMarks(ctx context.Context, collectionID int64) (map[string]string, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT p.name, concat_ws(' ', p.blocked, b.koji_build_id, b.release)
		FROM package p
		LEFT JOIN LATERAL (
			SELECT b.koji_build_id, b.release
			FROM build b
			WHERE b.package_id = p.id AND b.origin = 'real' AND NOT b.untagged
			ORDER BY b.event DESC, b.id DESC
			LIMIT 1
		) b ON true
		WHERE p.collection_id = $1`, collectionID)
	if err != nil {
		return nil, fmt.Errorf("reading what is known of a tag: %w", err)
	}
	marks := map[string]string{}
	var name, mark string
	_, err = pgx.ForEachRow(rows, []any{&name, &mark}, func() error {
		marks[name] = mark
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is known of a tag: %w", err)
	}
	return marks, nil
}

// A BuildName names a build that the hub keeps.
type BuildName struct {
	Name        string // of the package
	KojiBuildID int64
}

// RecordedIn returns the ids of the collections in whose record a build of the
// hub is.
func (rec *Tags) RecordedIn(ctx context.Context, hub koschei.Hub, b BuildName) ([]int64, error) {
	ids, err := postgres.CollectIDs(rec.db.Query(ctx, `
		SELECT p.collection_id
		FROM base_package bp
		JOIN package p ON p.base_id = bp.id
		JOIN build b ON b.package_id = p.id AND b.hub = $1 AND b.koji_build_id = $2 AND b.origin = 'real'
		WHERE bp.name = $3
		ORDER BY p.collection_id`, hub, b.KojiBuildID, b.Name))
	if err != nil {
		return nil, fmt.Errorf("looking for Koji's build %d of package %s: %w", b.KojiBuildID, b.Name, err)
	}
	return ids, nil
}
