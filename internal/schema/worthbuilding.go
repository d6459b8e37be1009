package schema

import "github.com/jackc/pgx/v5"

// WorthBuilding finds the packages of a collection most worth building as "chosen",
// with their priorities as "total": at most @limit of those whose priority reaches
// the threshold. Held ones are not among them. It stands before what selects of
// them.
//
// However many there are, few are looked at. Of packages of which only time
// tells, those built longest ago are the worthiest. Of changed ones, those with
// the most changes tell how much priority it takes at least, and whose changes
// do not come up to that even with the oldest build of all cannot be.
const WorthBuilding = `
	WITH raised AS (
		SELECT p.id, ` + Priority + ` AS total
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		LEFT JOIN resolution a ON a.package_id = p.id
		WHERE ` + Schedulable + ` AND ` + Raised + `
	), most_changed AS (
		SELECT ` + Priority + ` AS total
		FROM resolution a
		JOIN package p ON p.id = a.package_id
		JOIN collection c ON c.id = p.collection_id
		WHERE ` + Changed + ` AND ` + Schedulable + ` AND ` + Idle + `
		ORDER BY a.dependency_priority DESC
		LIMIT 4 * @limit::integer
	), needed AS (
		SELECT greatest(@threshold::float8, (
			SELECT total
			FROM (SELECT total FROM raised UNION ALL SELECT total FROM most_changed) known
			ORDER BY total DESC
			OFFSET @limit - 1
			LIMIT 1)) AS total
	), changes AS (
		SELECT least(greatest(n.total / nullif(c.priority_coefficient, 0)
			- greatest(@a * log(greatest(1e-6, date_part('epoch', @now::timestamptz - oldest.started) / 3600)) + @b, -30) - 1, -1e9), 1e9)::integer AS least
		FROM needed n
		CROSS JOIN collection c
		CROSS JOIN (SELECT min(last_build_started) AS started FROM package WHERE collection_id = @collection AND NOT blocked) oldest
		WHERE c.id = @collection
	), candidate AS (
		(SELECT id, total FROM raised ORDER BY total DESC, id LIMIT @limit)
		UNION ALL
		(SELECT r.id, r.total
		FROM (
			SELECT p.id, ` + Priority + ` AS total
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			JOIN resolution a ON a.package_id = p.id
			WHERE p.id = ANY (ARRAY(SELECT a.package_id FROM resolution a WHERE ` + Changed + ` AND a.dependency_priority >= (SELECT least FROM changes)))
				AND ` + Schedulable + ` AND ` + Idle + `
			OFFSET 0
		) r
		WHERE r.total >= (SELECT total FROM needed)
		ORDER BY r.total DESC, r.id
		LIMIT @limit)
		UNION ALL
		(SELECT p.id, ` + Priority + `
		FROM (
			SELECT p.*
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			WHERE ` + Schedulable + ` AND ` + Idle + `
			ORDER BY ` + StartSeconds + `
			LIMIT @limit
		) p
		JOIN collection c ON c.id = p.collection_id
		LEFT JOIN resolution a ON a.package_id = p.id)
	), chosen AS (
		SELECT id, max(total) AS total -- the oldest may be there twice
		FROM candidate
		WHERE total >= @threshold
		GROUP BY id
		ORDER BY 2 DESC, id
		LIMIT @limit
	)`

// WorthBuildingArgs are the arguments of WorthBuilding.
func WorthBuildingArgs(collectionID int64, ranking Ranking, limit int) pgx.NamedArgs {
	a, b := ranking.Rules.TimeCoefficients()
	return pgx.NamedArgs{
		"collection": collectionID, "now": ranking.Now, "a": a, "b": b,
		"threshold": ranking.Rules.BuildThreshold, "limit": limit,
	}
}
