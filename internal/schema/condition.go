package schema

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// Eligible packages (of alias p) are resolved at all.
const Eligible = `p.tracked AND NOT p.blocked AND NOT p.skip_resolution AND p.last_complete_build_id IS NOT NULL`

// ComparedBuild is the build c that a package p is compared with to tell what has
// changed since: the newest that ended, counts and has a dependency set. It goes
// behind what is selected of c. comparableBuild builds are those it may become.
const (
	ComparedBuild = `
		FROM build c
		WHERE ` + comparableBuild + ` AND c.deps = 'resolved' ` + newestBuild
	comparableBuild = `c.package_id = p.id AND NOT c.untagged AND c.outcome IN ('complete', 'failed')`
	newestBuild     = `
		ORDER BY c.event DESC, c.id DESC
		LIMIT 1`
)

// Baselines joins each package's (of alias p) Baseline as base, if it is not the
// last complete build b; baseline is what either says.
const (
	Baseline  = `coalesce(CASE b.deps WHEN 'resolved' THEN b.dependency_set_id ELSE base.set_id END, 0), coalesce(base.awaited, false)`
	Baselines = `
	LEFT JOIN LATERAL (
		SELECT coalesce(c.dependency_set_id, 0) AS set_id, c.deps = 'pending' AS awaited
		FROM build c
		WHERE b.deps <> 'resolved' AND ` + comparableBuild + `
			AND (c.deps = 'resolved' OR c.deps = 'pending' AND c.repo_id IS NOT NULL)` + newestBuild + `
	) base ON true`
)

// Due packages (of alias p) are resolved whatever the repo.
const Due = `p.resolved_build_id IS DISTINCT FROM p.last_complete_build_id`

// A Ranking is what priority depends on besides the package.
type Ranking struct {
	Rules koschei.PriorityRules
	Now   time.Time
}

// Schedulable is what a package p of a collection c fulfils that has no
// Obstacle and is not held.
const Schedulable = `p.collection_id = @collection AND c.latest_repo_resolved = 'resolved' AND p.schedulable
	AND (p.hold_until IS NULL OR p.hold_until <= @now)`

// StartSeconds is when p's last build started, as package_idle has it.
const StartSeconds = `date_part('epoch', p.last_build_started AT TIME ZONE 'UTC')`

// Packages (of alias p) are raised or idle, each kind in an index of its own that
// spells it so: what people or builds have given a priority, and the rest. Of
// both, some have changed (alias a): they are in an index of table resolution.
const (
	Raised  = `(p.static_priority <> 0 OR p.manual_priority <> 0 OR p.build_priority <> 0)`
	Idle    = `p.static_priority = 0 AND p.manual_priority = 0 AND p.build_priority = 0`
	Changed = `a.collection_id = @collection AND a.dependency_priority <> 0`
)

// Priority is koschei.PriorityRules.Of in SQL, of a package p in a collection c
// with an answer a or none; a test holds it to that.
const Priority = `(p.manual_priority + p.static_priority + c.priority_coefficient
	* (coalesce(a.dependency_priority, 0) + p.build_priority
		+ greatest(@a * log(greatest(1e-6, date_part('epoch', @now::timestamptz - p.last_build_started) / 3600)) + @b, -30)))`

// HoldBasis is what a hold of a package p is about. When it has changed the
// reason of a HoldSource or HoldArch may be gone.
const HoldBasis = `concat_ws(' ', p.last_build_id, p.arch_override)`

// VerdictsRepo is the repo that the verdicts shown of a collection c are about.
const VerdictsRepo = `SELECT r.repo_id, r.create_event
			FROM repo r
			WHERE r.collection_id = c.id AND r.resolved = 'resolved' AND r.create_event <= c.latest_repo_event
			ORDER BY r.create_event DESC, r.repo_id DESC
			LIMIT 1`

// SourceHub is the hub that the source package of a build (of alias b) in a
// collection (of alias c) is at. A scratch build runs at the primary one, its
// source is the collection's.
const SourceHub = `CASE WHEN b.origin = 'scratch' AND c.secondary_mode THEN 'secondary' ELSE b.hub END`

// NotHeld makes the columns of a package say that nothing holds it.
const NotHeld = `hold_kind = '', hold_reason = '', hold_until = NULL`
