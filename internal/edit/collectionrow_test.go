package edit_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
)

// TestEveryCollectionSetting changes every field of a collection that operators
// decide: all of them are stored and audited.
func TestEveryCollectionSetting(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	var want koschei.Collection
	settings := 0
	messages, err := e.EditCollection(t.Context(), e.author, "f27", func(c *koschei.Collection) error {
		v := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name == "ID" || strings.HasPrefix(name, "LatestRepo") {
				continue
			}
			settings++
			switch f := v.Field(i); f.Kind() {
			case reflect.Bool:
				f.SetBool(!f.Bool())
			case reflect.String:
				f.SetString(f.String() + "x")
			case reflect.Float64:
				f.SetFloat(f.Float() + 1)
			default:
				f.SetInt(f.Int() + 1)
			}
		}
		want = *c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != settings {
		t.Errorf("%d settings were changed, and the audit log tells of %d: %q", settings, len(messages), messages)
	}
	got, err := e.View.Collection(t.Context(), want.Name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	want.Name, want.ID = "copy", 0
	if _, err := e.CreateCollection(t.Context(), e.author, &want); err != nil {
		t.Fatal(err)
	}
	got, err = e.View.Collection(t.Context(), want.Name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
}

// TestAnotherHub puts a collection into secondary mode. Events of the hub that
// it was read from before are greater, which says nothing.
func TestAnotherHub(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	repo := koschei.Repo{CollectionID: w.Collection, RepoID: 1, CreateEvent: 1_000_000, Created: pgtest.SampleTime(), Resolved: koschei.Resolved, Solved: pgtest.SampleTime()}
	if err := w.Fenced.StoreRepo(t.Context(), &record.RepoReport{Repo: repo}); err != nil {
		t.Fatal(err)
	}
	_, err := w.DB.EditCollection(t.Context(), someone(), "f43", func(c *koschei.Collection) error {
		c.SecondaryMode = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	repo.RepoID, repo.CreateEvent = 9, 500
	if err := w.Fenced.StoreRepo(t.Context(), &record.RepoReport{Repo: repo}); err != nil {
		t.Fatal(err)
	}
	c, err := w.DB.View.Collection(t.Context(), "f43")
	if err != nil {
		t.Fatal(err)
	}
	if c.LatestRepoID != 9 {
		t.Errorf("repo 9 of the new hub was stored, the latest is still %d", c.LatestRepoID)
	}
	fresh, err := w.DB.Freshness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f := fresh[w.Collection]; f.Newest.RepoID != 9 || f.Verdicts.RepoID != 9 {
		t.Errorf("the newest repo is %d, verdicts are about %d; want 9", f.Newest.RepoID, f.Verdicts.RepoID)
	}
}
