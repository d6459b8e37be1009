package pgtest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// An Original is a database of the Koschei that ours can take over.
type Original struct {
	t       testing.TB
	sql     *Console
	address string
}

// NewOriginal returns an original without anything in it, whose tables are
// those in a file.
func NewOriginal(t testing.TB, schema string) *Original {
	t.Helper()
	cfg := Empty(t)
	text, err := os.ReadFile(schema)
	if err != nil {
		t.Fatal(err)
	}
	o := &Original{
		t: t, sql: NewConsole(t, cfg),
		address: fmt.Sprintf("postgres:///%s?host=%s&user=%s", cfg.ConnConfig.Database, SocketDir(t), cfg.ConnConfig.User),
	}
	o.sql.Exec(string(text))
	return o
}

// Address is the original's, as a URL.
func (o *Original) Address() string { return o.address }

// Tell has the original know collection f44 of a record, with the builds that it
// would keep. Times in it are those of a zone.
func (o *Original) Tell(w *World, zone string) {
	o.t.Helper()
	o.sql.Exec(`INSERT INTO collection (name, display_name, target, dest_tag, build_tag) VALUES ('f44', 'Rawhide', 'f44', 'f44', 'f44-build')`)
	o.sql.Exec(strings.Join(w.sql.Lines(told, zone), ";"))
	o.sql.Exec(`
		UPDATE package p
		SET last_complete_build_state = (
			SELECT b.state FROM build b
			WHERE b.package_id = p.id AND NOT b.untagged AND b.state <> 2 ORDER BY b.started DESC LIMIT 1)`)
}

// told is the record as statements that fill an original.
const told = `
	SELECT sql FROM (
		SELECT 1 AS step, p.id, format('INSERT INTO base_package (id, name) VALUES (%L, %L);
			INSERT INTO package (id, base_id, collection_id, name, tracked, blocked) VALUES (%L, %L, 1, %L, true, %L)',
			p.id, p.name, p.id, p.id, p.name, p.blocked) AS sql
		FROM package p
		UNION ALL
		SELECT 2, b.id, format('INSERT INTO build (id, package_id, state, task_id, started, finished, epoch, version, release, repo_id,
			real, untagged) VALUES (%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L)', b.id, b.package_id,
			CASE b.outcome WHEN 'running' THEN 2 WHEN 'complete' THEN 3 ELSE 5 END, b.task_id, b.started AT TIME ZONE $1,
			b.finished AT TIME ZONE $1, nullif(b.epoch, 0), b.version, b.release, b.repo_id, b.origin = 'real', b.untagged)
		FROM build b
		WHERE b.outcome IN ('running', 'complete', 'failed') AND b.task_id IS NOT NULL AND (b.repo_id IS NOT NULL OR b.outcome = 'running')
		UNION ALL
		SELECT 3, b.id, format('INSERT INTO koji_task (build_id, task_id, arch, state, started, finished) VALUES (%L, %L, %L, %L, %L, %L)',
			b.id, t.task_id, t.arch, CASE t.state WHEN 'closed' THEN 2 WHEN 'canceled' THEN 3 ELSE 5 END,
			t.started AT TIME ZONE $1, t.finished AT TIME ZONE $1)
		FROM build_task t
		JOIN build b ON b.id = t.build_id
		WHERE t.method = 'buildArch' AND b.outcome IN ('complete', 'failed')
	) AS statements
	ORDER BY step, id`

