package site_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// now is the domain time of the tests.
var now = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)

// A seed writes a small record, most of it behind the backs of those who write it.
type seed struct {
	t           testing.TB
	db          *pgtest.DB
	console     *pgtest.Console
	collections map[string]int64
	task        int64
	carrier     int64 // a blocked package whose builds hold sets nothing else refers to yet
}

// seeded returns a database with three collections of some packages each, in
// every state there is.
func seeded(t testing.TB) *pgtest.DB {
	t.Helper()
	return pgtest.Open(t, seededConfig(t))
}

// seededConfig is seeded for who opens the database as it needs it.
func seededConfig(t testing.TB) *pgxpool.Config {
	t.Helper()
	cfg := pgtest.Database(t)
	s := &seed{t: t, db: pgtest.Open(t, cfg), console: pgtest.NewConsole(t, cfg), collections: map[string]int64{}, task: 91000}
	s.collection("f44", "Fedora Rawhide", 200, 5210, koschei.Resolved)
	s.collection("f43", "Fedora 43", 100, 5190, koschei.Resolved)
	s.collection("epel10", "EPEL 10", 50, 5150, koschei.Unresolved)
	s.console.Exec(`INSERT INTO collection_group (name, display_name) VALUES ('fedora', 'Fedora')`)
	s.console.Exec(`INSERT INTO collection_group_member SELECT 1, id FROM collection WHERE name LIKE 'f4%'`)
	s.console.Exec(`UPDATE collection SET bugzilla_product = 'Fedora', bugzilla_version = 'rawhide' WHERE name = 'f44'`)
	s.carrier = s.pkg("f44", "zz-carrier", "blocked")
	s.featured()
	for i := range 130 {
		s.filler(i)
	}
	s.console.Exec(`INSERT INTO package_group (namespace, name) VALUES ('', 'java-sig'), ('', 'empty'), ('alice', 'mine')`)
	s.console.Exec(`INSERT INTO package_group_member SELECT 1, id FROM base_package WHERE name LIKE 'maven%' OR name = 'ant'`)
	s.console.Exec(`INSERT INTO package_group_member SELECT 3, id FROM base_package WHERE name = 'gtk+'`)
	s.console.Exec(`INSERT INTO users (name) VALUES ('alice'), ('bob')`)
	s.console.Exec(`INSERT INTO package_group_maintainer SELECT g.id, u.id FROM package_group g, users u WHERE g.name <> 'empty'`)
	s.services()
	s.settle()
	return cfg
}

// queued is the record of a collection of which builds are under way and packages
// wait.
func queued(t *testing.T) *pgtest.DB {
	t.Helper()
	cfg := seededConfig(t)
	s := &seed{t: t, db: pgtest.Open(t, cfg), console: pgtest.NewConsole(t, cfg), collections: map[string]int64{}, task: 98000}
	s.collections["f44"] = s.console.Number(`SELECT id FROM collection WHERE name = 'f44'`)
	slow := s.pkg("f44", "slow", "ok")
	s.build(slow, 518000, seedBuild{outcome: koschei.OutcomeComplete, ago: 48 * time.Hour, evr: "1-1.fc44"})
	s.build(slow, 521001, seedBuild{outcome: koschei.OutcomeRunning, ago: 40 * time.Minute, evr: "2-1.fc44"})
	s.collections["f43"] = s.console.Number(`SELECT id FROM collection WHERE name = 'f43'`)
	s.build(s.console.Number(`SELECT id FROM package WHERE name = 'python-001' AND collection_id = $1`, s.collections["f43"]), 521002,
		seedBuild{outcome: koschei.OutcomeRunning, ago: time.Minute, evr: "0.1-1.fc44"})
	s.settle()
	s.console.Exec(`UPDATE package SET manual_priority = 300 WHERE name = 'perl-010' AND collection_id = $1`, s.collections["f43"])
	s.console.Exec(`UPDATE package SET manual_priority = 2000 WHERE name = 'perl-000' AND collection_id = $1`, s.collections["f44"])
	s.console.Exec(`UPDATE package SET build_priority = 200, static_priority = 300 WHERE name = 'perl-005' AND collection_id = $1`, s.collections["f44"])
	return s.db
}

