package scenario_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/view"
)

// A question is what a story may expect an answer to.
type question struct {
	args   int
	answer func(p *play, args []string) ([]string, error)
}

// questions are those there are, with what an answer's lines look like.
func questions() map[string]question {
	return map[string]question{
		"states":      {1, askStates},      // of a collection:  foo failing
		"state":       {1, askState},       // of a package:  failing
		"builds":      {1, askBuilds},      // oldest first:  scratch 1-1 failed in repo 2, untagged, last
		"fault":       {1, askFault},       // of the newest build, why it did not complete
		"log":         {1, askLog},         // what the newest build's log tells:  cc.error in build.log of x86_64, %build: the line
		"tasks":       {1, askTasks},       // of the newest build's children:  buildArch x86_64 closed
		"known":       {1, askKnown},       // of builds' dependencies, oldest first:  scratch 1-1 resolved
		"buildroot":   {1, askBuildroot},   // of the newest build:  gcc 2-1 at 1
		"changes":     {1, askChanges},     // of the newest build since the one before it:  gcc 1-1 -> 2-1 at 1
		"news":        {1, askNews},        // in the latest repo since the newest build:  gcc 1-1 -> 2-1 at 1
		"problems":    {1, askProblems},    // why its buildroot cannot be installed
		"transitions": {1, askTransitions}, // oldest first:  unresolved in repo 2: BuildRequires: x: nothing provides it
		"why":         {1, askWhy},         // why it is not built now, or:  due
		"priority":    {1, askPriority},    // 256 = manual 0 + static 0 + dependencies 256 + last build 0 + time 0
		"hold":        {1, askHold},        // for how long the scheduler leaves it alone:  30m0s
		"collection":  {1, askCollection},  // unresolved, repo 3, and the problems of its buildroot
		"reports":     {1, askReports},     // of services that have something to say of a collection:  scheduler: all 2 places for builds are taken
		"findings":    {0, askFindings},    // of the self-check: what lasts, and what it has mended
		"requests":    {0, askRequests},    // scratch builds at the hub, oldest first:  foo-1-1 repo=1 priority=50 arches=x86_64: open
		"running":     {0, askRunning},     // scratch builds at the hub that have not ended:  foo-1-1
		"messages":    {0, askMessages},    // since they were last asked for:  foo ok -> failing
		"causes":      {0, askCauses},      // who broke what, likewise:  foo failing: gcc 1-1 -> 2-1
		"bodies":      {0, askBodies},      // likewise:  package.state.change {"name": "foo", ...}
		"calls":       {1, askCalls},       // of a method of the hub since it was last asked:  2
		"says":        {1, askSays},        // the sentence on a package's page
		"overview":    {1, askOverview},    // the sentence on a collection's first page
		"queue":       {1, askQueue},       // the sentence on the queue of a collection
		"impact":      {1, askImpact},      // of a dependency, packages that failed after it changed:  foo
	}
}

// splitPackage takes foo@collection apart.
func splitPackage(word string) (name, collection string) {
	name, collection, ok := strings.Cut(word, "@")
	if !ok {
		collection = "f44"
	}
	return name, collection
}

// page is everything about a package.
func (p *play) page(word string) (*view.PackagePage, *koschei.Collection, error) {
	name, collection := splitPackage(word)
	c, err := p.Store.View.Collection(p.T.Context(), collection)
	if err != nil {
		return nil, nil, err
	}
	page, err := p.Store.Packages.Page(p.T.Context(), name, c.ID, view.HistoryQuery{Limit: 10000})
	if err == nil && page.Package == nil {
		err = fmt.Errorf("package %s: %w", word, koschei.ErrNotFound)
	}
	return page, c, err
}

// builds are a package's, oldest first.
func (p *play) builds(word string) ([]*view.BuildRecord, *view.PackagePage, error) {
	page, _, err := p.page(word)
	if err != nil {
		return nil, nil, err
	}
	var builds []*view.BuildRecord
	for _, e := range slices.Backward(page.History) {
		if e.Build != nil {
			builds = append(builds, e.Build)
		}
	}
	return builds, page, nil
}

