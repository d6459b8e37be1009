package upstream

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Package is how the original shows a package, and how much it knows of it.
type Package struct {
	Name       string
	State      koschei.State
	Resolution koschei.Resolution
	Builds     int
}

// A Build is a build that the original knows of.
type Build struct {
	ID              int64           // in the original
	Package         string          // as it is called here
	Source          string          // what Koji calls the package
	Outcome         koschei.Outcome // running, complete or failed: it keeps no others
	TaskID          int64
	Started         time.Time // when the task was made, once the original has asked; zero if unknown
	Finished        time.Time // zero while running
	EVR             rpm.EVR
	RepoID          int64 // 0 if not known; of the collection's source hub, as here
	CancelRequested bool
	Resolved        *bool // whether it could be resolved; nil if it was not tried
	Real, Untagged  bool

	// Filled in by Fill.
	Tasks   []koschei.Task
	Set     []koschei.Dependency // empty if not kept; distances are of Changes, others are not kept
	Changes []koschei.Change     // since the build Before
	Before  *Build               // nil if there was nothing to compare with
	Flaws   []string             // what of this is left out, and why
}

// A Transition tells that a package's build dependencies became installable, or
// not, or not for other reasons.
type Transition struct {
	Package  string
	Resolved bool
	Changed  time.Time // zero if unknown
	Problems []string
}

// Packages returns the packages of a collection, by name.
func (o *Original) Packages(ctx context.Context, collection string) (packages []Package, err error) {
	err = o.read(ctx, func(tx pgx.Tx) error {
		packages, err = rowsOf(ctx, tx, pgx.RowToStructByPos[Package], `
			SELECT n.name,
				CASE WHEN p.blocked THEN 'blocked' WHEN NOT p.tracked THEN 'untracked'
					WHEN NOT p.resolved THEN 'unresolved' WHEN p.last_complete_build_state = 3 THEN 'ok'
					WHEN p.last_complete_build_state = 5 THEN 'failing' ELSE 'unknown' END,
				CASE p.resolved WHEN true THEN 'resolved' WHEN false THEN 'unresolved' ELSE 'unattempted' END,
				(SELECT count(*) FROM build b WHERE b.package_id = p.id)
			FROM package p
			JOIN base_package n ON n.id = p.base_id
			JOIN collection c ON c.id = p.collection_id
			WHERE c.name = $1
			ORDER BY n.name`, there(o.collections, collection))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the packages to take over: %w", err)
	}
	here := inverse(o.packages)
	for i := range packages {
		packages[i].Name = there(here, packages[i].Name)
	}
	return packages, nil
}

// Past returns the builds and transitions of some packages of a collection, in
// the order in which the original wrote them down.
func (o *Original) Past(ctx context.Context, collection string, names []string) (builds []*Build, transitions []Transition, err error) {
	collection = there(o.collections, collection)
	here, theirs := map[string]string{}, make([]string, len(names))
	for i, name := range names {
		theirs[i] = there(o.packages, name)
		here[theirs[i]] = name
	}
	err = o.read(ctx, func(tx pgx.Tx) error {
		if builds, err = rowsOf(ctx, tx, scanBuild, buildsOf, collection, theirs, o.zone); err != nil {
			return err
		}
		transitions, err = rowsOf(ctx, tx, scanTransition, transitionsOf, collection, theirs, o.zone)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the builds to take over: %w", err)
	}
	for _, b := range builds {
		b.Package = here[b.Source]
	}
	for i := range transitions {
		transitions[i].Package = here[transitions[i].Package]
	}
	linkBefore(builds)
	return builds, transitions, nil
}

const (
	buildsOf = buildColumns + `
		WHERE c.name = $1 AND n.name = ANY($2)
		ORDER BY b.id`
	newestOf = buildColumns + `
		WHERE c.name = $1 AND NOT coalesce(b.real, false) AND b.state <> 2
		ORDER BY b.id DESC
		LIMIT $2`
	buildColumns = `
		SELECT b.id, n.name, b.state, b.task_id,
			CASE WHEN isfinite(b.started) THEN b.started AT TIME ZONE $3 END,
			CASE WHEN isfinite(b.finished) THEN b.finished AT TIME ZONE $3 END,
			coalesce(b.epoch, 0), coalesce(b.version, ''), coalesce(b.release, ''), coalesce(b.repo_id, 0),
			coalesce(b.cancel_requested, false), b.deps_resolved, coalesce(b.real, false), coalesce(b.untagged, false)
		FROM build b
		JOIN package p ON p.id = b.package_id
		JOIN base_package n ON n.id = p.base_id
		JOIN collection c ON c.id = p.collection_id`
	transitionsOf = `
		SELECT n.name, r.resolved, CASE WHEN isfinite(r.timestamp) THEN r.timestamp AT TIME ZONE $3 END,
			ARRAY(SELECT q.problem FROM resolution_problem q WHERE q.resolution_id = r.id ORDER BY q.id)
		FROM resolution_change r
		JOIN package p ON p.id = r.package_id
		JOIN base_package n ON n.id = p.base_id
		JOIN collection c ON c.id = p.collection_id
		WHERE c.name = $1 AND n.name = ANY($2)
		ORDER BY r.timestamp, r.id`
)

func scanBuild(row pgx.CollectableRow) (*Build, error) {
	b := &Build{}
	var state int
	var started, finished *time.Time
	err := row.Scan(&b.ID, &b.Source, &state, &b.TaskID, &started, &finished,
		&b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release, &b.RepoID, &b.CancelRequested, &b.Resolved, &b.Real, &b.Untagged)
	if err != nil {
		return nil, err
	}
	switch state {
	case 2:
		b.Outcome = koschei.OutcomeRunning
	case 3:
		b.Outcome = koschei.OutcomeComplete
	case 5:
		b.Outcome = koschei.OutcomeFailed
	default:
		return nil, fmt.Errorf("build %d of package %s is in state %d, which the original does not have", b.ID, b.Source, state)
	}
	if started != nil {
		b.Started = *started
	}
	if finished != nil {
		b.Finished = *finished
	}
	return b, nil
}

func scanTransition(row pgx.CollectableRow) (t Transition, err error) {
	var changed *time.Time
	if err = row.Scan(&t.Package, &t.Resolved, &changed, &t.Problems); err == nil && changed != nil {
		t.Changed = *changed
	}
	return t, err
}

// Newest returns the scratch builds of a collection that ended last, so many at
// most: the times that the original has of them are those of the hub.
func (o *Original) Newest(ctx context.Context, collection string, most int) (builds []*Build, err error) {
	err = o.read(ctx, func(tx pgx.Tx) error {
		builds, err = rowsOf(ctx, tx, scanBuild, newestOf, there(o.collections, collection), most, o.zone)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the newest builds to take over: %w", err)
	}
	return builds, nil
}

// linkBefore finds for each build that was resolved the one that the original
// compared it with: the resolved one of its package that started last before it.
func linkBefore(builds []*Build) {
	resolved := func(b *Build) bool { return b.Resolved != nil && *b.Resolved }
	byPackage := map[string][]*Build{}
	for _, b := range builds {
		if resolved(b) {
			byPackage[b.Package] = append(byPackage[b.Package], b)
		}
	}
	for _, family := range byPackage {
		for _, b := range family {
			for _, other := range family {
				if other.Started.Before(b.Started) && (b.Before == nil || b.Before.Started.Before(other.Started)) {
					b.Before = other
				}
			}
		}
	}
}
