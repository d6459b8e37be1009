package edit_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/schema"
)

// attempted is when everything is tried.
var attempted = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// actors are all kinds of them. The user claims to maintain groups, of which the
// record knows nothing; that mary maintains one only the record says.
var actors = map[string]koschei.Actor{
	"nobody":     {From: koschei.FromFrontend},
	"user":       {Name: "ann", From: koschei.FromFrontend, Groups: []string{"minimal", "mary/own", "global", "mary/new"}},
	"maintainer": {Name: "mary", From: koschei.FromFrontend},
	"admin":      {Name: "root", From: koschei.FromAdmin, Admin: true},
}

// A doing is what somebody does with an Editor; it says what changed.
type doing func(*edit.Editor, audit.Act) ([]string, error)

// An attempt is what somebody tries to do.
type attempt struct {
	method string // of Editor
	what   string
	may    []string // kinds of actors
	do     doing
}

var (
	admins      = []string{"admin"}
	maintainers = []string{"admin", "maintainer"}
	own         = []string{"admin", "user"}
	users       = []string{"admin", "maintainer", "user"}
)

// attempts are about a world with the collection f43, which has the package foo,
// whose running build is given, a delivery that sink bus has given up, and the groups minimal, which mary maintains,
// and ann/own.
func attempts(ctx context.Context, build, delivery int64) []attempt {
	foo := []string{"foo"}
	return slices.Concat(collectionAttempts(ctx), groupAttempts(ctx), subscriptionAttempts(ctx), tokenAttempts(ctx), []attempt{
		{"TrackPackages", "all", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.TrackPackages(ctx, act, "f43", nil, true)
		}},
		{"SetArchOverride", "", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.SetArchOverride(ctx, act, "f43", foo, "x86_64")
		}},
		{"SetPriority", "manual", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.SetPriority(ctx, act, "f43", foo, edit.ManualPriority, 7)
		}},
		{"SetPriority", "static", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.SetPriority(ctx, act, "f43", foo, edit.StaticPriority, 7)
		}},
		{"RetryPackages", "", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.RetryPackages(ctx, act, "f43", foo, edit.Turn{Rules: koschei.DefaultPriorityRules()})
		}},
		{"RetryPackages", "first", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.RetryPackages(ctx, act, "f43", foo, edit.Turn{Rules: koschei.DefaultPriorityRules(), First: true})
		}},
		{"UntrackPackages", "", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.UntrackPackages(ctx, act, "f43", foo)
		}},
		{"SkipResolution", "", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.SkipResolution(ctx, act, "f43", foo, true)
		}},
		{"EditPackage", "manual priority", users, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			seven := 7
			return ed.EditPackage(ctx, act, edit.PackageEdit{Collection: "f43", Name: "foo", ManualPriority: &seven})
		}},
		{"EditPackage", "static priority", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			seven, tracked := 7, false
			return ed.EditPackage(ctx, act, edit.PackageEdit{Collection: "f43", Name: "foo", StaticPriority: &seven, Tracked: &tracked})
		}},
		{"RequestCancel", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.RequestCancel(ctx, act, build)
		}},
		{"AcceptNews", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.AcceptNews(ctx, act, "f43")
		}},
		{"RetryPinning", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.RetryPinning(ctx, act)
		}},
		{"SetNotice", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.SetNotice(ctx, act, "an outage")
		}},
		{"Resend", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Resend(ctx, act, []int64{delivery})
		}},
		{"ResendDead", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.ResendDead(ctx, act, "bus")
		}},
		{"ForgetSink", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.ForgetSink(ctx, act, "bus")
		}},
		{"SetAdmin", "of oneself", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.SetAdmin(ctx, act, "ann", true)
		}},
		{"EndSessions", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.EndSessions(ctx, act, "ann")
		}},
		{"ApplySettings", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.ApplySettings(ctx, act, &schema.Settings{Groups: []schema.GroupSettings{{FullName: "ann/own"}}})
		}},
		{"TakeOver", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.TakeOver(ctx, act, &edit.Takeover{Notice: "an outage"})
		}},
		{"Note", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return []string{"noted"}, ed.Note(ctx, act, "f43", "foo", "built by hand")
		}},
	})
}

// everybody is also who has not signed in.
var everybody = []string{"admin", "maintainer", "nobody", "user"}

