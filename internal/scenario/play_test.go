package scenario_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/scheduler"
)

// ownStories is where the stories are.
const ownStories = "testdata/stories"

// storyDirs are the directories with stories: ours, and those that STORIES names,
// separated by colons.
func storyDirs() []string {
	return append([]string{ownStories}, filepath.SplitList(os.Getenv("STORIES"))...)
}

// stories are all of them, by file name.
func stories(t *testing.T) []*story {
	t.Helper()
	var files []string
	for _, dir := range storyDirs() {
		found, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%d stories in %s (%v)", len(found), dir, err)
		}
		files = append(files, found...)
	}
	var all []*story
	for _, file := range files {
		s, err := readStory(file)
		if err != nil {
			t.Error(err)
			continue
		}
		all = append(all, s)
	}
	return all
}

func TestStories(t *testing.T) {
	t.Parallel()
	for _, s := range stories(t) {
		t.Run(strings.TrimSuffix(s.file, ".txtar"), func(t *testing.T) {
			t.Parallel()
			perform(t, s)
		})
	}
}

// A play is a story that is being told.
type play struct {
	*scenario.Stage
	story  *story
	repos  *resolution.Repos
	troupe *troupe
	second *troupe // of another process; nil until it is needed
	config scheduler.Config
	calls  map[string]int // of the hub's methods, when they were last asked about
	other  []answer       // than those that were expected

	mailbox *mailbox
}

func perform(t *testing.T, s *story) {
	t.Helper()
	world := s.world
	if !s.whole {
		world = scenario.CommonWorld + s.world + "\nrepo f44-build\n"
	}
	p := &play{Stage: scenario.New(t, scenario.World(t, world)), story: s, calls: map[string]int{}}
	p.repos = p.Repositories()
	p.mailbox = &mailbox{deliveries: p.Store.Deliveries}
	p.config = scheduler.Config{
		Rules: p.Sync.Rules, MaxBuilds: 30, LoadThreshold: 0.5, BuildArches: []string{"x86_64", "aarch64", "i386"}, TaskPriority: 30,
	}
	p.troupe = newTroupe(p.Stage, p.repos, "first", p.config)
	for i := range s.steps {
		if !p.do(&s.steps[i]) {
			return
		}
	}
	p.judge()
	if len(p.other) > 0 && os.Getenv("UPDATE_GOLDEN") != "" {
		if err := s.rewrite(s.path, p.other); err != nil {
			t.Error(err)
		}
	}
}

// do does what a statement says and reports whether the story can go on.
func (p *play) do(st *step) (ok bool) {
	p.T.Helper()
	place := fmt.Sprintf("%s:%d: %s", p.story.file, st.line, st.text)
	began := false
	defer func() {
		if !began { // the stage ended the test
			p.T.Log("at " + place)
		}
	}()
	do, args, err := verbOf(st.words)
	if err == nil {
		err = do.run(p, args, st)
	}
	p.mailbox.fill(p)
	began = true
	updating := errors.Is(err, errOther) && os.Getenv("UPDATE_GOLDEN") != ""
	if err != nil && !updating {
		p.T.Errorf("%s: %v", place, err)
	}
	return err == nil || errors.Is(err, errOther)
}

// A verb is what a kind of statement does.
type verb struct {
	args int // at least
	run  func(p *play, args []string, st *step) error
}

// verbOf finds the verb of a statement, one or two words, and its arguments.
func verbOf(words []string) (verb, []string, error) {
	verbs := verbs()
	for _, n := range []int{2, 1} {
		if len(words) < n {
			continue
		}
		name := strings.Join(words[:n], " ")
		if v, ok := verbs[name]; ok {
			if args := words[n:]; len(args) >= v.args {
				return v, args, nil
			}
			return verb{}, nil, fmt.Errorf("%s needs %d words more", name, v.args)
		}
	}
	return verb{}, nil, fmt.Errorf("unknown statement; see the comment of package scenario")
}

