package record_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A wakeWorld has a package with a complete build and a running one, whose
// verdict is known, and a connection that hears who is woken.
type wakeWorld struct {
	*world
	contended
	ear *pgxpool.Conn
}

func newWakeWorld(t *testing.T) *wakeWorld {
	t.Helper()
	w := &wakeWorld{world: newWorld(t)}
	w.name = "foo"
	w.id = w.Package("foo")
	w.complete = w.Build(w.id, "complete")
	w.BuiltWith(w.complete, pgtest.NEVRA("glibc", "1"))
	w.running = w.Build(w.id, "running")
	w.Exec(`UPDATE build SET repo_id = NULL WHERE id = $1`, w.running)
	w.Exec(`UPDATE package SET resolved_build_id = last_complete_build_id`)
	conn, err := w.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	w.ear = conn
	for _, service := range []string{"polling", "repo-resolver", "build-resolver", "scheduler"} {
		if _, err := conn.Exec(t.Context(), `LISTEN "koschei `+service+`"`); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// woken returns who was woken so far, for which collections.
func (w *wakeWorld) woken() []string {
	w.t.Helper()
	const end = "end"
	w.Exec(`SELECT pg_notify('koschei polling', $1)`, end)
	heard := []string{}
	for {
		n, err := w.ear.Conn().WaitForNotification(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if n.Payload == end {
			slices.Sort(heard)
			return heard
		}
		heard = append(heard, strings.TrimSpace(strings.TrimPrefix(n.Channel, "koschei ")+" "+n.Payload))
	}
}

// TestWakes tells who is woken by what, f43 being collection 1.
func TestWakes(t *testing.T) {
	t.Parallel()
	dry := someone
	dry.DryRun = true
	f44 := koschei.Collection{
		Name: "f44", DisplayName: "Fedora 44", Order: 1, Target: "f44", DestTag: "f44", BuildTag: "f44-build",
		BuildGroup: "build", PriorityCoefficient: 1, Weight: 1,
	}
	tests := []struct {
		name string
		do   func(w *wakeWorld) error
		want []string
	}{
		{"create a collection", func(w *wakeWorld) error {
			_, err := w.DB.CreateCollection(w.t.Context(), someone, &f44)
			return err
		}, []string{"polling 2", "repo-resolver 2"}},
		{"only try to", func(w *wakeWorld) error {
			_, err := w.DB.CreateCollection(w.t.Context(), dry, &f44)
			return err
		}, nil},
		{"edit a collection", func(w *wakeWorld) error {
			_, err := w.DB.EditCollection(w.t.Context(), someone, "f43", func(c *koschei.Collection) error { c.Weight = 2; return nil })
			return err
		}, []string{"polling 1", "repo-resolver 1", "scheduler 1"}},
		{"set a priority", func(w *wakeWorld) error {
			_, err := w.DB.SetPriority(w.t.Context(), someone, "f43", []string{"foo"}, edit.ManualPriority, 500)
			return err
		}, []string{"repo-resolver 1", "scheduler 1"}},
		{"import priorities", func(w *wakeWorld) error {
			_, err := w.DB.ApplySettings(w.t.Context(), someone, &schema.Settings{
				Priorities: []schema.PrioritySettings{{Collection: "f43", Package: "foo", Static: 5}},
			})
			return err
		}, []string{"scheduler"}},
		{"unblock", func(w *wakeWorld) error {
			w.Exec(`UPDATE package SET blocked = true`)
			_, err := w.DB.SavePackageList(w.t.Context(), w.Collection, record.PackageListing{Names: []string{"foo"}, Blocked: []bool{false}}, testTime)
			return err
		}, []string{"repo-resolver 1", "scheduler 1"}},
		{"list packages that are all known", func(w *wakeWorld) error {
			_, err := w.DB.SavePackageList(w.t.Context(), w.Collection, record.PackageListing{Names: []string{"foo"}, Blocked: []bool{false}}, testTime)
			return err
		}, nil},
		{"schedule in a repo", func(w *wakeWorld) error { return schedule(w, 5) }, []string{"build-resolver 1"}},
		{"schedule in any repo", func(w *wakeWorld) error { return schedule(w, 0) }, nil},
		{"hear of a build's repo", func(w *wakeWorld) error { return heard(w, "running", 5) }, []string{"build-resolver 1"}},
		{"hear nothing new", func(w *wakeWorld) error { return heard(w, "running", 0) }, nil},
		{
			"hear of a build's end", func(w *wakeWorld) error { return heard(w, "failed", 5) },
			[]string{"build-resolver 1", "repo-resolver 1", "scheduler 1"},
		},
		{"cancel", func(w *wakeWorld) error {
			_, err := w.DB.RequestCancel(w.t.Context(), someone, w.running)
			return err
		}, []string{"scheduler"}},
		{"real build", func(w *wakeWorld) error { return addReal(w.world, w.contended) }, []string{"build-resolver 1", "repo-resolver 1"}},
		{"real build again", func(w *wakeWorld) error {
			if err := addReal(w.world, w.contended); err != nil {
				return err
			}
			w.woken()
			return addReal(w.world, w.contended)
		}, nil},
		{"retag", func(w *wakeWorld) error {
			_, err := w.DB.Tags.SaveTagged(w.t.Context(), &koschei.Collection{ID: w.Collection}, koschei.Primary, nil, nil, 1000, testTime)
			return err
		}, []string{"repo-resolver 1"}},
		{"learn what sources say", func(w *wakeWorld) error {
			return w.DB.Sources.SaveSRPMs(w.t.Context(), []record.SRPM{{Source: record.Source{Hub: koschei.Primary, Name: "foo", Version: "1", Release: "1"}}})
		}, []string{"build-resolver", "repo-resolver"}},
		{"resolve", func(w *wakeWorld) error { return storeVerdict(w.world, w.contended) }, []string{"scheduler 1"}},
		{"a repo was resolved", func(w *wakeWorld) error {
			return w.Fenced.StoreRepo(w.t.Context(), &record.RepoReport{Repo: koschei.Repo{
				CollectionID: 1, RepoID: 9, CreateEvent: 9, Created: testTime, Solved: testTime, Resolved: koschei.Resolved,
			}})
		}, []string{"scheduler 1"}},
		{"resolve a build", func(w *wakeWorld) error {
			w.Exec(`UPDATE build SET deps = 'pending', dependency_set_id = NULL WHERE id = $1`, w.complete)
			return w.Fenced.SaveBuildsUnavailable(w.t.Context(), []int64{w.complete})
		}, []string{"repo-resolver 1"}},
		{"resolve a running build", func(w *wakeWorld) error {
			return w.Fenced.SaveBuildsUnavailable(w.t.Context(), []int64{w.running})
		}, nil},
		{"hold", func(w *wakeWorld) error {
			return w.Fenced.HoldPackage(w.t.Context(), w.id, record.Hold{Kind: record.HoldLoad, Reason: "busy", Until: testTime.Add(time.Hour)})
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWakeWorld(t)
			if err := test.do(w); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{}, test.want...), w.woken()); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
		})
	}
}

func schedule(w *wakeWorld, repo int64) error {
	w.Exec(fmt.Sprintf(`UPDATE build SET outcome = 'canceled', finished = started WHERE id = %d`, w.running))
	_, err := w.DB.BeginSubmission(w.t.Context(), record.Submission{
		PackageID: w.id, EVR: rpm.EVR{Version: "1", Release: "1"}, Event: 500, RepoID: repo, Now: testTime,
	})
	return err
}

func heard(w *wakeWorld, outcome koschei.Outcome, repo int64) error {
	r := record.BuildReport{BuildID: w.running, Outcome: outcome, RepoID: repo}
	if outcome.Ended() {
		r.Finished = testTime.Add(time.Hour)
	}
	_, err := w.DB.SaveBuildReport(w.t.Context(), r, koschei.DefaultPriorityRules(), testTime)
	return err
}