// happened is seeded with what became of some packages, and with an owner.
func happened(t *testing.T) *pgtest.DB {
	t.Helper()
	cfg := seededConfig(t)
	console := pgtest.NewConsole(t, cfg)
	for i, c := range []struct{ collection, pkg, prev, curr string }{
		{"f44", "ant", "ok", "failing"},
		{"f43", "maven", "unresolved", "ok"},
		{"f44", "newcomer", "unknown", "ok"},
		{"f44", "ant", "failing", "ok"},
		{"f44", "rust-ripgrep", "ok", "unresolved"},
		{"f44", "maven", "ok", "failing"},
	} {
		console.Exec(`INSERT INTO state_change (collection_id, package_id, prev, curr, changed)
			SELECT p.collection_id, p.id, $3, $4, $5 FROM package p JOIN collection c ON c.id = p.collection_id WHERE c.name = $1 AND p.name = $2`,
			c.collection, c.pkg, c.prev, c.curr, now.Add(time.Duration(i-10)*time.Minute))
	}
	console.Exec(`INSERT INTO package_owner (name, owner) VALUES ('rust-ripgrep', 'olga')`)
	console.Exec(`INSERT INTO owner_source (url, pairs, fetched) VALUES ('https://owners.test', 1, clock_timestamp())`)
	return pgtest.Open(t, cfg)
}

// hostile is seeded with a collection of packages that have these names, and
// builds, faults and problems that mean no better.
func hostile(t testing.TB, names []string) *pgtest.DB {
	t.Helper()
	cfg := seededConfig(t)
	s := &seed{t: t, db: pgtest.Open(t, cfg), console: pgtest.NewConsole(t, cfg), collections: map[string]int64{}, task: 99000}
	s.collection("evil", `"><script>alert(3)</script>`, 300, 7777, koschei.Unresolved)
	s.console.Exec(`UPDATE repo SET problems = $1 WHERE repo_id = 7777`, []string{"nothing provides <img src=x onerror=alert(4)>"})
	for i, name := range names {
		p := s.pkg("evil", name, []string{"ok", "unresolved", "untracked"}[i%3])
		s.build(p, 600000+int64(i), seedBuild{outcome: koschei.OutcomeFailed, evr: "1<b>0-1", fault: "<img src=x onerror=alert(2)>"})
	}
	s.settle()
	return s.db
}

// services lets services of f44 work, those of f43 but for one that has trouble
// with a repo, and tells what the self-check found.
func (s *seed) services() {
	s.t.Helper()
	const names = `('polling'), ('repo-resolver'), ('build-resolver'), ('scheduler')`
	s.console.Exec(`INSERT INTO collection_service (collection_id, service, succeeded)
		SELECT c.id, n.name, $1 FROM collection c, (VALUES `+names+`) n (name) WHERE c.name IN ('f44', 'f43')`, now.Add(-2*time.Minute))
	s.console.Exec(`UPDATE collection_service SET trouble = 'the repo cannot be read: repomd.xml: it is no XML', first_seen = $1, last_seen = $2, failures = 177
		WHERE service = 'repo-resolver' AND collection_id = $3`, now.Add(-3*time.Hour), now, s.collections["f43"])
	s.console.Exec(`UPDATE collection_service SET remark = 'the collection has as many builds under way as it may, 5'
		WHERE service = 'scheduler' AND collection_id = $1`, s.collections["f43"])
	s.console.Exec(`UPDATE collection SET max_builds = 5 WHERE name = 'f43'`)
	s.console.Exec(`INSERT INTO finding (kind, collection_id, subject, sentence, count, first_seen, last_seen, ended, repair) VALUES
		('due', $1, 'f43', 'f43: All is known that is needed to resolve 12 packages (perl-001, python-002, lib-003 and 9 more), and nobody does.', 12, $2, $3, NULL, ''),
		('hold', $1, 'f43', 'f43: The reason is gone for which the scheduler passed over 2 packages (ant, maven).', 2, $2, $2, $2, 'they are held no longer')`,
		s.collections["f43"], now.Add(-3*time.Hour), now)
	s.console.Exec(`INSERT INTO service_start (service, holder) SELECT 'polling', 'pod-7/1' FROM generate_series(1, 23)`)
	s.console.Exec(`INSERT INTO lease (name, holder, term, expires) VALUES ('scheduler', 'pod-1/1', 1, clock_timestamp() + interval '1 hour')`)
}

