package upstream_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// decided is what people decided, in the original's tables.
const decided = `
	INSERT INTO "user" (name, admin) VALUES ('someuser', false), ('boss', true);
	INSERT INTO collection (name, display_name, target, dest_tag, build_tag, bugzilla_product, bugzilla_version, build_group, "order")
		VALUES ('f28', 'Rawhide', 'f28', 'f28', 'f28-build', 'Fedora', 'rawhide', NULL, 101),
			('f27', 'Fedora 27', 'f27', 'f27', 'f27-build', NULL, NULL, 'build', 100);
	INSERT INTO collection_group (name, display_name) VALUES ('fedora', 'Fedora');
	INSERT INTO collection_group_relation VALUES (1, 1), (1, 2);
	INSERT INTO base_package (name) VALUES ('bar'), ('foo'), ('gone');
	INSERT INTO package (base_id, collection_id, name, tracked, static_priority, arch_override) VALUES
		(1, 1, 'bar', true, 0, '^s390x'), (2, 1, 'foo', true, 100, NULL), (2, 2, 'foo', false, 0, NULL);
	INSERT INTO package (base_id, collection_id, name, skip_resolution, tracked) VALUES (1, 2, 'bar', true, true);
	INSERT INTO package_group (namespace, name) VALUES (NULL, 'critpath'), ('someuser', 'mine');
	INSERT INTO package_group_relation VALUES (1, 2), (1, 3), (2, 1);
	INSERT INTO group_acl VALUES (2, 1);
	INSERT INTO admin_notice VALUES ('global_notice', 'outage');`

func TestTakeOver(t *testing.T) {
	t.Parallel()
	old := pgtest.Empty(t)
	console := pgtest.NewConsole(t, old)
	console.Exec(schema(t))
	console.Exec(decided)
	original, err := upstream.Open(t.Context(), addressOf(t, old), "")
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close(t.Context())
	taken, err := original.Decided(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	cfg := pgtest.Database(t)
	db, record := pgtest.Open(t, cfg), pgtest.NewConsole(t, cfg)
	author := audit.Act{
		Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	author.DryRun = true
	if changes, err := db.TakeOver(t.Context(), author, taken); err != nil || len(changes) == 0 {
		t.Fatalf("dry run: %q, %v", changes, err)
	}
	if n := record.Number(`SELECT (SELECT count(*) FROM collection) + (SELECT count(*) FROM users) + (SELECT count(*) FROM audit)`); n != 0 {
		t.Errorf("a dry run left %d rows", n)
	}
	author.DryRun = false
	for range 2 { // what was begun can be begun again
		if _, err := db.TakeOver(t.Context(), author, taken); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"collection f27 Fedora 27 f27-build build / 100",
			"collection f28 Rawhide f28-build build Fedora/rawhide 101",
			"group critpath: foo,gone by ",
			"group someuser/mine: bar by someuser",
			"notice outage",
			"package f27/bar unknown skip=true 0 ",
			"package f27/foo untracked skip=false 0 ",
			"package f28/bar unknown skip=false 0 ^s390x",
			"package f28/foo unknown skip=false 100 ",
			"together f27", "together f28",
			"user boss admin=true", "user someuser admin=false",
		}
		if diff := cmp.Diff(want, record.Lines(seen)); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	}
	if changes, err := db.TakeOver(t.Context(), author, taken); err != nil || len(changes) > 0 {
		t.Errorf("the second time changes %q, %v", changes, err)
	}
	if n := record.Number(`SELECT (SELECT count(*) FROM event WHERE kind IN ('package state', 'collection state')) + (SELECT count(*) FROM state_change)`); n != 0 {
		t.Errorf("%d changes of states were told", n)
	}
}

// TestOpen tells databases apart that cannot be taken over.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, sql, zone, want string }{
		{"foreign", `CREATE TABLE build (id integer)`, "", `is not one of the original Koschei: it has no table "admin_notice"`},
		{
			"older", schema(t) + `ALTER TABLE build DROP COLUMN untagged`, "",
			`is of another version of the original Koschei: table "build" has no column "untagged"; upgrade the original first`,
		},
		{"zone", schema(t), "Middle/Earth", `time zone "Middle/Earth": time zone "Middle/Earth" not recognized`},
	} {
		old := pgtest.Empty(t)
		pgtest.NewConsole(t, old).Exec(test.sql)
		_, err := upstream.Open(t.Context(), addressOf(t, old), test.zone)
		var unfit *upstream.Unfit
		if !errors.As(err, &unfit) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

func schema(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/original.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func addressOf(t *testing.T, cfg *pgxpool.Config) string {
	t.Helper()
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s", cfg.ConnConfig.Database, pgtest.SocketDir(t), cfg.ConnConfig.User)
}

// seen describes a record, a line for each thing taken over.
const seen = `
	SELECT line FROM (
		SELECT concat('collection ', name, ' ', display_name, ' ', build_tag, ' ', build_group, ' ',
			bugzilla_product, '/', bugzilla_version, ' ', "order") FROM collection
		UNION ALL SELECT concat('package ', c.name, '/', p.name, ' ', p.state, ' skip=', p.skip_resolution::text, ' ',
			p.static_priority, ' ', p.arch_override) FROM package p JOIN collection c ON c.id = p.collection_id
		UNION ALL SELECT concat('user ', name, ' admin=', admin::text) FROM users
		UNION ALL SELECT concat('notice ', content) FROM notice
		UNION ALL SELECT concat('together ', c.name) FROM collection_group_member m JOIN collection c ON c.id = m.collection_id
		UNION ALL SELECT concat('group ', CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END, g.name, ': ',
			(SELECT string_agg(b.name, ',' ORDER BY b.name) FROM package_group_member m JOIN base_package b ON b.id = m.base_id
				WHERE m.group_id = g.id), ' by ',
			(SELECT string_agg(u.name, ',' ORDER BY u.name) FROM package_group_maintainer m JOIN users u ON u.id = m.user_id
				WHERE m.group_id = g.id)) FROM package_group g
	) AS lines (line)
	ORDER BY line COLLATE "C"`
