package schema

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// PackageColumns are those of koschei.PackageStatus, of a package p with its
// resolution a, if it has one. Whoever reads a package reads all of them and
// scans them with ScanPackage.
const PackageColumns = `p.id, p.base_id, p.collection_id, p.name, p.tracked, p.blocked, p.skip_resolution, p.arch_override,
	p.static_priority, p.manual_priority, p.build_priority, coalesce(a.dependency_priority, 0), p.resolution,
	CASE WHEN p.resolution = 'unattempted' AND p.last_build_id IS NOT NULL THEN EXISTS (
		SELECT
		FROM build b
		JOIN collection c ON c.id = p.collection_id
		JOIN silent_source s ON s.hub = ` + SourceHub + ` AND s.name = p.name AND s.version = b.version AND s.release = b.release
		WHERE b.id = p.last_build_id AND s.none) ELSE false END,
	coalesce(p.last_build_id, 0), p.last_build_started, coalesce(p.last_complete_build_id, 0), coalesce(p.last_complete_outcome, ''),
	p.state_since, p.hold_reason, p.hold_until, p.faults`

// ScanPackage reads PackageColumns into p, and the columns after them into more.
func ScanPackage(row pgx.CollectableRow, p *koschei.PackageStatus, more ...any) error {
	var started, since, until *time.Time
	fields := []any{
		&p.ID, &p.BaseID, &p.CollectionID, &p.Name, &p.Tracked, &p.Blocked, &p.SkipResolution, &p.ArchOverride,
		&p.StaticPriority, &p.ManualPriority, &p.BuildPriority, &p.DependencyPriority, &p.Resolution, &p.NoSource,
		&p.LastBuildID, &started, &p.LastCompleteBuildID, &p.LastCompleteOutcome,
		&since, &p.HoldReason, &until, &p.Faults,
	}
	err := row.Scan(append(fields, more...)...)
	p.LastBuildStarted, p.StateSince, p.HoldUntil = postgres.OrZero(started), postgres.OrZero(since), postgres.OrZero(until)
	return err
}

// RowToPackage is ScanPackage for pgx.CollectRows.
func RowToPackage(row pgx.CollectableRow) (p koschei.PackageStatus, err error) {
	err = ScanPackage(row, &p)
	return p, err
}