// collection makes one with five repos, an hour apart, of which the last is
// newer than the latest that was looked at.
func (s *seed) collection(name, display string, order int, repo int64, resolved koschei.Resolution) {
	s.t.Helper()
	id := s.console.Number(`INSERT INTO collection (name, display_name, "order", target, dest_tag, build_tag, latest_repo_id, latest_repo_event, latest_repo_resolved)
		VALUES ($1, $2, $3, $1, $1, $1 || '-build', $4, $5, $6) RETURNING id`, name, display, order, repo, 100*repo, resolved)
	s.collections[name] = id
	problems := []string{}
	if resolved == koschei.Unresolved {
		problems = []string{"nothing provides <libfoo.so.3()(64bit)> needed by glibc-2.42-1.el10.x86_64"}
	}
	for i := int64(-3); i <= 1; i++ {
		answer, why := koschei.Resolved, []string{}
		if i == 0 {
			answer, why = resolved, problems
		} else if i > 0 {
			answer = koschei.Unattempted
		}
		s.console.Exec(`INSERT INTO repo (collection_id, repo_id, create_event, created, resolved, problems, packages, packages_failed, packages_changed, solved)
			VALUES ($1, $2, $3, $4, $5, $6, 140, 3, $7, CASE WHEN $5::text <> 'unattempted' THEN $4::timestamptz + interval '70 s' END)`,
			id, repo+i, 100*(repo+i), now.Add(time.Duration(i)*15*time.Minute-20*time.Minute), answer, why, 12+i)
	}
}