// TellDependencies has the original tell what it knows of the dependencies of a
// package with three builds, of which the first could not be had, the second is
// forgotten, and the third was made with bash-6-1 and gcc-14-1: keys is their set
// as the original stores it, of numbers 9 and 400. The package became resolvable
// on 2026-03-02 at 13:45 of the original's zone and unresolvable a day later. A
// branch f43 has a copy of the package and its builds.
func (o *Original) TellDependencies(keys []byte) {
	o.t.Helper()
	o.sql.Exec(`
		INSERT INTO dependency (id, name, epoch, version, release, arch) VALUES
			(7, 'bash', 0, '5', '1', 'x86_64'), (9, 'bash', 0, '6', '1', 'x86_64'), (400, 'gcc', NULL, '14', '1', 'x86_64');
		CREATE TABLE three AS SELECT row_number() OVER (ORDER BY b.started) AS n, b.id, b.package_id
			FROM build b WHERE b.package_id = (
				SELECT package_id FROM build GROUP BY 1 HAVING count(*) = 3 AND NOT bool_or(untagged OR state = 2)
					AND count(*) FILTER (WHERE real) = 1 ORDER BY 1 LIMIT 1);
		UPDATE build SET deps_resolved = false WHERE id = (SELECT id FROM three WHERE n = 1);
		UPDATE build SET deps_resolved = true WHERE id IN (SELECT id FROM three WHERE n IN (2, 3))`)
	o.sql.Exec(`UPDATE build SET dependency_keys = $1 WHERE id = (SELECT id FROM three WHERE n = 3)`, keys)
	o.sql.Exec(`
		INSERT INTO applied_change (build_id, prev_dep_id, curr_dep_id, distance) SELECT id, 7, 9, 2 FROM three WHERE n = 3;
		INSERT INTO resolution_change (id, package_id, resolved, timestamp)
			SELECT v.id, t.package_id, v.resolved, v.at::timestamp FROM three t, (VALUES (1, true, '2026-03-02 13:45:00'), (2, false, '2026-03-03 13:45:00'))
				AS v (id, resolved, at) WHERE t.n = 1;
		INSERT INTO resolution_problem (resolution_id, problem) VALUES (2, 'nothing provides bread'), (2, 'needed by butter');
		UPDATE package SET resolved = false WHERE id = (SELECT package_id FROM three WHERE n = 1);
		INSERT INTO collection (id, name, display_name, target, dest_tag, build_tag) VALUES (2, 'f43', 'Fedora 43', 'f44', 'f44', 'f44-build');
		INSERT INTO package (id, base_id, collection_id, name, tracked, last_complete_build_state)
			SELECT 90000, base_id, 2, name, true, last_complete_build_state FROM package WHERE id = (SELECT package_id FROM three WHERE n = 1);
		INSERT INTO build (id, package_id, state, task_id, started, finished, version, release, repo_id, real)
			SELECT 90000 + id, 90000, state, task_id, started, finished, version, release, repo_id, real FROM build WHERE id IN (SELECT id FROM three)
			ORDER BY id`)
}

// Confuse gives a complete scratch build and a real one tasks that the hub does
// not have, and a failed scratch build another version than its task has.
func (o *Original) Confuse() {
	o.t.Helper()
	o.sql.Exec(`UPDATE build SET task_id = 1000000 + id WHERE id IN (SELECT id FROM build WHERE state = 3 AND NOT real ORDER BY id LIMIT 1)`)
	o.sql.Exec(`UPDATE build SET version = version || '.9' WHERE id IN (SELECT id FROM build WHERE state = 5 AND NOT real ORDER BY id LIMIT 1)`)
	o.sql.Exec(`UPDATE build SET task_id = 1000000 + id WHERE id IN (SELECT id FROM build WHERE real ORDER BY id LIMIT 1)`)
}

