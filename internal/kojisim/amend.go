package kojisim

import (
	"fmt"
	"strings"
)

// Amend has happen now in a hub's world what lines say, in Parse's language without the
// word start, and with some words for what happens to things that are there:
//
//	block foo tag=f40
//	unblock foo tag=f40
//	mend foo
//	untarget f40
//
// A package that is mended fails for none of the reasons given before. Lines in
// front of one that is wrong have happened.
func Amend(hub changer, lines string) error {
	return hub.Change(func(w *State) error {
		p := &parser{w: w}
		for line := range strings.SplitSeq(lines, "\n") {
			if err := p.line(line); err != nil {
				return err
			}
		}
		return p.finishBuild()
	})
}

// A changer is a hub whose world can be changed.
type changer interface {
	Change(change func(*State) error) error
}

// laterVerbs are the words for what happens to things that are there.
func (p *parser) laterVerbs() map[string]verb {
	return map[string]verb{
		"block":    {1, func() error { return p.setBlocked(true) }},
		"unblock":  {1, func() error { return p.setBlocked(false) }},
		"mend":     {1, p.mend},
		"untarget": {1, p.untarget},
	}
}

func (p *parser) setBlocked(blocked bool) error {
	t, err := p.findTag(p.opts["tag"])
	if err != nil {
		return err
	}
	pkg := p.w.packageByName(p.words[0])
	if pkg == nil || t.pkgs[pkg.id] == nil {
		return fmt.Errorf("no package %q in tag %s", p.words[0], t.name)
	}
	p.w.blockPackage(t, pkg, blocked)
	return nil
}

func (p *parser) mend() error {
	p.w.mend(p.words[0])
	return nil
}

func (p *parser) untarget() error {
	if !p.w.removeTarget(p.words[0]) {
		return fmt.Errorf("no target %q", p.words[0])
	}
	return nil
}