// subscriptionAttempts are about ann's subscription to package foo, the first there
// is, and her mail, which was refused.
func subscriptionAttempts(ctx context.Context) []attempt {
	follow := func(sink string) doing {
		return func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.Subscribe(ctx, act, koschei.Subscription{
				User: "ann", Sink: sink, Scope: koschei.ScopeCollection, Name: "f43", Tell: koschei.TellAll, Pace: koschei.Daily,
			})
		}
	}
	return []attempt{
		{"Subscribe", "ann to mail", own, follow("mail")},
		{"Subscribe", "ann to something else", admins, follow("webhook chat")},
		{"Unsubscribe", "ann", own, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.Unsubscribe(ctx, act, "ann", 1)
		}},
		{"UnsubscribeByToken", "", everybody, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.UnsubscribeByToken(ctx, act, annsToken)
		}},
		{"Silence", "for ann", own, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.Silence(ctx, act, koschei.Silence{User: "ann", What: koschei.SilencePackage, Name: "foo", Until: attempted.Add(time.Hour)})
		}},
		{"SetAddress", "of ann", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.SetAddress(ctx, act, "ann", "ann@example.org")
		}},
		{"EnableMail", "to ann", own, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.EnableMail(ctx, act, "ann")
		}},
		{"SetHook", "of ann", own, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.SetHook(ctx, act, "ann", "https://other.example.org/")
		}},
		{"RotateHook", "of ann", own, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.RotateHook(ctx, act, "ann")
		}},
	}
}

// annsToken is that of ann's subscription.
const annsToken = "who knows it may end it"

func collectionAttempts(ctx context.Context) []attempt {
	f44 := koschei.Collection{Name: "f44", DisplayName: "Fedora 44", Target: "f44", DestTag: "f44", BuildTag: "f44-build", BuildGroup: "build", Weight: 1}
	return []attempt{
		{"CreateCollection", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			c := f44
			return ed.CreateCollection(ctx, act, &c)
		}},
		{"EditCollection", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.EditCollection(ctx, act, "f43", func(c *koschei.Collection) error { c.Order = 7; return nil })
		}},
		{"BranchCollection", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.BranchCollection(ctx, act, edit.Branch{
				Master: "f43", NewName: "f44", Target: "f44", DestTag: "f44", BuildTag: "f44-build", DisplayName: "Fedora 43",
			})
		}},
		{"ForkCollection", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.ForkCollection(ctx, act, "f43", f44)
		}},
		{"DeleteCollection", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.DeleteCollection(ctx, act, "f43", true)
		}},
		{"CreateCollectionGroup", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.CreateCollectionGroup(ctx, act, edit.CollectionGroupEdit{Name: "epel", DisplayName: "EPEL"})
		}},
		{"EditCollectionGroup", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.EditCollectionGroup(ctx, act, edit.CollectionGroupEdit{Name: "fedora", DisplayName: "Fedora Linux"})
		}},
		{"DeleteCollectionGroup", "", admins, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.DeleteCollectionGroup(ctx, act, "fedora")
		}},
	}
}

func groupAttempts(ctx context.Context) []attempt {
	create := func(name string) doing {
		return func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.CreateGroup(ctx, act, name, []string{"foo"}, nil)
		}
	}
	empty := func(name string) doing {
		return func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.EditGroup(ctx, act, name, edit.GroupEdit{Packages: &[]string{}})
		}
	}
	rename := func(name, to string) doing {
		return func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.EditGroup(ctx, act, name, edit.GroupEdit{FullName: &to})
		}
	}
	remove := func(name string) doing {
		return func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.DeleteGroup(ctx, act, name, nil)
		}
	}
	return []attempt{
		{"CreateGroup", "without a namespace", admins, create("global")},
		{"CreateGroup", "in ann's namespace", own, create("ann/new")},
		{"CreateGroup", "in mary's namespace", maintainers, create("mary/new")},
		{"EditGroup", "that mary maintains", maintainers, empty("minimal")},
		{"EditGroup", "of ann", own, empty("ann/own")},
		{"EditGroup", "to another name", maintainers, rename("minimal", "small")},
		{"EditGroup", "to the own namespace", maintainers, rename("minimal", "mary/own")},
		{"EditGroup", "to somebody's namespace", admins, rename("minimal", "ann/small")},
		{"EditGroup", "to another of ann's names", own, rename("ann/own", "ann/new")},
		{"EditGroup", "to no namespace", admins, rename("ann/own", "global")},
		{"DeleteGroup", "that mary maintains", maintainers, remove("minimal")},
		{"Undo", "of who made foo a member of minimal", maintainers, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Undo(ctx, act, 3)
		}},
		{"DeleteGroup", "of ann", own, remove("ann/own")},
	}
}