// newest is the newest build of a package.
func (p *play) newest(word string) (*view.BuildRecord, error) {
	builds, _, err := p.builds(word)
	if err != nil {
		return nil, err
	}
	if len(builds) == 0 {
		return nil, fmt.Errorf("package %s has no build", word)
	}
	return builds[len(builds)-1], nil
}

func askStates(p *play, args []string) ([]string, error) {
	var lines []string
	for _, pkg := range p.PackagesIn(args[0]) {
		lines = append(lines, fmt.Sprintf("%s %s", pkg.Name, pkg.State))
	}
	return lines, nil
}

func askState(p *play, args []string) ([]string, error) {
	page, _, err := p.page(args[0])
	if err != nil {
		return nil, err
	}
	return []string{string(page.Package.State())}, nil
}

func askBuilds(p *play, args []string) ([]string, error) {
	builds, page, err := p.builds(args[0])
	var lines []string
	for _, b := range builds {
		line := fmt.Sprintf("%s %s %s", b.Origin, b.EVR, b.Outcome)
		if b.RepoID != 0 {
			line += fmt.Sprintf(" in repo %d", b.RepoID)
		}
		if b.Untagged {
			line += ", untagged"
		}
		if b.ID == page.Package.LastBuildID {
			line += ", last"
		}
		lines = append(lines, line)
	}
	return lines, err
}

func askFault(p *play, args []string) ([]string, error) {
	b, err := p.newest(args[0])
	if err != nil || b.Fault == "" {
		return nil, err
	}
	return []string{b.Fault}, nil
}

func askLog(p *play, args []string) ([]string, error) {
	b, err := p.newest(args[0])
	if err != nil {
		return nil, err
	}
	f, err := p.Store.Builds.Failure(p.T.Context(), b.ID)
	switch {
	case err != nil || f == nil:
		return nil, err
	case !f.Found:
		return []string{"gone"}, nil
	}
	return []string{fmt.Sprintf("%s in %s of %s, %s: %s", cmp.Or(f.Kind, "unknown"), f.Log, f.Arch, f.Phase, errorLine(f))}, nil
}

// errorLine is the line of the error; the last with text without one.
func errorLine(f *view.Failure) string {
	if f.Error >= 0 {
		return strings.TrimSpace(f.Lines[f.Error].Text)
	}
	line := ""
	for _, l := range f.Lines {
		line = cmp.Or(strings.TrimSpace(l.Text), line)
	}
	return line
}

func askTasks(p *play, args []string) ([]string, error) {
	b, err := p.newest(args[0])
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, t := range b.Tasks {
		lines = append(lines, fmt.Sprintf("%s %s %s", t.Method, t.Arch, t.State))
	}
	return lines, nil
}

func askKnown(p *play, args []string) ([]string, error) {
	builds, _, err := p.builds(args[0])
	var lines []string
	for _, b := range builds {
		lines = append(lines, fmt.Sprintf("%s %s %s", b.Origin, b.EVR, b.Deps))
	}
	return lines, err
}

func askBuildroot(p *play, args []string) ([]string, error) {
	b, err := p.newest(args[0])
	if err != nil {
		return nil, err
	}
	page, err := p.Store.Builds.Compare(p.T.Context(), view.Pair{B: b.ID})
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, d := range page.Set {
		lines = append(lines, d.Name+" "+d.EVR.String()+atDistance(d.Distance))
	}
	return lines, nil
}

func atDistance(d int) string {
	if d == koschei.NoDistance {
		return ""
	}
	return " at " + strconv.Itoa(d)
}

func changeLines(changes []koschei.Change) []string {
	evr := func(n *rpm.NEVRA) string {
		if n == nil {
			return "none"
		}
		return n.EVR.String()
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.Name+" "+evr(c.Prev)+" -> "+evr(c.Curr)+atDistance(c.Distance))
	}
	return lines
}

func askChanges(p *play, args []string) ([]string, error) {
	b, err := p.newest(args[0])
	if err != nil {
		return nil, err
	}
	return changeLines(b.Changes), nil
}

func askNews(p *play, args []string) ([]string, error) {
	page, _, err := p.page(args[0])
	if err != nil {
		return nil, err
	}
	return changeLines(page.Changes.List), nil
}

