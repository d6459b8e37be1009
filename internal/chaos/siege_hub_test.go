package chaos

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A poison is what the hub, or what stands in front of it, answers instead: a
// document that does not end.
type poison struct {
	mu     sync.Mutex
	method string // that is answered so; "" if none is
	begin  string
	more   []byte
	served int            // answers since it was set
	seen   map[string]int // calls, by method
}

// set has calls of a method answered with begin, and more again and again.
func (p *poison) set(method, begin, more string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.method, p.begin, p.more, p.served = method, begin, []byte(more), 0
}

func (p *poison) answers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.served
}

// methods are those that were called so far.
func (p *poison) methods() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.seen))
}

// serve answers a call if its answer is poisoned.
func (p *poison) serve(rw http.ResponseWriter, call []byte) bool {
	_, rest, _ := bytes.Cut(call, []byte("<methodName>"))
	name, _, _ := bytes.Cut(rest, []byte("</methodName>"))
	p.mu.Lock()
	if p.seen == nil {
		p.seen = map[string]int{}
	}
	p.seen[string(name)]++
	begin, more, poisoned := p.begin, p.more, p.method == string(name)
	p.mu.Unlock()
	if !poisoned {
		return false
	}
	rw.Header().Set("Content-Type", "text/xml")
	const most = 2 << 30 // a client that takes all of that has no bound
	_, err := rw.Write([]byte("<?xml version='1.0'?><methodResponse>" + begin))
	for n := 0; err == nil && n < most; n += len(more) {
		_, err = rw.Write(more)
	}
	p.mu.Lock()
	p.served++
	p.mu.Unlock()
	return true
}

// poisons are answers that do not end, each in another way.
func poisons() map[string][2]string {
	const value = "<params><param><value>"
	entry := "<value><struct><member><name>name</name><value><string>aaaaaaaa</string></value></member>" +
		"<member><name>id</name><value><int>1</int></value></member></struct></value>"
	return map[string][2]string{
		"a string":           {value + "<string>", strings.Repeat("a", 1<<20)},
		"strings in a list":  {value + "<array><data>", strings.Repeat("<value><string>aaaaaaaa</string></value>", 20_000)},
		"structs in a list":  {value + "<array><data>", strings.Repeat(entry, 5000)},
		"members":            {value + "<struct>", strings.Repeat("<member><name>name</name><value><string>aaaaaaaa</string></value></member>", 10_000)},
		"lists in lists":     {value, strings.Repeat("<array><data><value>", 20_000)},
		"a long fault":       {"<fault><value><struct><member><name>faultString</name><value><string>", strings.Repeat("a", 1<<20)},
		"answers in answers": {value + "<array><data>", strings.Repeat("<value><array><data>"+entry+"</data></array></value>", 5000)},
	}
}

// siegeHostileHub: every call that services make is answered without end, in every
// way.
func siegeHostileHub(t *testing.T) {
	p := siegePlan()
	p.packages, p.speed = 150, 60
	p.dueAfter = 8 * time.Hour
	s := newSiege(t, p, services()...)
	s.begin()
	s.awaitFirstBuilds()
	usual := s.memories()
	for _, method := range s.poison.methods() {
		for _, kind := range slices.Sorted(maps.Keys(poisons())) {
			s.poison.set(method, poisons()[kind][0], poisons()[kind][1])
			for began := time.Now(); s.poison.answers() == 0 && time.Since(began) < 5*time.Second; pause(t.Context(), 50*time.Millisecond) {
			}
			s.counts.add("poisoned answers to "+method, s.poison.answers())
			if s.poison.answers() == 0 {
				break // nobody calls it any more
			}
		}
	}
	s.poison.set("", "", "")
	for _, method := range s.poison.methods() {
		t.Logf("%d endless answers to %s", s.counts.of("poisoned answers to "+method), method)
	}
	peak := s.memories()
	for _, service := range slices.Sorted(maps.Keys(peak)) {
		t.Logf("%-15s resident at most: usually %4d MiB, then %4d MiB", service, usual[service], peak[service])
		if peak[service] > usual[service]+256 {
			t.Errorf("%s took %d MiB more than usual, want at most 256", service, peak[service]-usual[service])
		}
	}
	s.awaitWork("a hostile hub", time.Now(), 2*time.Minute)
	s.end()
}

// memories are the most MiB that the processes have had resident, by service.
func (s *siege) memories() map[string]int {
	most := map[string]int{}
	for _, l := range s.slots {
		most[l.service] = max(most[l.service], l.memory()>>10)
	}
	return most
}

// siegeClock: the clock of the database's machine is set back by an hour, and forth
// again, while all is well and when all processes have just died.
func siegeClock(t *testing.T) {
	set := fakeClock(t)
	s := newSiege(t, siegePlan(), besieged()...)
	s.begin()
	for _, die := range []bool{false, true} {
		for _, to := range []string{"-1h", "+0"} {
			what := "a clock set to " + to
			if die {
				what += " and the death of all"
				for _, l := range s.slots {
					l.kill()
				}
			}
			set(to)
			at := time.Now()
			var hour int64 = 3600
			if to == "+0" {
				hour = 0
			}
			s.await("the clock is set", func() string {
				if off := time.Now().Unix() - s.record.ServerTime().Unix(); off < hour-60 || off > hour+60 {
					return "it is " + strconv.FormatInt(off, 10) + " s off"
				}
				return ""
			})
			s.awaitWork(what, at, s.plan.lease)
		}
	}
	s.end()
}

// fakeClock has servers that are started from now on run by a clock that can be set.
func fakeClock(t *testing.T) (set func(string)) {
	t.Helper()
	libraries, err := filepath.Glob("/usr/lib*/*/faketime/libfaketime.so.1")
	if err != nil || len(libraries) == 0 {
		t.Fatal("libfaketime is missing, which make siege installs")
	}
	postgres, err := exec.LookPath("postgres")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
		if len(found) == 0 {
			t.Fatal(err)
		}
		postgres = found[len(found)-1]
	}
	dir, err := os.MkdirTemp("", "koschei-clock-") //nolint:usetesting // the server's user must get into it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	clock := filepath.Join(dir, "clock")
	set = func(to string) {
		if err := os.WriteFile(clock, []byte(to), 0o644); err != nil { //nolint:gosec // the server reads it
			t.Fatal(err)
		}
	}
	set("+0")
	script := "#!/bin/sh\nLD_PRELOAD=" + libraries[0] + " FAKETIME_TIMESTAMP_FILE=" + clock +
		" FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1 exec " + postgres + " \"$@\"\n"
	err = os.WriteFile(filepath.Join(dir, "postgres"), []byte(script), 0o755) //nolint:gosec // it is run
	if err == nil {
		err = os.Symlink(filepath.Join(filepath.Dir(postgres), "initdb"), filepath.Join(dir, "initdb"))
	}
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // see above
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return set
}
