package chaos

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

const (
	dripEvery = 20 * time.Second // a byte
	// mostWaiting is how long a collection may take to be resolved while others
	// drip. A server that drips is given up after a minute: who has to wait for
	// that waits longer.
	mostWaiting = 50 * time.Second
)

// A drip is the tap on the files of repos: those of some build tags come a byte at
// a time.
type drip struct {
	mu      sync.Mutex
	tags    map[string]bool
	drained chan struct{} // closed when the tap is opened again
	met     map[string]int
}

// begin has the files of these tags' repos drip from now on.
func (d *drip) begin(tags ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tags, d.drained, d.met = map[string]bool{}, make(chan struct{}), map[string]int{}
	for _, tag := range tags {
		d.tags[tag] = true
	}
}

// end opens the tap. It returns how many files of each tag were asked for meanwhile.
func (d *drip) end() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tags = nil
	close(d.drained)
	return maps.Clone(d.met)
}

// of says whether a file drips, and what ends that.
func (d *drip) of(path string) (end <-chan struct{}, drips bool) {
	rest, found := strings.CutPrefix(path, "/kojifiles/repos/")
	tag, _, _ := strings.Cut(rest, "/")
	d.mu.Lock()
	defer d.mu.Unlock()
	if !found || !d.tags[tag] || strings.HasSuffix(path, "/repomd.xml") || strings.HasSuffix(path, "/repo.json") {
		return nil, false
	}
	d.met[tag]++
	return d.drained, true
}

// serve sends what next has, a byte at a time until end, and then breaks off.
func (d *drip) serve(rw http.ResponseWriter, req *http.Request, next http.Handler, end <-chan struct{}) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, req.Clone(req.Context()))
	maps.Copy(rw.Header(), whole.Header())
	rw.WriteHeader(whole.Code)
	flow := http.NewResponseController(rw)
	for _, b := range whole.Body.Bytes() {
		_, err := rw.Write([]byte{b})
		if err != nil || flow.Flush() != nil {
			return
		}
		select {
		case <-time.After(dripEvery):
		case <-req.Context().Done():
			return
		case <-end:
			panic(http.ErrAbortHandler)
		}
	}
}

// sides are collections beside the one that builds: each has a few packages, which
// are resolved and never built, in repos of its own.
func (s *stage) sides() []string { return []string{"side1", "side2", "side3"} }

// addSides adds them. They inherit from the tag that packagers build for.
func (s *stage) addSides(names []string) {
	s.t.Helper()
	var lines []string
	for _, name := range names {
		lines = append(lines,
			"tag "+name+" parents=f44", "tag "+name+"-build arches=x86_64 parents="+name+",f44-build", "target "+name+" build="+name+"-build dest="+name)
	}
	if err := worldtext.Amend(s.hub, strings.Join(lines, "\n")); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		s.addCollection(name, name, 0) // nothing there is worth a build
	}
}

// trackSides has some of their packages resolved.
func (s *stage) trackSides(names []string, most int) {
	s.t.Helper()
	packages := s.packageNames()
	for _, name := range names {
		s.await("packages of "+name, func() string {
			_, err := s.db.TrackPackages(s.t.Context(), s.author(), name, packages[:min(most, len(packages))], true)
			if err != nil {
				return err.Error()
			}
			return ""
		})
	}
}

// packageNames are all that the world has.
func (s *stage) packageNames() []string {
	w := s.world.Lock()
	defer s.world.Unlock()
	var names []string
	for _, p := range w.Packages {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// newestRepo is the newest repo of a build tag that can be read, 0 if there is none.
func (s *stage) newestRepo(buildTag string) int {
	w := s.world.Lock()
	defer s.world.Unlock()
	newest := 0
	for _, r := range w.Repos {
		if r.Tag.Name == buildTag && r.State == kojisim.RepoReady && !r.Dist {
			newest = max(newest, r.ID)
		}
	}
	return newest
}

// newestOfAll is the newest repo of any tag.
func (s *stage) newestOfAll() int {
	w := s.world.Lock()
	defer s.world.Unlock()
	newest := 0
	for _, r := range w.Repos {
		newest = max(newest, r.ID)
	}
	return newest
}

// waits are how long collections took from a repo that was ready to its verdicts;
// see follow.
type waits map[string]time.Duration

// follow waits until each collection is resolved in a repo that was begun after
// now, and returns how long each took after that could be read. Who takes longer
// than most is left out.
func (s *stage) follow(ctx context.Context, names []string, most time.Duration) waits {
	after, ready, took := s.newestOfAll(), map[string]time.Time{}, waits{}
	for pause(ctx, 50*time.Millisecond) {
		left := 0
		for _, name := range names {
			if _, done := took[name]; done {
				continue
			}
			if ready[name].IsZero() && s.newestRepo(name+"-build") > after {
				ready[name] = time.Now()
			}
			c, err := s.db.View.Collection(ctx, name)
			switch {
			case err == nil && c.LatestRepoID > int64(after):
				took[name] = 0
				if !ready[name].IsZero() {
					took[name] = time.Since(ready[name])
				}
			case ready[name].IsZero() || time.Since(ready[name]) < most:
				left++
			}
		}
		if left == 0 {
			break
		}
	}
	return took
}

// dripping has the repos of one or two sides drip until all others are resolved in
// a repo that is newer than that.
func (s *stage) dripping(ctx context.Context, luck *rand.Rand) {
	names := s.sides()
	luck.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	n := 1 + luck.IntN(2)
	dry, others := names[:n], append(names[n:], collection)
	tags := make([]string, n)
	for i, name := range dry {
		tags[i] = name + "-build"
	}
	s.drip.begin(tags...)
	took := s.follow(ctx, others, mostWaiting)
	met := s.drip.end()
	s.counts.add("repos that drip: "+strings.Join(slices.Sorted(maps.Keys(met)), " and "), 1)
	for _, name := range others {
		if d, done := took[name]; done {
			s.counts.most("ms that a collection took while others dripped", int(d.Milliseconds()))
			s.counts.add("repos resolved while others dripped", 1)
		} else if ctx.Err() == nil {
			s.t.Errorf("%s waited for %v: it was not resolved for %v", name, dry, mostWaiting)
		}
	}
}
