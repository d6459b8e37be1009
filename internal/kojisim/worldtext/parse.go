package worldtext

import (
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// Parse makes the world that a txtar archive describes. Each file of the
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
//	package foo tag=f40 owner=packager arches=i686 build_time=5m channel=heavy blocked
//	event 46
//	build foo-2.0-4.fc40 epoch=2 tag=f40 owner=kojiadmin
//	 requires bar-devel >= 1.0
//	 buildarchs noarch
//	 exclusivearch x86_64
//	 excludearch s390x
//	 conflicts bar < 1.0
//	 binary foo-libs noarch
//	  provides libfoo.so.1()(64bit)
//	  requires bar
//	build disk-1-1 tag=f40
//	 image
//	repo f40-build
//	policy build_from_repo_id=deny build_from_srpm=deny version=1.30.1
//	rules repo_every=3h requests=on siblings=on repo_keep=3 freed=0.1 infrastructure=0.01 build_time=0.5
//	break foo from=2.0-4.fc40 until=2.1-1.fc40 arch=x86_64 dependency=bar dependency_from=1.1-1.fc40 the message
//	flaky foo 0.3
//	fault foo arch=x86_64 task=srpm cause=source 1005: error building package, ...
//	log foo root.log: Error: Failed to download metadata for repo 'build'
//
// A fault stands in the place of what a build ends with otherwise: that of the
// tasks of architectures, or of one, or of task=srpm or task=build. The cause says
// who is to blame, infrastructure if it is not given. Lines of a log that are given
// replace what stands in it of failed builds. repo_requests=none stands for
// version=1.34.1.
//
// The line event raises the event number, so that builds have the numbers one
// wants. A repo is ready at once. Kojira works only with a rule repo_every.
func Parse(data []byte, seed int64) (*kojisim.World, error) {
	p := newParser(kojisim.NewSystem(seed, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)))
	p.w.Rules = kojisim.Rules{}
	for _, f := range txtar.Parse(data).Files {
		for i, line := range strings.Split(string(f.Data), "\n") {
			if err := p.run(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", f.Name, i+1, err)
			}
		}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	if len(p.w.Channels) == 0 {
		p.w.AddChannel("default")
	}
	if p.w.Rules.RepoEvery > 0 {
		p.w.StartKojira()
		p.w.StartRegeneration()
	}
	return kojisim.NewWorld(p.w), nil
}

// Amend changes a hub's world now, as lines say. They are in the language of
// Parse without the word start, and with some words for what is there already:
//
//	block foo tag=f40
//	unblock foo tag=f40
//	mend foo
//	untarget f40
//
// A package that is mended fails for none of the reasons given before. Lines in
// front of one that is wrong have happened.
func Amend(hub changer, lines string) error {
	return hub.Change(func(w *kojisim.System) error {
		p := newParser(w)
		for line := range strings.SplitSeq(lines, "\n") {
			if err := p.run(line); err != nil {
				return err
			}
		}
		return p.finish()
	})
}

// A changer is a hub whose world can be changed.
type changer interface {
	Change(change func(*kojisim.System) error) error
}
