package worldtext

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// newParser returns a parser of lines about w.
func newParser(w *kojisim.System) *parser {
	p := &parser{w: w}
	p.verbs = map[string]verb{
		"start": {1, p.start}, "user": {1, p.user}, "channel": {1, p.channel}, "host": {1, p.host},
		"tag": {1, p.tag}, "extra": {3, p.extra}, "target": {1, p.target}, "group": {2, p.group},
		"member": {4, p.member}, "require": {4, p.require}, "external": {2, p.external}, "use": {2, p.use},
		"package": {1, p.pkg}, "event": {1, p.event}, "build": {1, p.startBuild}, "repo": {1, p.repo},
		"policy": {0, p.policy}, "rules": {0, p.rules}, "break": {1, p.breakage}, "fault": {2, p.fault}, "log": {2, p.log}, "flaky": {2, p.flaky},

		// About what is there.
		"block":    {1, func() error { return p.setBlocked(true) }},
		"unblock":  {1, func() error { return p.setBlocked(false) }},
		"mend":     {1, p.mend},
		"promote":  {1, p.promote},
		"ahead":    {1, p.ahead},
		"untarget": {1, p.untarget},
	}
	return p
}

func (p *parser) start() error {
	t, err := time.Parse(time.RFC3339, p.words[0])
	if err != nil {
		return fmt.Errorf("%q is no time", p.words[0])
	}
	if len(p.w.Events) > 0 {
		return fmt.Errorf("start comes first")
	}
	p.w.Now = t.UTC()
	return nil
}

func (p *parser) user() error {
	u := kojisim.User{Name: p.words[0], Password: p.opts["password"], Perms: p.list("perms"), Principals: p.list("principals")}
	if p.has("blocked") {
		u.Blocked = true
	}
	p.w.AddUser(u)
	return nil
}

func (p *parser) channel() error {
	for _, name := range p.words {
		p.w.AddChannel(name)
	}
	return nil
}

func (p *parser) host() error {
	capacity, err := p.float("capacity")
	if err != nil {
		return err
	}
	var channels []*kojisim.Channel
	for _, name := range p.list("channels") {
		c := p.w.ChannelByName(name)
		if c == nil {
			return fmt.Errorf("no channel %q", name)
		}
		channels = append(channels, c)
	}
	h := p.w.AddHost(p.words[0], p.list("arches"), capacity, channels...)
	h.Enabled = !p.has("disabled")
	if p.has("absent") {
		h.Ready, h.Updated = false, time.Time{}
	}
	return nil
}

func (p *parser) tag() error {
	var parents []*kojisim.Tag
	for _, name := range p.list("parents") {
		t, err := findTag(p.w, name)
		if err != nil {
			return err
		}
		parents = append(parents, t)
	}
	p.w.AddTag(p.words[0], p.list("arches"), parents...)
	return nil
}

func (p *parser) extra() error {
	t, err := findTag(p.w, p.words[0])
	if err != nil {
		return err
	}
	t.Extra = append(t.Extra, kojisim.Option{Name: p.words[1], Value: p.words[2]})
	return nil
}

func (p *parser) target() error {
	build, err := findTag(p.w, p.opts["build"])
	if err != nil {
		return err
	}
	dest, err := findTag(p.w, p.opts["dest"])
	if err != nil {
		return err
	}
	p.w.AddTarget(p.words[0], build, dest)
	return nil
}

func (p *parser) group() error {
	t, err := findTag(p.w, p.words[0])
	if err != nil {
		return err
	}
	p.w.AddGroup(t, p.words[1], strings.Join(p.words[2:], " "))
	return nil
}

func (p *parser) findGroup() (*kojisim.Group, error) {
	t, err := findTag(p.w, p.words[0])
	if err != nil {
		return nil, err
	}
	if g := t.GroupByName(p.words[1]); g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("no group %q in %s", p.words[1], t.Name)
}

func (p *parser) member() error {
	g, err := p.findGroup()
	if err != nil {
		return err
	}
	for _, name := range p.words[3:] {
		g.Members = append(g.Members, kojisim.GroupMember{Name: name, Kind: p.words[2]})
	}
	return nil
}

func (p *parser) require() error {
	g, err := p.findGroup()
	if err != nil {
		return err
	}
	p.words[1] = p.words[3]
	other, err := p.findGroup()
	if err != nil {
		return err
	}
	g.Requires = append(g.Requires, kojisim.GroupNeed{Group: other, Kind: p.words[2]})
	return nil
}

func (p *parser) external() error {
	p.w.AddExternalRepo(p.words[0], p.words[1])
	return nil
}

func (p *parser) use() error {
	t, err := findTag(p.w, p.words[0])
	if err != nil {
		return err
	}
	r := p.w.ExternalOf(p.words[1])
	if r == nil {
		return fmt.Errorf("no external repo %q", p.words[1])
	}
	priority, err := p.float("priority")
	if err != nil {
		return err
	}
	t.External = append(t.External, &kojisim.ExternalUse{Repo: r, Priority: int(priority), Mode: p.opts["mode"]})
	return nil
}

func (p *parser) pkg() error {
	t, err := findTag(p.w, p.opts["tag"])
	if err != nil {
		return err
	}
	owner, err := findUser(p.w, p.opts["owner"])
	if err != nil {
		return err
	}
	pkg := p.w.PackageByName(p.words[0])
	if pkg == nil {
		pkg = p.w.NewPackage(p.words[0])
	}
	if s := p.opts["channel"]; s != "" {
		if pkg.Channel = p.w.ChannelByName(s); pkg.Channel == nil {
			return fmt.Errorf("no channel %q", s)
		}
	}
	if s := p.opts["build_time"]; s != "" {
		if pkg.BuildFor, err = time.ParseDuration(s); err != nil {
			return fmt.Errorf("build_time=%s is no duration", s)
		}
	}
	l := p.w.AddPackage(t, pkg, owner)
	l.ExtraArches = p.opts["arches"]
	l.Blocked = p.has("blocked")
	return nil
}