func askProblems(p *play, args []string) ([]string, error) {
	page, _, err := p.page(args[0])
	if err != nil {
		return nil, err
	}
	return page.Now.Problems, nil
}

func askTransitions(p *play, args []string) ([]string, error) {
	page, _, err := p.page(args[0])
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, e := range slices.Backward(page.History) {
		switch t := e.Transition; {
		case t == nil:
		case t.Resolved:
			lines = append(lines, fmt.Sprintf("resolved in repo %d", t.RepoID))
		default:
			lines = append(lines, fmt.Sprintf("unresolved in repo %d: %s", t.RepoID, strings.Join(t.Problems, "; ")))
		}
	}
	return lines, nil
}

func askWhy(p *play, args []string) ([]string, error) {
	page, c, err := p.page(args[0])
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, o := range page.Package.Obstacles(c) {
		lines = append(lines, string(o))
	}
	now := p.Clock.Now()
	if page.Package.HeldAt(now) {
		lines = append(lines, page.Package.HoldReason)
	}
	total := p.Sync.Rules.Of(page.Package, c, now).Total() // means nothing while there are obstacles
	if len(lines) == 0 && total < p.Sync.Rules.BuildThreshold {
		lines = append(lines, "its priority is too low")
	}
	if len(lines) == 0 {
		lines = []string{"due"}
	}
	return lines, nil
}

func askPriority(p *play, args []string) ([]string, error) {
	page, c, err := p.page(args[0])
	if err != nil {
		return nil, err
	}
	v := p.Sync.Rules.Of(page.Package, c, p.Clock.Now())
	line := fmt.Sprintf("%.0f = manual %.0f + static %.0f + dependencies %.0f + last build %.0f + time %.0f",
		v.Total(), v.Manual, v.Static, v.Coefficient*v.Dependency, v.Coefficient*v.Build, v.Coefficient*v.Time)
	return []string{line}, nil
}

func askHold(p *play, args []string) ([]string, error) {
	page, _, err := p.page(args[0])
	if err != nil || !page.Package.HeldAt(p.Clock.Now()) {
		return nil, err
	}
	return []string{page.Package.HoldUntil.Sub(p.Clock.Now()).Round(time.Second).String()}, nil
}

func askCollection(p *play, args []string) ([]string, error) {
	c, err := p.Store.View.Collection(p.T.Context(), args[0])
	if err != nil {
		return nil, err
	}
	page, err := p.Store.CollectionPage(p.T.Context(), c, 1, 1)
	if err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("%s, repo %d", c.State(), c.LatestRepoID)}
	for _, r := range page.Repos {
		if r.RepoID == c.LatestRepoID {
			lines = append(lines, r.Problems...)
		}
	}
	return lines, nil
}

func askReports(p *play, args []string) ([]string, error) {
	c, err := p.Store.View.Collection(p.T.Context(), args[0])
	if err != nil {
		return nil, err
	}
	fresh, err := p.Store.Freshness(p.T.Context())
	var lines []string
	for _, r := range fresh[c.ID].Services {
		if said := cmp.Or(r.Trouble, r.Remark); said != "" {
			lines = append(lines, string(r.Service)+": "+said)
		}
	}
	return lines, err
}

func askFindings(p *play, _ []string) ([]string, error) {
	var lines []string
	for _, f := range p.Findings() {
		switch {
		case f.Repair != "":
			lines = append(lines, f.Sentence+" Mended: "+f.Repair)
		case f.Lasts:
			lines = append(lines, f.Sentence)
		}
	}
	return lines, nil
}

// builtTasks are the tasks at the hub that have a key, oldest first.
func (p *play) builtTasks() ([]koji.Task, error) {
	tasks, err := p.Sync.Primary.ListTasks(p.T.Context(), koji.TaskQuery{Method: "build", Limit: 10000})
	tasks = slices.DeleteFunc(tasks, func(t koji.Task) bool { return t.Key() == "" })
	slices.Reverse(tasks)
	return tasks, err
}

func sourceOf(t *koji.Task) string {
	source := t.Source()
	return strings.TrimSuffix(source[strings.LastIndexByte(source, '/')+1:], ".src.rpm")
}