func verbs() map[string]verb {
	all := map[string]verb{
		"after":    {1, after},
		"for":      {3, forEvery},
		"services": {0, services},
		"service":  {3, complains},
		"second":   {1, second},
		"expect":   {1, expect},
	}
	for _, more := range []map[string]verb{hubVerbs(), operatorVerbs()} {
		for name, v := range more {
			all[name] = v
		}
	}
	return all
}

// duration reads a duration in which d is a day.
func duration(word string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(word, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(word)
}

func after(p *play, args []string, _ *step) error {
	d, err := duration(args[0])
	if err == nil {
		p.Clock.Step(d)
	}
	return err
}

func forEvery(p *play, args []string, st *step) error {
	during, err := duration(args[0])
	if err != nil {
		return err
	}
	every, err := duration(args[2])
	if err != nil || args[1] != "every" || every <= 0 {
		return fmt.Errorf("write: for DURATION every DURATION (%w)", err)
	}
	for ; during > 0; during -= every {
		p.Clock.Step(every)
		if err := services(p, args[3:], st); err != nil {
			return err
		}
	}
	return nil
}

func services(p *play, names []string, _ *step) error {
	if len(names) == 0 {
		names = serviceNames()
	}
	return p.work(p.troupe, names)
}

func (p *play) work(t *troupe, names []string) error {
	for _, name := range names {
		heard, err := t.pass(p.T.Context(), name)
		if err != nil {
			return err
		}
		if len(heard) > 0 {
			return fmt.Errorf("%s complains:\n%s", name, strings.Join(heard, "\n"))
		}
	}
	return nil
}

func complains(p *play, args []string, st *step) error {
	_, text, found := strings.Cut(st.text, " complains ")
	if !found || args[1] != "complains" {
		return errors.New("write: service NAME complains TEXT")
	}
	heard, err := p.troupe.pass(p.T.Context(), args[0])
	if err != nil {
		return err
	}
	if slices.ContainsFunc(heard, func(line string) bool { return strings.Contains(line, text) }) {
		return nil
	}
	return fmt.Errorf("it says instead: %q", heard)
}

func second(p *play, args []string, _ *step) error {
	if p.second == nil {
		p.second = newTroupe(p.Stage, p.Repositories(), "second", p.config)
	}
	return p.work(p.second, args)
}

// nothing is the answer without lines.
const nothing = "nothing"

// errOther is the error of an answer that is not the expected one.
var errOther = errors.New("another answer")

// expect asks a question and compares the answer with what is written.
func expect(p *play, _ []string, st *step) error {
	asked, want, found := strings.Cut(strings.TrimPrefix(st.text, "expect "), ":")
	if !found {
		return errors.New("write: expect QUESTION: ANSWER")
	}
	words := strings.Fields(asked)
	if len(words) == 0 {
		return errors.New("write: expect QUESTION: ANSWER")
	}
	ask, ok := questions()[words[0]]
	if !ok {
		return fmt.Errorf("unknown question %q; see questions_test.go", words[0])
	}
	if len(words)-1 != ask.args {
		return fmt.Errorf("expect %s needs %d words", words[0], ask.args)
	}
	got, err := ask.answer(p, words[1:])
	if err != nil {
		return err
	}
	lines := []string{}
	for _, g := range got {
		lines = append(lines, strings.Split(strings.TrimSpace(g), "\n")...)
	}
	expected := append([]string{}, st.block...)
	if want = strings.TrimSpace(want); want != "" {
		expected = append([]string{want}, expected...)
	}
	if slices.Equal(expected, []string{nothing}) {
		expected = []string{}
	}
	if diff := cmp.Diff(expected, lines); diff != "" {
		p.other = append(p.other, answer{st, lines})
		return fmt.Errorf("%w (-want +got):\n%s", errOther, diff)
	}
	return nil
}

// author is who changes something by hand.
func (p *play) author() audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: p.Clock.Now()}
}
