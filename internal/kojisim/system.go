package kojisim

import (
	"fmt"
	"sync"
	"time"
)

// A World is a System that many goroutines share: its methods may be called at
// any time from any of them.
type World struct {
	// mu protects system and everything that can be reached from it: tags,
	// builds, tasks and so on have no lock of their own. Who holds the lock of a
	// world may take that of a world it is linked to, but not the other way round.
	mu     sync.Mutex
	system *System
}

// NewWorld returns the world of a system that nobody else changes any more.
func NewWorld(s *System) *World { return &World{system: s} }

// Lock locks the world and returns its system, which may be used until Unlock.
func (world *World) Lock() *System {
	world.mu.Lock()
	return world.system
}

// Unlock ends what Lock began.
func (world *World) Unlock() { world.mu.Unlock() }

// Now returns the world's present.
func (world *World) Now() time.Time {
	defer world.Unlock()
	return world.Lock().Now
}

// SetPolicy changes what the hub allows.
func (world *World) SetPolicy(p Policy) {
	world.Lock().Policy = p
	world.Unlock()
}

// SetRules changes how the machinery behaves from now on.
func (world *World) SetRules(r Rules) {
	world.Lock().Rules = r
	world.Unlock()
}

// Advance brings the world to now. Time does not go back.
func (world *World) Advance(now time.Time) {
	defer world.Unlock()
	world.Lock().Advance(now)
}

// A System is a build system at one moment, and the rules by which it changes.
// It is for one goroutine at a time: see World.
type System struct {
	Seed   int64
	Now    time.Time
	agenda agenda

	Changes int         // counts committed changes of data; never goes back
	Events  []time.Time // of event id i+1; zero where a change was given up
	Ahead   int         // how many more events have begun than can be seen

	Users    []*User
	Tags     []*Tag
	tagIDs   map[string]int
	Targets  []*Target
	Packages []*Package
	pkgIDs   map[string]int
	Builds   []*Build
	buildIDs map[string]int // by NVR
	rpms     int            // ids given to RPMs
	Repos    []*Repo
	Requests []*RepoRequest
	Tasks    []*Task
	free     []*Task // FREE ones, in the order in which hosts take them
	Hosts    []*Host
	Channels []*Channel
	External []*ExternalRepo
	groups   int // ids given to groups

	Holiday   bool   // of packagers, see SendHome
	BeginLife func() // begins what is planned of everyday life, in worlds of package distro

	truth  truth
	Policy Policy
	Rules  Rules

	providers  map[string][]provider
	RequiredBy map[string][]*Package // by name: whose binaries (once) required it
	BuiltBy    map[string][]*Package // by name: whose sources (once) required it
	links      []link                // to other worlds
	looked     *Look                 // the last at a repo, see lookAt
	borrowed   map[*Repo][]borrowed  // what repos were merged of besides
	listeners  []func(*System, Fact)
}

// A link is another world whose files this one's builders reach.
type link struct {
	url   string // below which they are served, with a slash at the end
	world *World
}

// A borrowed repo is one of another world.
type borrowed struct {
	world *World
	repo  *Repo
}

// Policy is what the hub allows.
type Policy struct {
	// BuildFromRepoID lets every user name the repo of a build; otherwise only
	// an administrator may.
	BuildFromRepoID bool
	// RefuseSRPM denies builds from uploaded source packages.
	RefuseSRPM bool
	// Version of Koji that the hub is; "" is the one that was recorded. Older ones
	// lack what came later.
	Version string
}

// Before says whether the hub is older than Koji 1.MINOR.
func (p Policy) Before(minor int) bool {
	var is int
	_, err := fmt.Sscanf(p.Version, "1.%d", &is)
	return err == nil && is < minor
}

// Rules is how the world's machinery behaves.
type Rules struct {
	// RepoEvery is how often kojira looks whether a build tag needs a new repo.
	// 0: never by itself.
	RepoEvery time.Duration
	// Requests lets repos that were asked for be made even if kojira makes none
	// by itself.
	Requests bool
	// Siblings lets the other architectures of a build go on when one has failed.
	Siblings bool
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

// NewSystem returns an empty build system whose present is start.
func NewSystem(seed int64, start time.Time) *System {
	w := &System{
		Seed:       seed,
		Now:        start.UTC().Truncate(time.Microsecond),
		tagIDs:     map[string]int{},
		pkgIDs:     map[string]int{},
		buildIDs:   map[string]int{},
		providers:  map[string][]provider{},
		RequiredBy: map[string][]*Package{},
		BuiltBy:    map[string][]*Package{},
		borrowed:   map[*Repo][]borrowed{},
		Policy:     Policy{BuildFromRepoID: true},
		Rules:      Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3},
	}
	w.truth.init()
	return w
}

// NewEvent makes an event of the present and returns its number.
func (w *System) NewEvent() int {
	w.Events = append(w.Events, w.Now)
	w.Changes++
	return len(w.Events)
}

// LastEvent is the newest event's number, 0 in an empty world.
func (w *System) LastEvent() int { return len(w.Events) }

// EventTime returns when event id happened; zero for an id that no event has.
func (w *System) EventTime(id int) time.Time { return w.Events[id-1] }

// Changed notes a committed change of data that belongs to no event.
func (w *System) Changed() { w.Changes++ }

// Listen has every fact told to hear, with the world locked, at the moment at
// which it becomes one. hear must not change anything.
func (world *World) Listen(hear func(*System, Fact)) {
	w := world.Lock()
	defer world.Unlock()
	w.listeners = append(w.listeners, hear)
}

// tell tells all listeners of a fact.
func (w *System) tell(f Fact) {
	for _, hear := range w.listeners {
		hear(w, f)
	}
}

// After plans do for d after the world's present.
func (w *System) After(d time.Duration, do func()) { w.agenda.plan(w.Now.Add(d), do) }

// Advance brings the world to now, running everything that is due on the way.
func (w *System) Advance(now time.Time) {
	for {
		p, ok := w.agenda.take(now)
		if !ok {
			break
		}
		if p.at.After(w.Now) {
			w.Now = p.at
		}
		p.do()
	}
	if now.After(w.Now) {
		w.Now = now
	}
}

// NextDue returns when the next planned thing happens.
func (w *System) NextDue() (time.Time, bool) { return w.agenda.next() }

// AddUser makes a user; its number is given here.
func (w *System) AddUser(u User) *User {
	u.ID = len(w.Users) + 1
	w.Users = append(w.Users, &u)
	return w.Users[len(w.Users)-1]
}