func (s *seed) pkg(collection, name, state string) int64 {
	s.t.Helper()
	base := s.console.Number(`INSERT INTO base_package (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = $1 RETURNING id`, name)
	resolution := koschei.Resolved
	if state == "unresolved" {
		resolution = koschei.Unresolved
	}
	return s.console.Number(`INSERT INTO package (base_id, collection_id, name, tracked, blocked, resolution, state_since)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
		base, s.collections[collection], name, state != "untracked" && state != "blocked", state == "blocked", resolution,
		now.Add(-time.Duration(10+len(name))*time.Hour))
}

// A seedBuild is a build to be seeded.
type seedBuild struct {
	outcome koschei.Outcome
	real    bool
	ago     time.Duration
	evr     string
	fault   string
	set     depset.Set
}

func (s *seed) build(pkg, event int64, b seedBuild) int64 {
	s.t.Helper()
	evr, err := rpm.ParseEVR(b.evr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.task += 10
	origin, kojiID := koschei.Scratch, (*int64)(nil)
	if b.real {
		origin, kojiID = koschei.Real, &s.task
	}
	started := now.Add(-b.ago)
	var finished *time.Time
	if b.outcome.Ended() {
		end := started.Add(23 * time.Minute)
		finished = &end
	}
	id := s.console.Number(`INSERT INTO build (package_id, origin, outcome, event, task_id, koji_build_id, epoch, version, release, repo_id, arches, started, finished, fault, fault_task_id, trigger)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'x86_64 aarch64', $11, $12, $13, CASE WHEN $13::text <> '' THEN $14::bigint END, 
			CASE WHEN $2 = 'scratch' THEN '{"Dependency": 256, "Time": 40, "Coefficient": 1}'::jsonb END) RETURNING id`,
		pkg, origin, b.outcome, event, s.task, kojiID, evr.Epoch, evr.Version, evr.Release, event/100, started, finished, b.fault, s.task+2)
	for i, arch := range []string{"aarch64", "x86_64"} {
		state := koschei.TaskClosed
		switch {
		case !b.outcome.Ended() && i == 0:
			state = koschei.TaskFree
		case !b.outcome.Ended():
			state = koschei.TaskOpen
		case b.outcome == koschei.OutcomeFailed && i == 1, b.outcome.Fault() && i == 1:
			state = koschei.TaskFailed
		case b.outcome != koschei.OutcomeComplete:
			state = koschei.TaskCanceled
		}
		s.console.Exec(`INSERT INTO build_task (build_id, task_id, method, arch, state, started, finished) VALUES ($1, $2, 'buildArch', $3, $4, $5, $6)`,
			id, s.task+int64(i)+1, arch, state, started, finished)
	}
	if b.set != nil {
		if _, err := s.db.Fenced(s.t).SaveBuildDependencies(s.t.Context(), []built.BuildDependencies{{BuildID: id, Set: b.set}}); err != nil {
			s.t.Fatal(err)
		}
	}
	return id
}

// set interns lines of "NEVRA distance".
func (s *seed) set(lines ...string) depset.Set {
	s.t.Helper()
	var members []depset.Member
	for _, line := range lines {
		nevra, distance, _ := strings.Cut(line, " ")
		d, err := strconv.ParseUint(distance, 10, 8)
		if err != nil {
			s.t.Fatal(err)
		}
		members = append(members, depset.Member{ID: s.intern(nevra), Distance: uint8(d)})
	}
	return depset.NewSet(members)
}

func (s *seed) intern(nevra string) int32 {
	s.t.Helper()
	n, err := rpm.ParseNEVRA(nevra)
	if err != nil {
		s.t.Fatal(err)
	}
	ids, err := s.db.Sets.Intern(s.t.Context(), []rpm.NEVRA{n})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids[0]
}

// resolved stores what the latest repo says of a package.
func (s *seed) resolved(pkg, repo int64, set depset.Set, problems ...string) {
	s.t.Helper()
	var setID *int64
	if set != nil {
		build := s.build(s.carrier, 1, seedBuild{outcome: koschei.OutcomeCanceled, evr: "1-1", set: set})
		id := s.console.Number(`SELECT dependency_set_id FROM build WHERE id = $1`, build)
		setID = &id
	}
	if problems == nil {
		problems = []string{}
	}
	s.console.Exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id, problems, set_hash, set_content)
		SELECT p.id, p.collection_id, $2, $4, s.hash, s.content
		FROM package p
		LEFT JOIN dependency_set s ON s.id = $3
		WHERE p.id = $1`, pkg, repo, setID, problems)
}

func (s *seed) transition(pkg, repo int64, resolved bool, ago time.Duration, problems ...string) {
	s.t.Helper()
	if problems == nil {
		problems = []string{}
	}
	s.console.Exec(`INSERT INTO resolution_change (package_id, repo_id, event, resolved, problems, changed) VALUES ($1, $2, $3, $4, $5, $6)`,
		pkg, repo, 100*repo, resolved, problems, now.Add(-ago))
}

// settle makes what packages say of their builds true.
func (s *seed) settle() {
	s.t.Helper()
	s.console.Exec(`UPDATE package p SET last_build_id = b.id, last_build_started = b.started
		FROM (SELECT DISTINCT ON (package_id) package_id, id, started FROM build
			WHERE NOT untagged AND outcome IN ('running', 'submitting', 'complete', 'failed') ORDER BY package_id, event DESC, id DESC) b
		WHERE b.package_id = p.id`)
	s.console.Exec(`UPDATE package p SET last_complete_build_id = b.id, last_complete_outcome = b.outcome
		FROM (SELECT DISTINCT ON (package_id) package_id, id, outcome FROM build
			WHERE NOT untagged AND outcome IN ('complete', 'failed') ORDER BY package_id, event DESC, id DESC) b
		WHERE b.package_id = p.id`)
}

