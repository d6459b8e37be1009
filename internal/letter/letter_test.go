package letter_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/letter"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// letters are all kinds of them, by the names of their files in testdata.
func letters() map[string]*koschei.Letter {
	follows := koschei.Subscription{
		User: "alice", Scope: koschei.ScopeGroup, Name: "kettle-sig", Pace: koschei.AtOnce, Token: "TOKEN",
	}
	change := func(pkg string, before, after koschei.State) koschei.LetterChange {
		return koschei.LetterChange{Collection: "f99", CollectionName: "Fedora 99", Package: pkg, Before: before, After: after, At: noon}
	}
	failing := change("teapot", koschei.StateOK, koschei.StateFailing)
	failing.Build = koschei.LetterBuild{ID: 4711, EVR: "2.0-1.fc99", Changes: []string{
		"libcup 3.1-1.fc99 -> 4.0-1.fc99", "gcc 99.0.1-0.3.20261120git0123456789abcdef.fc99 -> 99.0.1-0.4.20261122git0123456789abcdef.fc99", "kettle 1-1.fc99 is new",
	}, More: 12}
	const missing = "nothing provides libcup.so.3()(64bit)"
	unresolved := change("teapot", koschei.StateOK, koschei.StateUnresolved)
	unresolved.Problems = []string{missing + " needed by teapot-devel-2.0-1.fc99.x86_64", "package <with> & \"everything\" that is not text"}
	buildroot := change("", koschei.StateOK, koschei.StateUnresolved)
	buildroot.Problems = []string{missing}
	var many []koschei.LetterChange
	for i := range 105 {
		c := change(fmt.Sprintf("package-%03d", i), koschei.StateOK, koschei.StateUnresolved)
		c.Problems = []string{missing}
		many = append(many, c)
	}
	return map[string]*koschei.Letter{
		"failing":    {Subscription: follows, Changes: []koschei.LetterChange{failing}},
		"unresolved": {Subscription: follows, Changes: []koschei.LetterChange{unresolved}},
		"mended":     {Subscription: follows, Changes: []koschei.LetterChange{change("teapot", koschei.StateUnresolved, koschei.StateOK)}},
		"buildroot":  {Subscription: follows, Changes: []koschei.LetterChange{buildroot}},
		"cause":      {Subscription: follows, Cause: missing, Changes: many},
		"digest": {Subscription: follows, Changes: []koschei.LetterChange{
			failing, change("kettle", koschei.StateFailing, koschei.StateOK), change("cup", koschei.StateOK, koschei.StateIgnored),
		}},
	}
}

// Letters read as those in testdata do, with KOSCHEI_UPDATE=1 they are written
// anew. KOSCHEI_LETTERS names a directory that gets the pages of HTML, to be
// looked at.
func TestWrite(t *testing.T) {
	t.Parallel()
	w, err := letter.NewWriter(&url.URL{Scheme: "https", Host: "koschei.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range letters() {
		got, err := w.Write(l)
		if err != nil {
			t.Fatal(err)
		}
		text := "Subject: " + got.Subject + "\n\n" + string(got.Text)
		file := filepath.Join("testdata", name+".txt")
		if os.Getenv("KOSCHEI_UPDATE") != "" {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for line := range strings.Lines(string(got.Text)) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 72 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s has a line of %d columns: %s", name, n, line)
			}
		}
		for _, want := range []string{l.Subscription.Token, "package &lt;with&gt;"} {
			if has := strings.Contains(string(got.HTML), want); !has && (name == "unresolved" || want == l.Subscription.Token) {
				t.Errorf("the page of %s has no %s", name, want)
			}
		}
		if dir := os.Getenv("KOSCHEI_LETTERS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".html"), got.HTML, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// waits returns changes of packages that wait to be told to alice.
func waits(n int, s koschei.Subscription) (all []koschei.Awaited) {
	for i := range n {
		all = append(all, koschei.Awaited{
			Subscription: s, Due: true,
			Event: koschei.Event{ID: int64(i + 1), Kind: koschei.EventPackageState, Collection: "f99", Package: fmt.Sprintf("p%d", i), Before: "ok", After: "failing"},
		})
	}
	return all
}

// Nobody gets letter after letter: what has nothing in common is one letter where
// it is much, and so is what comes after many letters in an hour.
func TestNotTooMany(t *testing.T) {
	t.Parallel()
	apart := koschei.Subscription{ID: 7, User: "alice", Tell: koschei.TellAll, Pace: koschei.AtOnce}
	together := apart
	together.Together = true
	for _, tt := range []struct {
		s            koschei.Subscription
		n, lately    int
		wantLetters  int
		wantInLetter int // in the first
	}{
		{together, 5, 0, 5, 1},
		{together, 6, 0, 1, 6},
		{apart, 20, 0, 20, 1},
		{apart, 21, 0, 1, 21},
		{apart, 3, 18, 1, 3},
		{apart, 1, 50, 1, 1},
	} {
		letters, untold := letter.Compose(waits(tt.n, tt.s), tt.lately)
		if len(letters) != tt.wantLetters || len(letters[0].Events) != tt.wantInLetter || untold != nil {
			t.Errorf("%d changes after %d letters: %d letters, %d untold; want %d with %d changes in the first",
				tt.n, tt.lately, len(letters), len(untold), tt.wantLetters, tt.wantInLetter)
		}
	}
}
