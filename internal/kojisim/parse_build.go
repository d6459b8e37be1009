package kojisim

import (
	"fmt"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

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
	p.build = &parsedBuild{name: n.Name, evr: n.EVR, opts: p.opts}
	return nil
}

// detail reads a line that belongs to a build or one of its binary packages.
func (p *parser) detail(verb, rest string) error {
	b := p.build
	if b == nil {
		return fmt.Errorf("%s stands below no build", verb)
	}
	switch verb {
	case "buildarchs":
		b.buildArchs = strings.Fields(rest)
	case "exclusivearch":
		b.exclusive = strings.Fields(rest)
	case "excludearch":
		b.exclude = strings.Fields(rest)
	case "binary":
		name, arch, _ := strings.Cut(rest, " ")
		if arch == "" {
			arch = "x86_64"
		}
		d := draft{evr: b.evr}
		p.binary = d.binary(name, arch)
		b.binaries = append(b.binaries, p.binary)
	case "requires", "provides":
		r, err := rpm.ParseRelation(rest)
		if err != nil {
			return err
		}
		switch {
		case verb == "provides" && p.binary == nil:
			return fmt.Errorf("provides stands below no binary package")
		case verb == "provides":
			p.binary.Provides = append(p.binary.Provides, r)
		case p.binary != nil:
			p.binary.Requires = append(p.binary.Requires, r)
		default:
			b.requires = append(b.requires, r)
		}
	default:
		return fmt.Errorf("unknown word %q", verb)
	}
	return nil
}

// finishBuild makes the build that was read, if there is one.
func (p *parser) finishBuild() error {
	b := p.build
	p.build, p.binary = nil, nil
	if b == nil {
		return nil
	}
	owner, err := p.findUser(b.opts["owner"])
	if err != nil {
		return err
	}
	pkg := p.w.packageByName(b.name)
	if pkg == nil {
		return fmt.Errorf("no package %q", b.name)
	}
	made := p.w.importBuild(pkg, b.evr, b.content, owner)
	if b.opts["tag"] == "" {
		return nil
	}
	t, err := p.findTag(b.opts["tag"])
	if err != nil {
		return err
	}
	p.w.tagBuild(t, made, owner)
	return nil
}

func (p *parser) policy() error {
	p.w.policy.BuildFromRepoID = p.opts["build_from_repo_id"] != "deny"
	p.w.policy.RefuseSRPM = p.opts["build_from_srpm"] == "deny"
	p.w.policy.NoRepoRequests = p.opts["repo_requests"] == "none"
	return nil
}

func (p *parser) rules() error {
	r := &p.w.rules
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
	b := Breakage{Package: p.words[0], Dependency: p.opts["dependency"], Arch: p.opts["arch"], Message: strings.Join(p.words[1:], " ")}
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
	p.w.breakWith(b)
	return nil
}

func (p *parser) flaky() error {
	p.opts["p"] = p.words[1]
	chance, err := p.float("p")
	p.w.makeFlaky(p.words[0], chance)
	return err
}