func buildroot(java, openjdk string) []string {
	return []string{
		"bash-5.3.0-2.fc44.x86_64 0", "coreutils-9.7-1.fc44.x86_64 0", "gcc-15.2.1-2.fc44.x86_64 0", "glibc-2.42.9000-5.fc44.x86_64 0",
		"javapackages-tools-6.4.1-2.fc44.noarch 1", "maven-resolver-1:1.9.24-1.fc44.noarch 2", "xz-libs-5.8.1-2.fc44.x86_64 3",
		"java-devel-" + java + ".x86_64 1", "java-25-openjdk-headless-" + openjdk + ".x86_64 2",
	}
}

// featured are packages that each show something.
func (s *seed) featured() {
	const hour, day = time.Hour, 24 * time.Hour
	before := s.set(append(buildroot("1:25.0.0.0.36-1.fc44", "1:25.0.0.0.36-1.fc44"), "plexus-utils-4.0.2-3.fc44.noarch 1", "xmvn-4.3.0-1.20250801git5e9cc16.fc44.noarch 1")...)
	after := s.set(append(buildroot("1:25.0.1.0.8-2.fc44", "1:25.0.1.0.8-2.fc44"), "xmvn-4.3.0-1.20251101git0a1b2c3.fc44.noarch 1", "plexus-utils4-4.0.2-1.fc44.noarch 1")...)
	maven := s.pkg("f44", "maven", "failing")
	s.build(maven, 515000, seedBuild{outcome: koschei.OutcomeComplete, real: true, ago: 20 * day, evr: "1:3.9.11-1.fc44", set: before})
	s.transition(maven, 5160, false, 15*day, "nothing provides <mvn(org.example:gone)> needed by maven-1:3.9.11-1.fc44.src")
	s.transition(maven, 5164, true, 14*day)
	s.build(maven, 517000, seedBuild{outcome: koschei.OutcomeComplete, ago: 9 * day, evr: "1:3.9.11-1.fc44", set: before})
	s.build(maven, 519000, seedBuild{outcome: koschei.OutcomeInfrastructure, ago: 6 * day, evr: "1:3.9.11-1.fc44", fault: "could not init mock buildroot, mock exited with status 30"})
	failed := s.build(maven, 520700, seedBuild{outcome: koschei.OutcomeFailed, ago: 2 * day, evr: "1:3.9.11-1.fc44", set: after})
	s.console.Exec(`INSERT INTO build_failure (build_id, found, task_id, arch, log, phase, kind, message, error, lines, numbers, total, signature, read)
		VALUES ($1, true, 91042, 'x86_64', 'build.log', '%build', 'java.error', 'cannot find symbol', 1,
			'{[INFO] Compiling 7 files,[ERROR] cannot find symbol: class Gone,error: Bad exit status}', '{1480,1482,1483}', 1501, 'symbol', $2)`, failed, now)
	latest := s.set(append(buildroot("1:25.0.2.0.1-1.fc44", "1:25.0.1.0.8-2.fc44"), "xmvn-4.2.0-1.fc44.noarch 1", "plexus-utils4-4.0.2-1.fc44.noarch 1")...)
	s.resolved(maven, 5209, latest)
	s.console.Exec(`UPDATE package SET manual_priority = 7, static_priority = -30, build_priority = 200,
		hold_reason = 'no builder for aarch64 is free', hold_until = $2 WHERE id = $1`, maven, now.Add(20*time.Minute))
	s.console.Exec(`UPDATE resolution SET dependency_priority = 512 WHERE package_id = $1`, maven)
	s.pkg("f43", "maven", "unknown")

	ripgrep := s.pkg("f44", "rust-ripgrep", "unresolved")
	s.build(ripgrep, 520000, seedBuild{outcome: koschei.OutcomeComplete, ago: 3 * day, evr: "14.1.1-4.fc44", set: before})
	s.resolved(ripgrep, 5210, nil, "nothing provides <crate(regex/default) >= 1.12.0 with crate(regex/default) < 2.0.0~> needed by rust-ripgrep-14.1.1-4.fc44.src")
	s.transition(ripgrep, 5210, false, 18*time.Minute, "nothing provides <crate(regex/default) >= 1.12.0 with crate(regex/default) < 2.0.0~> needed by rust-ripgrep-14.1.1-4.fc44.src")

	gtk := s.pkg("f44", "gtk+", "ok")
	s.build(gtk, 518000, seedBuild{outcome: koschei.OutcomeComplete, ago: 8 * day, evr: "1:1.2.10-99.fc44", set: before})
	s.build(gtk, 521000, seedBuild{outcome: koschei.OutcomeRunning, ago: 10 * time.Minute, evr: "1:1.2.10-99.fc44"})
	s.resolved(gtk, 5209, latest)

	ant := s.pkg("f44", "ant", "ok")
	s.build(ant, 520900, seedBuild{outcome: koschei.OutcomeComplete, ago: 5 * hour, evr: "1.10.15-30.fc44", set: latest})
	s.resolved(ant, 5209, latest)
	s.console.Exec(`UPDATE package SET hold_reason = 'left from before', hold_until = $2 WHERE id = $1`, ant, now.Add(-time.Hour))

	s.console.Exec(`INSERT INTO repo_change (collection_id, repo_id, source, prev, curr) VALUES ($1, 5210, 'java-25-openjdk', $2, $3), ($1, 5210, 'xmvn', $4, $5)`,
		s.collections["f44"],
		[]int32{s.intern("java-devel-1:25.0.1.0.8-2.fc44.x86_64")}, []int32{s.intern("java-devel-1:25.0.2.0.1-1.fc44.x86_64")},
		[]int32{s.intern("xmvn-4.3.0-1.20251101git0a1b2c3.fc44.noarch"), 0},
		[]int32{s.intern("xmvn-4.2.0-1.fc44.noarch"), s.intern("xmvn-api-4.2.0-1.fc44.noarch")})

	s.pkg("f44", "untracked-thing", "untracked")
	s.pkg("f44", "blocked-thing", "blocked")
	s.pkg("f44", "newcomer", "unknown")
}