func (p *parser) event() error {
	n, err := strconv.Atoi(p.words[0])
	if err != nil || n < p.w.LastEvent() {
		return fmt.Errorf("event %s is no later event than %d", p.words[0], p.w.LastEvent())
	}
	for p.w.LastEvent() < n {
		p.w.NewEvent()
	}
	return nil
}

func (p *parser) repo() error {
	t, err := findTag(p.w, p.words[0])
	if err != nil {
		return err
	}
	p.w.ReadyRepo(p.w.InitRepo(t, nil, 0))
	return nil
}

func (p *parser) startBuild() error {
	n, err := rpm.ParseNEVRA(p.words[0] + ".src")
	if err != nil {
		return err
	}
	epoch, err := p.float("epoch")
	if err != nil {
		return err
	}
	n.Epoch = uint32(epoch)
	p.build = &parsedBuild{name: n.Name, evr: n.EVR, owner: p.opts["owner"], tag: p.opts["tag"]}
	return nil
}

func (p *parser) policy() error {
	p.w.Policy.BuildFromRepoID = p.opts["build_from_repo_id"] != "deny"
	p.w.Policy.RefuseSRPM = p.opts["build_from_srpm"] == "deny"
	p.w.Policy.Version = p.opts["version"]
	if p.opts["repo_requests"] == "none" {
		p.w.Policy.Version = "1.34.1"
	}
	return nil
}

func (p *parser) rules() error {
	r := &p.w.Rules
	var err error
	if s := p.opts["repo_every"]; s != "" {
		if r.RepoEvery, err = time.ParseDuration(s); err != nil {
			return fmt.Errorf("repo_every=%s is no duration", s)
		}
	}
	keep, err := p.float("repo_keep")
	if err != nil {
		return err
	}
	r.RepoKeep = int(keep)
	r.Requests = p.opts["requests"] == "on"
	r.Siblings = p.opts["siblings"] == "on"
	if r.FreedTasks, err = p.float("freed"); err != nil {
		return err
	}
	if r.Infrastructure, err = p.float("infrastructure"); err != nil {
		return err
	}
	r.BuildTime, err = p.float("build_time")
	return err
}

func (p *parser) breakage() error {
	b := kojisim.Breakage{Package: p.words[0], Dependency: p.opts["dependency"], Arch: p.opts["arch"], Message: strings.Join(p.words[1:], " ")}
	for _, o := range []struct {
		name string
		to   *rpm.EVR
	}{{"from", &b.From}, {"until", &b.Until}, {"dependency_from", &b.DependencyFrom}} {
		if p.opts[o.name] == "" {
			continue
		}
		evr, err := rpm.ParseEVR(p.opts[o.name])
		if err != nil {
			return err
		}
		*o.to = evr
	}
	p.w.Break(b)
	return nil
}

// fault has builds of a package fail as they did somewhere:
//
//	fault foo arch=x86_64 cause=source 1005: error building package (arch x86_64), ...
func (p *parser) fault() error {
	head, text, found := strings.Cut(p.rest, ": ")
	words := strings.Fields(head)
	code, err := strconv.Atoi(words[len(words)-1])
	if !found || err != nil {
		return fmt.Errorf("fault needs a number and the text, as in 1005: error building package")
	}
	b := kojisim.Breakage{Package: p.words[0], Arch: p.opts["arch"], Message: text, Task: p.opts["task"], Cause: kojisim.CauseInfrastructure}
	if cause := p.opts["cause"]; cause != "" {
		b.Cause = kojisim.Cause(cause)
	}
	b.EndWith(code, strings.ReplaceAll(text, "\\n", "\n"))
	p.w.Break(b)
	return nil
}

// log adds a line to what stands in a log of tasks that fail to build a package,
// in the place of what would stand there. Without a line the log is empty.
func (p *parser) log() error {
	_, text, _ := strings.Cut(p.rest, ": ")
	return p.w.WriteLog(p.words[0], strings.TrimSuffix(p.words[1], ":"), text)
}

func (p *parser) flaky() error {
	p.opts["p"] = p.words[1]
	chance, err := p.float("p")
	p.w.MakeFlaky(p.words[0], chance)
	return err
}

// promote makes a draft build one that is none.
func (p *parser) promote() error {
	b := p.w.BuildByNVR(p.words[0])
	if b == nil || !b.IsDraft() {
		return fmt.Errorf("no draft build %q", p.words[0])
	}
	p.w.Promote(b)
	return nil
}

// ahead has the hub's last event be later by so many than any that can be seen:
// changes that began before others are not committed yet.
func (p *parser) ahead() error {
	n, err := strconv.Atoi(p.words[0])
	p.w.Ahead = n
	return err
}

func (p *parser) setBlocked(blocked bool) error {
	t, err := findTag(p.w, p.opts["tag"])
	if err != nil {
		return err
	}
	pkg := p.w.PackageByName(p.words[0])
	if pkg == nil || t.Listed[pkg.ID] == nil {
		return fmt.Errorf("no package %q in tag %s", p.words[0], t.Name)
	}
	p.w.BlockPackage(t, pkg, blocked)
	return nil
}

func (p *parser) mend() error {
	p.w.Mend(p.words[0])
	return nil
}

func (p *parser) untarget() error {
	if !p.w.RemoveTarget(p.words[0]) {
		return fmt.Errorf("no target %q", p.words[0])
	}
	return nil
}
