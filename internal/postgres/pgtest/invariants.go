package pgtest

import (
	"slices"
	"strings"
)

// CheckInvariants finds what must not be in a Sample, whoever wrote it at the
// same time. It asks for more than World.Contradictions, which is about records
// with a past of any kind.
func (s *Sample) CheckInvariants() {
	s.t.Helper()
	for _, check := range slices.Concat(packageInvariants(), buildInvariants()) {
		if found := s.Lines(check.sql); len(found) > 0 {
			s.t.Errorf("%s: %s", check.what, strings.Join(found, "; "))
		}
	}
}

func packageInvariants() []contradiction {
	return []contradiction{
		{"packages that do not point to their newest build", `
		SELECT p.name
		FROM package p
		WHERE p.last_build_id IS DISTINCT FROM (
			SELECT b.id FROM build b
			WHERE b.package_id = p.id AND NOT b.untagged AND b.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY b.event DESC, b.id DESC LIMIT 1)`},
		{"packages that do not point to their newest complete build", `
		SELECT p.name
		FROM package p
		LEFT JOIN LATERAL (
			SELECT b.id, b.outcome FROM build b
			WHERE b.package_id = p.id AND NOT b.untagged AND b.outcome IN ('complete', 'failed')
			ORDER BY b.event DESC, b.id DESC LIMIT 1) n ON true
		WHERE (p.last_complete_build_id, p.last_complete_outcome) IS DISTINCT FROM (n.id, n.outcome)`},
		{"states not noted", `SELECT name || ' is ' || state || ', noted ' || noted_state FROM package WHERE state <> noted_state`},
		{"transitions that do not follow from the one before", `
		SELECT c.package_id || ': ' || before || ', then ' || c.prev || ' to ' || c.curr
		FROM (SELECT s.*, lag(s.curr) OVER (PARTITION BY s.package_id ORDER BY s.id) AS before FROM state_change s) c
		WHERE c.before <> c.prev`},
		{"last transitions that do not lead to the state", `
		SELECT p.name
		FROM package p
		JOIN LATERAL (SELECT curr FROM state_change s WHERE s.package_id = p.id ORDER BY s.id DESC LIMIT 1) l ON true
		WHERE l.curr <> p.noted_state`},
		{"events that are not one for each change of state", `
		SELECT format('%s transitions, %s events', changes, events)
		FROM (SELECT
			(SELECT count(*) FROM state_change s
				JOIN package p ON p.id = s.package_id AND p.collection_id = (SELECT min(id) FROM collection)) AS changes,
			(SELECT count(*) FROM event WHERE kind = 'package state') AS events) n
		WHERE changes <> events AND NOT EXISTS (SELECT FROM audit WHERE message LIKE 'cleanup%')`},
		{"resolutions that their packages do not show", `
		SELECT p.name || ' is ' || p.resolution
		FROM resolution r
		JOIN package p ON p.id = r.package_id
		WHERE p.resolution <> 'unattempted'
			AND p.resolution <> CASE WHEN r.problems = '{}' THEN 'resolved' ELSE 'unresolved' END`},
		{"deadlocks", `SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0`},
	}
}

func buildInvariants() []contradiction {
	return []contradiction{
		{"packages with two scratch builds under way", `
		SELECT package_id::text FROM build
		WHERE origin = 'scratch' AND outcome IN ('submitting', 'running')
		GROUP BY package_id HAVING count(*) > 1`},
		{"changes of builds that are not to the build before", `
		SELECT a.build_id::text
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		WHERE b.outcome IN ('running', 'complete', 'failed') AND b.copied_from IS NULL AND a.prev_build_id <> (
			SELECT p.id FROM build p
			WHERE p.package_id = b.package_id AND (p.event, p.id) < (b.event, b.id) AND p.deps = 'resolved'
				AND p.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY p.event DESC, p.id DESC LIMIT 1)`},
		{"builds that broke and are not noted, or the reverse", `
		SELECT a.build_id::text
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		WHERE a.broke <> (b.outcome = 'failed' AND coalesce((
			SELECT e.outcome FROM build e
			WHERE e.package_id = b.package_id AND (e.event, e.id) < (b.event, b.id) AND e.outcome IN ('complete', 'failed')
			ORDER BY e.event DESC, e.id DESC LIMIT 1) = 'complete', false))`},
	}
}