// Who may not do something is refused and changes nothing, whoever may can.
func TestRights(t *testing.T) {
	t.Parallel()
	db, build, delivery := worldToEdit(t)
	before := logged(t, db)
	for _, a := range attempts(t.Context(), build, delivery) {
		for kind, actor := range actors {
			may := slices.Contains(a.may, kind)
			// What is allowed is taken back, so that all find the same world; what is not is tried in earnest.
			said, err := a.do(db.Editor, audit.Act{Actor: actor, Now: attempted, DryRun: may})
			switch {
			case may && (err != nil || len(said) == 0):
				t.Errorf("%s %s by %s: %q, %v, want a change and no error", a.method, a.what, kind, said, err)
			case !may && !errors.Is(err, koschei.ErrForbidden):
				t.Errorf("%s %s by %s: %v, want that it is not allowed", a.method, a.what, kind, err)
			}
		}
	}
	if after := logged(t, db); after != before {
		t.Errorf("the audit log has %d entries, want %d: nobody changed anything", after, before)
	}
}

// Who may not do something does not learn either what else would be wrong with it.
func TestRightsComeFirst(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for what, do := range map[string]func(audit.Act) ([]string, error){
		"a collection without anything": func(act audit.Act) ([]string, error) {
			return db.CreateCollection(t.Context(), act, &koschei.Collection{})
		},
		"a collection group without a name": func(act audit.Act) ([]string, error) {
			return db.CreateCollectionGroup(t.Context(), act, edit.CollectionGroupEdit{})
		},
		"a package that is not there": func(act audit.Act) ([]string, error) {
			return db.RetryPackages(t.Context(), act, "f43", []string{"foo"}, edit.Turn{})
		},
		"a build that is not there": func(act audit.Act) ([]string, error) {
			return db.RequestCancel(t.Context(), act, 1)
		},
	} {
		if _, err := do(audit.Act{Actor: actors["nobody"], Now: attempted}); !errors.Is(err, koschei.ErrForbidden) {
			t.Errorf("%s: %v, want that it is not allowed", what, err)
		}
		if _, err := do(audit.Act{Actor: actors["admin"], Now: attempted}); err == nil || errors.Is(err, koschei.ErrForbidden) {
			t.Errorf("%s, by an administrator: %v, want what is wrong", what, err)
		}
	}
}

// A method that no attempt is about would be checked by nobody.
func TestEveryMethodHasRights(t *testing.T) {
	t.Parallel()
	var tried []string
	for _, a := range attempts(t.Context(), 0, 0) {
		tried = append(tried, a.method)
	}
	slices.Sort(tried)
	var methods []string
	for _, of := range []reflect.Type{reflect.TypeFor[*edit.Editor](), reflect.TypeFor[*edit.Accounts]()} {
		for m := range of.Methods() {
			methods = append(methods, m.Name)
		}
	}
	slices.Sort(methods)
	if tried = slices.Compact(tried); !slices.Equal(methods, tried) {
		t.Errorf("Editor has the methods\n%v, but rights are tried of\n%v", methods, tried)
	}
}

// worldToEdit returns what attempts are about, with the running build in it and a
// delivery that was given up.
func worldToEdit(t *testing.T) (db *pgtest.DB, build, delivery int64) {
	t.Helper()
	w := pgtest.NewWorld(t)
	w.Collection("f43")
	w.Package("f43", "foo")
	w.Package("f43", "bar", pgtest.Tracked(false))
	build = w.Build("foo", attempted, pgtest.Task(1))
	delivery = w.DeadDelivery("bus", "no such topic")
	w.Doubted("f43")
	w.Subscription("ann", "foo", annsToken)
	w.MailRefused("ann")
	w.Hook("ann", "https://hooks.example.org/", "whsec_secret")
	db = w.Open()
	sessions := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	if _, err := sessions.Begin(t.Context(), session.Login{User: "ann", Way: session.OIDC}, attempted); err != nil {
		t.Fatal(err)
	}
	operator := audit.Act{Actor: actors["admin"], Now: attempted}
	_, _, err := db.Accounts.CreateToken(t.Context(), operator, annsTokenFor("old", koschei.TokenRead))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		second(db.CreateGroup(t.Context(), operator, "minimal", []string{"foo"}, []string{"mary"})),
		second(db.CreateGroup(t.Context(), operator, "ann/own", []string{"foo"}, nil)),
		second(db.CreateCollectionGroup(t.Context(), operator, edit.CollectionGroupEdit{Name: "fedora", DisplayName: "Fedora"})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return db, build, delivery
}

func second(_ []string, err error) error { return err }

// logged is how many entries the audit log has.
func logged(t *testing.T, db *pgtest.DB) int {
	t.Helper()
	entries, err := db.People.Audit(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
