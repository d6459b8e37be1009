package kojisim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// ParseWorld makes the world that a txtar archive describes. Each file of the
// archive is read in turn, whatever its name; a line is a word and what it is
// about, options are written name=value, lists are separated by commas. What
// stands indented belongs to the build above it.
//
//	start 2026-11-23T19:33:00Z
//	user koschei password=secret perms=admin principals=koschei@TEST blocked
//	channel default
//	host builder1 arches=x86_64,aarch64 capacity=8 channels=default disabled absent
//	tag f40-build arches=x86_64,aarch64 parents=f40
//	extra f40-build mock.package_manager dnf5
//	target f40 build=f40-build dest=f40
//	group f40-build build Build group
//	member f40-build build mandatory bash
//	require f40-build build mandatory srpm-build
//	external extrepo http://example.test/$arch/
//	use f40-build extrepo mode=koji priority=10
//	package foo tag=f40 owner=packager arches=i686 build_time=5m blocked
//	event 46
//	build foo-2.0-4.fc40 epoch=2 tag=f40 owner=kojiadmin
//	 requires bar-devel >= 1.0
//	 buildarchs noarch
//	 exclusivearch x86_64
//	 excludearch s390x
//	 binary foo-libs noarch
//	  provides libfoo.so.1()(64bit)
//	  requires bar
//	repo f40-build
//	policy build_from_repo_id=deny build_from_srpm=deny repo_requests=none
//	rules repo_every=3h requests=on repo_keep=3 freed=0.1 infrastructure=0.01 build_time=0.5
//	break foo from=2.0-4.fc40 until=2.1-1.fc40 arch=x86_64 dependency=bar dependency_from=1.1-1.fc40 the message
//	flaky foo 0.3
//
// The line event raises the event number, so that builds have the numbers one
// wants. A repo is ready at once. Kojira works only with a rule repo_every.
func ParseWorld(data []byte, seed int64) (*World, error) {
	p := &parser{w: NewState(seed, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))}
	p.w.rules = Rules{}
	for _, f := range txtar.Parse(data).Files {
		for i, line := range strings.Split(string(f.Data), "\n") {
			if err := p.line(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", f.Name, i+1, err)
			}
		}
	}
	if err := p.finishBuild(); err != nil {
		return nil, err
	}
	if len(p.w.channels) == 0 {
		p.w.addChannel("default")
	}
	if p.w.rules.RepoEvery > 0 {
		p.w.startKojira()
		p.w.startRegeneration()
	}
	return NewWorld(p.w), nil
}

// A parser is the state between two lines.
type parser struct {
	w      *State
	words  []string
	opts   map[string]string
	build  *parsedBuild
	binary *rpm.Package
}

type parsedBuild struct {
	name string
	evr  rpm.EVR
	content
	opts map[string]string
}

func (p *parser) line(line string) error {
	text := strings.TrimSpace(line)
	if text == "" || strings.HasPrefix(text, "#") {
		return nil
	}
	verb, rest, _ := strings.Cut(text, " ")
	if line[0] == ' ' || line[0] == '\t' {
		return p.detail(verb, strings.TrimSpace(rest))
	}
	if err := p.finishBuild(); err != nil {
		return err
	}
	p.words, p.opts = nil, map[string]string{}
	for _, word := range strings.Fields(rest) {
		if name, value, ok := strings.Cut(word, "="); ok {
			p.opts[name] = value
		} else {
			p.words = append(p.words, word)
		}
	}
	do, ok := p.verbs()[verb]
	if !ok {
		do, ok = p.laterVerbs()[verb]
	}
	if !ok {
		return fmt.Errorf("unknown word %q", verb)
	}
	if len(p.words) < do.words {
		return fmt.Errorf("%s needs %d words", verb, do.words)
	}
	return do.run()
}

type verb struct {
	words int
	run   func() error
}

func (p *parser) verbs() map[string]verb {
	return map[string]verb{
		"start": {1, p.start}, "user": {1, p.user}, "channel": {1, p.channel}, "host": {1, p.host},
		"tag": {1, p.tag}, "extra": {3, p.extra}, "target": {1, p.target}, "group": {2, p.group},
		"member": {4, p.member}, "require": {4, p.require}, "external": {2, p.external}, "use": {2, p.use},
		"package": {1, p.pkg}, "event": {1, p.event}, "build": {1, p.startBuild}, "repo": {1, p.repo},
		"policy": {0, p.policy}, "rules": {0, p.rules}, "break": {1, p.breakage}, "flaky": {2, p.flaky},
	}
}

// list is an option that is a list.
func (p *parser) list(name string) []string {
	if p.opts[name] == "" {
		return nil
	}
	return strings.Split(p.opts[name], ",")
}

// has reports whether a word stands alone on the line after the first.
func (p *parser) has(word string) bool {
	for _, w := range p.words[1:] {
		if w == word {
			return true
		}
	}
	return false
}

// float is an option that is a number; 0 if it is not there.
func (p *parser) float(name string) (float64, error) {
	if p.opts[name] == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(p.opts[name], 64)
	if err != nil {
		return 0, fmt.Errorf("%s=%s is no number", name, p.opts[name])
	}
	return v, nil
}

