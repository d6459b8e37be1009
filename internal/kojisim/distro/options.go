package distro

import (
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// Options says what world Generate makes. Zero fields have defaults.
type Options struct {
	Packages int       // source packages; default 300
	Seed     int64     // same seed, same world
	Start    time.Time // the world's present when it is handed over; default 2026-03-02 08:00 UTC
	History  time.Duration
	Updates  float64        // by packagers a day; default 6 % of the packages
	Arches   []string       // default x86_64 and aarch64
	Hosts    int            // builders an architecture; default 6
	Rules    *kojisim.Rules // default: defaultRules
	Everyday Everyday
}

// defaultRules are those of the demo: eight repos a day, a fault now and then.
func defaultRules() kojisim.Rules {
	return kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3, FreedTasks: 0.01, Infrastructure: 0.01}
}

func (o *Options) setDefaults() {
	if o.Packages == 0 {
		o.Packages = 300
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	}
	if o.History == 0 {
		o.History = 21 * 24 * time.Hour
	}
	if o.Updates == 0 {
		o.Updates = 0.06 * float64(o.Packages)
	}
	if len(o.Arches) == 0 {
		o.Arches = []string{"x86_64", "aarch64"}
	}
	if o.Hosts == 0 {
		o.Hosts = max(6, o.Packages/400) // else tasks queue up for weeks
	}
	if o.Rules == nil {
		r := defaultRules()
		o.Rules = &r
	}
}

// Names of the things in a made world.
const (
	TargetName   = "f44"
	DestTagName  = "f44"
	BuildTagName = "f44-build"
	KoscheiUser  = "koschei"
	distSuffix   = ".fc44"
)