// Spoil adds rows that cannot be taken over as they are, among them a collection
// whose tags the hub does not have and a collection of which nothing can be
// taken. The newest real builds of four packages get something odd: a set with
// number 1000, which is no dependency, and one that cannot be read; a task in no
// state; and a dependency that no database can look for. The last is longest.
func (o *Original) Spoil(unknown, longest []byte) {
	o.t.Helper()
	o.sql.Exec(`
		INSERT INTO "user" (name) VALUES ('someone@EXAMPLE.ORG'), ('jane doe'), ('jane-doe'), ('');
		INSERT INTO collection (id, name, display_name, target, dest_tag, build_tag, priority_coefficient, build_group)
			VALUES (-1, 'gone', '', 'gone', 'gone', 'gone-build', -1, NULL), (-2, '', 'Nothing', '', '', '', 1, NULL);
		INSERT INTO collection_group (id, name, display_name) VALUES (1, 'epel 9', '');
		INSERT INTO collection_group_relation VALUES (1, -1), (1, -2);
		INSERT INTO base_package (id, name) VALUES (70001, '_x'), (70002, '.y'), (70003, 'a b');
		INSERT INTO package (id, base_id, collection_id, name, static_priority, tracked)
			VALUES (70001, 70001, 1, '_x', 2000000000, true), (70002, 70002, 1, '.y', 0, true), (70003, 70003, -2, 'a b', 0, true);
		INSERT INTO package (id, base_id, collection_id, name, tracked) SELECT 80000 + id, base_id, -1, name, true FROM package WHERE id < 70000 ORDER BY id LIMIT 2;
		INSERT INTO package_group (id, namespace, name) VALUES (1, NULL, '+gtk'), (2, 'jane doe', 'my group');
		INSERT INTO package_group_relation VALUES (1, 70001), (2, 70002);
		INSERT INTO group_acl SELECT 2, id FROM "user" WHERE name = 'jane doe';
		INSERT INTO resolution_change (package_id, resolved, timestamp) VALUES (70001, false, 'infinity'), (70001, false, '2026-03-03 13:45:00');
		INSERT INTO build (id, package_id, state, task_id, started, finished, version, release, repo_id)
			VALUES (70001, 70002, 3, 1, 'infinity', '-infinity', '1', '1', 1);
		CREATE TABLE odd AS SELECT row_number() OVER (ORDER BY max(id)) AS n, max(id) AS id FROM build
			WHERE real AND package_id < 70000 GROUP BY package_id ORDER BY 1 LIMIT 4;
		UPDATE build SET deps_resolved = true WHERE id IN (SELECT id FROM odd);
		INSERT INTO koji_task (build_id, task_id, arch, state, started) SELECT id, 7, 'x86_64', 9, now() FROM odd WHERE n = 3;
		DROP INDEX dependency_name_epoch_version_release_arch_idx;
		INSERT INTO dependency (id, name, epoch, version, release, arch)
			SELECT 500, string_agg(md5(n::text), ''), 0, '1', '1', 'x86_64' FROM generate_series(1, 1000) AS n`)
	o.sql.Exec(`UPDATE build SET dependency_keys = $1 WHERE id = (SELECT id FROM odd WHERE n = 1)`, unknown)
	o.sql.Exec(`UPDATE build SET dependency_keys = 'no set' WHERE id = (SELECT id FROM odd WHERE n = 2)`)
	o.sql.Exec(`UPDATE build SET dependency_keys = $1 WHERE id = (SELECT id FROM odd WHERE n = 4)`, longest)
}

// SetDestTag gives a collection another destination tag.
func (o *Original) SetDestTag(collection, tag string) {
	o.t.Helper()
	o.sql.Exec(`UPDATE collection SET dest_tag = $2 WHERE name = $1`, collection, tag)
}

// ShiftStarts makes all builds begin at another time.
func (o *Original) ShiftStarts(minutes int) {
	o.t.Helper()
	o.sql.Exec(`UPDATE build SET started = started + make_interval(mins => $1)`, minutes)
}

// History describes the builds that an original knows of too, by package.
func (w *World) History() []string {
	w.t.Helper()
	return w.sql.Lines(`
		SELECT concat_ws(' ', p.name, b.event, b.origin, b.outcome, b.task_id, b.koji_build_id, b.epoch, b.version, b.release, b.repo_id,
			b.untagged, CASE WHEN b.origin = 'scratch' THEN b.started END, CASE WHEN b.origin = 'scratch' THEN b.finished END,
			CASE WHEN p.last_build_id = b.id THEN 'last' END, CASE WHEN p.last_complete_build_id = b.id THEN 'complete' END,
			(SELECT string_agg(concat(t.task_id, t.arch, t.state, t.started, t.finished), ',' ORDER BY t.task_id)
				FROM build_task t WHERE t.build_id = b.id AND t.method = 'buildArch' AND b.outcome <> 'running'))
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.outcome IN ('running', 'complete', 'failed') AND b.task_id IS NOT NULL
		ORDER BY p.name COLLATE "C", b.event, b.origin, b.id`)
}

// UserNames are those of all users.
func (w *World) UserNames() []string {
	w.t.Helper()
	return w.sql.Lines(`SELECT name FROM users ORDER BY name COLLATE "C"`)
}