func askRequests(p *play, _ []string) ([]string, error) {
	tasks, err := p.builtTasks()
	var lines []string
	for i := range tasks {
		t := &tasks[i]
		where := "target=" + fmt.Sprint(t.Request[1])
		if t.Request[1] == nil {
			where = fmt.Sprintf("repo=%d", t.RepoID())
		}
		line := fmt.Sprintf("%s %s priority=%d", sourceOf(t), where, t.Priority)
		if arches := requestOption(t, "arch_override"); arches != "" {
			line += " arches=" + strings.ReplaceAll(arches, " ", ",")
		}
		lines = append(lines, line+": "+string(t.State))
	}
	return lines, err
}

// requestOption is an option of a build that is a text, "" if it was not given.
func requestOption(t *koji.Task, name string) string {
	for _, parameter := range t.Request {
		if options, ok := parameter.(xmlrpc.Struct); ok {
			if value, ok := options.Get(name); ok {
				text, _ := value.(string)
				return text
			}
		}
	}
	return ""
}

func askRunning(p *play, _ []string) ([]string, error) {
	tasks, err := p.builtTasks()
	var lines []string
	for i := range tasks {
		if !tasks[i].State.Ended() {
			lines = append(lines, sourceOf(&tasks[i]))
		}
	}
	return lines, err
}

func askMessages(p *play, _ []string) ([]string, error) {
	var lines []string
	for _, m := range p.mailbox.empty(true) {
		var body struct{ Name, Collection, Old, New string }
		if err := json.Unmarshal(m.Body, &body); err != nil {
			return nil, err
		}
		what := body.Name
		if m.Topic == "collection.state.change" {
			what = "collection " + body.Collection
		} else if body.Collection != "f44" {
			what += "@" + body.Collection
		}
		lines = append(lines, fmt.Sprintf("%s %s -> %s", what, body.Old, body.New))
	}
	return lines, nil
}

func askCauses(p *play, _ []string) ([]string, error) {
	var lines []string
	for _, m := range p.mailbox.empty(false) {
		var body struct {
			Name, State, User, Source, Missing string

			Old      string `json:"old_version"`
			New      string `json:"new_version"`
			Packages int
		}
		if err := json.Unmarshal(m.Body, &body); err != nil {
			return nil, err
		}
		update := strings.Join(strings.Fields(body.Source+" "+body.Old+" -> "+body.New), " ")
		if body.Missing != "" {
			update += ", for want of " + body.Missing
		}
		switch m.Topic {
		case "package.culprit":
			lines = append(lines, body.Name+" "+body.State+": "+update)
		case "update.broke":
			lines = append(lines, fmt.Sprintf("%d broken: %s", body.Packages, update))
		case "update.mended":
			lines = append(lines, "mended: "+update)
		default:
			lines = append(lines, m.Topic+" "+body.Name+" by "+body.User)
		}
	}
	return lines, nil
}

func askBodies(p *play, _ []string) ([]string, error) {
	var lines []string
	for _, m := range p.mailbox.empty(true) {
		body, err := members(m.Body)
		if err != nil {
			return nil, err
		}
		lines = append(lines, m.Topic+" "+body)
	}
	return lines, nil
}

func askCalls(p *play, args []string) ([]string, error) {
	total := p.Calls(args[0])
	since := total - p.calls[args[0]]
	p.calls[args[0]] = total
	return []string{strconv.Itoa(since)}, nil
}

func askImpact(p *play, args []string) ([]string, error) {
	name, from, to := "", rpm.EVR{}, rpm.EVR{}
	var err error
	for i, word := range strings.SplitN(args[0], ",", 3) {
		switch i {
		case 0:
			name = word
		case 1:
			from, err = rpm.ParseEVR(word)
		case 2:
			to, err = rpm.ParseEVR(word)
		}
		if err != nil {
			return nil, err
		}
	}
	affected, err := p.Store.Repos.AffectedBy(p.T.Context(), "f44", name, from, to, 1000)
	var lines []string
	for _, a := range affected {
		lines = append(lines, a.Package)
	}
	slices.Sort(lines)
	return lines, err
}
