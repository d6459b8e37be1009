package kojisim

import (
	"sync"
	"time"
)

// A World is the state of a build system and the rules by which it changes.
// All its methods may be called at any time from any goroutine, except while
// the world is being set up by the functions that make one.
type World struct {
	mu   sync.Mutex
	seed int64
	now  time.Time

	queue   pendingQueue
	planned int
	changes int // counts committed changes of data; never goes back

	events []time.Time // of event id i+1

	users    []*user
	tags     []*tag
	tagIDs   map[string]int
	targets  []*target
	packages []*pkg
	pkgIDs   map[string]int
	builds   []*build
	buildIDs map[string]int // by NVR
	rpms     int            // ids given to RPMs
	repos    []*repo
	requests []*repoRequest
	tasks    []*task
	free     []*task // FREE ones, in the order in which hosts take them
	hosts    []*host
	channels []*channel
	external []*externalRepo
	groups   int // ids given to groups

	holiday bool // of packagers, see SendHome

	truth  truth
	policy Policy
	rules  Rules

	providers  map[string][]provider
	requiredBy map[string][]*pkg // by name: whose binaries (once) required it
	builtBy    map[string][]*pkg // by name: whose sources (once) required it
	frames     frameCache
	links      []link    // to other worlds
	rendered   []*repo   // those with files, the oldest first
	outbox     []Message // of changes not yet handed out
	mail       mailbox
}

// Policy is what the hub allows.
type Policy struct {
	// BuildFromRepoID lets every user name the repo of a build; otherwise only
	// an administrator may.
	BuildFromRepoID bool
	// RefuseSRPM denies builds from uploaded source packages.
	RefuseSRPM bool
	// NoRepoRequests makes the hub one from before Koji 1.35.
	NoRepoRequests bool
}

// Rules is how the world's machinery behaves.
type Rules struct {
	// RepoEvery is how often kojira looks whether a build tag needs a new repo.
	// 0: never by itself.
	RepoEvery time.Duration
	// Requests lets repos that were asked for be made even if kojira makes none
	// by itself.
	Requests bool
	// RepoKeep is how many READY repos a tag keeps; older ones expire.
	RepoKeep int
	// RepoDeleteAfter is when an expired repo is deleted; 0 is never.
	RepoDeleteAfter time.Duration
	// FreedTasks is the probability that a task is freed once while it runs.
	FreedTasks float64
	// Infrastructure is the probability that a task fails for reasons that have
	// nothing to do with what it builds.
	Infrastructure float64
	// BuildTime scales how long builds take; 0 means 1.
	BuildTime float64
}

func (r *Rules) servesRequests() bool { return r.RepoEvery > 0 || r.Requests }

// newWorld returns an empty world whose present is start.
func newWorld(seed int64, start time.Time) *World {
	w := &World{
		seed:       seed,
		now:        start.UTC().Truncate(time.Microsecond),
		tagIDs:     map[string]int{},
		pkgIDs:     map[string]int{},
		buildIDs:   map[string]int{},
		providers:  map[string][]provider{},
		requiredBy: map[string][]*pkg{},
		builtBy:    map[string][]*pkg{},
		policy:     Policy{BuildFromRepoID: true},
		rules:      Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3},
	}
	w.truth.init()
	w.frames.init()
	return w
}

// Now returns the world's present.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// SetPolicy changes what the hub allows.
func (w *World) SetPolicy(p Policy) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.policy = p
}

// SetRules changes how the machinery behaves from now on.
func (w *World) SetRules(r Rules) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules = r
}

// Advance brings the world to now. Time does not go back.
func (w *World) Advance(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(now)
}

// newEvent makes an event of the present and returns its number.
func (w *World) newEvent() int {
	w.events = append(w.events, w.now)
	w.changes++
	return len(w.events)
}

// lastEvent is the newest event's number, 0 in an empty world.
func (w *World) lastEvent() int { return len(w.events) }

// eventTime returns when event id happened.
func (w *World) eventTime(id int) time.Time { return w.events[id-1] }

// changed notes a committed change of data that belongs to no event.
func (w *World) changed() { w.changes++ }

// A user is someone who may log in.
type user struct {
	id         int
	name       string
	status     int // 1: blocked
	kind       int // 0 normal, 1 host
	password   string
	principals []string
	perms      []string
}

func (w *World) addUser(u user) *user {
	u.id = len(w.users) + 1
	w.users = append(w.users, &u)
	return w.users[len(w.users)-1]
}

func (w *World) userByName(name string) *user {
	for _, u := range w.users {
		if u.name == name {
			return u
		}
	}
	return nil
}

func (w *World) userByPrincipal(principal string) *user {
	for _, u := range w.users {
		for _, p := range u.principals {
			if p == principal {
				return u
			}
		}
	}
	return nil
}

func (u *user) has(perm string) bool {
	for _, p := range u.perms {
		if p == perm || p == "admin" {
			return true
		}
	}
	return false
}