func (p *parser) findTag(name string) (*tag, error) {
	if t := p.w.tagByName(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no tag %q", name)
}

func (p *parser) findUser(name string) (*user, error) {
	if name == "" && len(p.w.users) > 0 {
		return p.w.users[0], nil
	}
	if u := p.w.userByName(name); u != nil {
		return u, nil
	}
	return nil, fmt.Errorf("no user %q", name)
}

func (p *parser) start() error {
	t, err := time.Parse(time.RFC3339, p.words[0])
	if err != nil {
		return fmt.Errorf("%q is no time", p.words[0])
	}
	if len(p.w.events) > 0 {
		return fmt.Errorf("start comes first")
	}
	p.w.now = t.UTC()
	return nil
}

func (p *parser) user() error {
	u := user{name: p.words[0], password: p.opts["password"], perms: p.list("perms"), principals: p.list("principals")}
	if p.has("blocked") {
		u.status = 1
	}
	p.w.addUser(u)
	return nil
}

func (p *parser) channel() error {
	for _, name := range p.words {
		p.w.addChannel(name)
	}
	return nil
}

func (p *parser) host() error {
	capacity, err := p.float("capacity")
	if err != nil {
		return err
	}
	var channels []*channel
	for _, name := range p.list("channels") {
		c := p.w.channelByName(name)
		if c == nil {
			return fmt.Errorf("no channel %q", name)
		}
		channels = append(channels, c)
	}
	h := p.w.addHost(p.words[0], p.list("arches"), capacity, channels...)
	h.enabled = !p.has("disabled")
	if p.has("absent") {
		h.ready, h.updated = false, time.Time{}
	}
	return nil
}

func (p *parser) tag() error {
	var parents []*tag
	for _, name := range p.list("parents") {
		t, err := p.findTag(name)
		if err != nil {
			return err
		}
		parents = append(parents, t)
	}
	p.w.addTag(p.words[0], p.list("arches"), parents...)
	return nil
}

func (p *parser) extra() error {
	t, err := p.findTag(p.words[0])
	if err != nil {
		return err
	}
	t.extra = append(t.extra, Option{p.words[1], p.words[2]})
	return nil
}

func (p *parser) target() error {
	build, err := p.findTag(p.opts["build"])
	if err != nil {
		return err
	}
	dest, err := p.findTag(p.opts["dest"])
	if err != nil {
		return err
	}
	p.w.addTarget(p.words[0], build, dest)
	return nil
}

func (p *parser) group() error {
	t, err := p.findTag(p.words[0])
	if err != nil {
		return err
	}
	p.w.addGroup(t, p.words[1], strings.Join(p.words[2:], " "))
	return nil
}

func (p *parser) findGroup() (*group, error) {
	t, err := p.findTag(p.words[0])
	if err != nil {
		return nil, err
	}
	if g := t.groupByName(p.words[1]); g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("no group %q in %s", p.words[1], t.name)
}

func (p *parser) member() error {
	g, err := p.findGroup()
	if err != nil {
		return err
	}
	for _, name := range p.words[3:] {
		g.members = append(g.members, groupMember{name, p.words[2]})
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
	g.requires = append(g.requires, groupNeed{other, p.words[2]})
	return nil
}

func (p *parser) external() error {
	p.w.addExternalRepo(p.words[0], p.words[1])
	return nil
}

func (p *parser) use() error {
	t, err := p.findTag(p.words[0])
	if err != nil {
		return err
	}
	r := p.w.externalOf(p.words[1])
	if r == nil {
		return fmt.Errorf("no external repo %q", p.words[1])
	}
	priority, err := p.float("priority")
	if err != nil {
		return err
	}
	t.external = append(t.external, &externalUse{repo: r, priority: int(priority), mode: p.opts["mode"]})
	return nil
}

func (p *parser) pkg() error {
	t, err := p.findTag(p.opts["tag"])
	if err != nil {
		return err
	}
	owner, err := p.findUser(p.opts["owner"])
	if err != nil {
		return err
	}
	pkg := p.w.packageByName(p.words[0])
	if pkg == nil {
		pkg = p.w.newPackage(p.words[0])
	}
	if s := p.opts["build_time"]; s != "" {
		if pkg.buildFor, err = time.ParseDuration(s); err != nil {
			return fmt.Errorf("build_time=%s is no duration", s)
		}
	}
	l := p.w.addPackage(t, pkg, owner)
	l.extraArches = p.opts["arches"]
	l.blocked = p.has("blocked")
	return nil
}

func (p *parser) event() error {
	n, err := strconv.Atoi(p.words[0])
	if err != nil || n < p.w.lastEvent() {
		return fmt.Errorf("event %s is no later event than %d", p.words[0], p.w.lastEvent())
	}
	for p.w.lastEvent() < n {
		p.w.newEvent()
	}
	return nil
}

func (p *parser) repo() error {
	t, err := p.findTag(p.words[0])
	if err != nil {
		return err
	}
	p.w.readyRepo(p.w.initRepo(t, nil, 0))
	return nil
}
