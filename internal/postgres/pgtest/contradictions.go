package pgtest

import "fmt"

// Contradictions are the ways in which the record does not agree with itself,
// each with how many rows there are of it and some of them.
func (w *World) Contradictions() []string {
	w.t.Helper()
	var all []string
	for _, c := range contradictions() {
		if bad := w.sql.Lines(c.sql); len(bad) > 0 {
			all = append(all, fmt.Sprintf("%d %s, such as %q", len(bad), c.what, bad[:min(5, len(bad))]))
		}
	}
	return all
}

// A contradiction is a statement whose rows should not be.
type contradiction struct{ what, sql string }

func contradictions() []contradiction {
	return []contradiction{
		{"packages whose last builds are others", `
			SELECT q.name || ': last ' || coalesce(q.last_build_id, 0) || ', complete ' || coalesce(q.last_complete_build_id, 0)
			FROM package q` + lastBuilds + `
			WHERE (q.last_build_id, q.last_build_started, q.last_complete_build_id, q.last_complete_outcome)
				IS DISTINCT FROM (l.id, l.started, d.id, d.outcome)`},
		{"states that were not noted", `SELECT name || ': ' || noted_state || ', is ' || state FROM package WHERE noted_state <> state`},
		{"states without their history", `
			SELECT p.name || ': ' || p.state || ', last change to ' || c.curr
			FROM package p
			JOIN LATERAL (SELECT curr FROM state_change c WHERE c.package_id = p.id ORDER BY c.id DESC LIMIT 1) c ON true
			WHERE c.curr <> p.state`},
		{"histories of states that jump", `
			SELECT p.name || ': ' || c.before || ', then from ' || c.prev
			FROM (SELECT package_id, prev, lag(curr) OVER (PARTITION BY package_id ORDER BY id) AS before FROM state_change) c
			JOIN package p ON p.id = c.package_id
			WHERE c.before <> c.prev`},
		{"verdicts that differ from the package's", `
			SELECT p.name || ': ' || p.resolution
			FROM package p
			LEFT JOIN resolution r ON r.package_id = p.id
			WHERE p.tracked AND NOT p.blocked AND (p.resolution = 'resolved') <> (r.set_hash IS NOT NULL)`},
		{"changes that do not begin at the build before", `
			SELECT a.build_id || ' from ' || a.prev_build_id
			FROM applied_change a
			JOIN build b ON b.id = a.build_id
			LEFT JOIN LATERAL (
				SELECT id FROM build o
				WHERE o.package_id = b.package_id AND (o.event, o.id) < (b.event, b.id)
					AND o.outcome IN ('running', 'submitting', 'complete', 'failed') AND o.deps = 'resolved'
				ORDER BY event DESC, id DESC LIMIT 1) o ON true
			WHERE o.id IS DISTINCT FROM a.prev_build_id`},
	}
}