// filler makes package number i, in one or two collections.
func (s *seed) filler(i int) {
	name := fmt.Sprintf("%s-%03d", []string{"perl", "python", "lib", "golang", "texlive"}[i%5], i)
	for _, collection := range []string{"f44", "f43"} {
		if collection == "f43" && i%3 == 0 {
			continue
		}
		p := s.pkg(collection, name, "ok")
		outcome := koschei.OutcomeComplete
		if i%17 == 3 {
			outcome = koschei.OutcomeFailed
		}
		s.build(p, 515000+int64(i), seedBuild{outcome: outcome, ago: time.Duration(30+i) * time.Hour, evr: fmt.Sprintf("%d.%d-1.fc44", i/10, i%10)})
	}
}

// touchesOfAnt are ways in which others change what the page of ant in f44 shows.
func touchesOfAnt(t *testing.T, cfg *pgxpool.Config) map[string]func() {
	t.Helper()
	console := pgtest.NewConsole(t, cfg)
	ant := console.Number(`SELECT p.id FROM package p JOIN collection c ON c.id = p.collection_id WHERE p.name = 'ant' AND c.name = 'f44'`)
	touches := map[string]func(){}
	for what, sql := range map[string]string{
		"a package": `UPDATE package SET static_priority = static_priority + 17 WHERE id = $1`,
		"a build":   `UPDATE build SET fault = fault || 'x' WHERE package_id = $1`,
		"a task":    `UPDATE build_task t SET arch = t.arch || 'x' FROM build b WHERE b.id = t.build_id AND b.package_id = $1`,
	} {
		touches[what] = func() { console.Exec(sql, ant) }
	}
	return touches
}

// joinGroup makes a package a member of the first group.
func joinGroup(t *testing.T, cfg *pgxpool.Config, name string) {
	t.Helper()
	pgtest.NewConsole(t, cfg).Exec(`INSERT INTO package_group_member SELECT 1, id FROM base_package WHERE name = $1`, name)
}

// benchConfig returns how to connect to the scale record, or, where there is none,
// to that of the tests.
func benchConfig(b *testing.B) *pgxpool.Config {
	b.Helper()
	if os.Getenv("KOSCHEI_SCALE") != "" {
		return pgtest.Scale(b)
	}
	return seededConfig(b)
}
