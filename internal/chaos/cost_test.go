package chaos

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// costs are CPU seconds, user's and system's, by who spent them.
type costs map[string]float64

func (c costs) since(before costs) costs {
	spent := costs{}
	for name, seconds := range c {
		spent[name] = seconds - before[name]
	}
	return spent
}

// String is the costs, the highest first.
func (c costs) String() string {
	var texts []string
	for _, name := range slices.SortedFunc(maps.Keys(c), func(a, b string) int { return int(1000 * (c[b] - c[a])) }) {
		texts = append(texts, fmt.Sprintf("%s %.1f", name, c[name]))
	}
	return strings.Join(texts, ", ")
}

// costs are what the services, the hub and PostgreSQL have spent so far.
func (s *stage) costs() costs {
	all := costs{"hub and test": ownCost(s.t.T), "PostgreSQL": s.databaseCost()}
	for _, l := range s.slots {
		l.mu.Lock()
		p := l.process
		l.mu.Unlock()
		if p != nil {
			all[l.service] += statOf(p.Pid).spent
		}
	}
	return all
}

// databaseCost is that of all processes of the server, those included that
// have ended.
func (s *stage) databaseCost() float64 {
	parent := statOf(int(s.record.ServerProcess())).parent
	postmaster := statOf(parent)
	spent := postmaster.spent + postmaster.reaped
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		if pid, err := strconv.Atoi(p.Name()); err == nil {
			if child := statOf(pid); child.parent == parent {
				spent += child.spent
			}
		}
	}
	return spent
}

// A processStat is what the system tells of a process, in CPU seconds.
type processStat struct {
	parent        int
	spent, reaped float64 // by itself, by those of its children that have ended
}

// statOf returns nothing if there is no such process.
func statOf(pid int) processStat {
	const ticks = 100 // in a second, on all that Linux runs on
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return processStat{}
	}
	number := func(i int) float64 { n, _ := strconv.ParseFloat(fields[i], 64); return n }
	return processStat{
		parent: int(number(1)), spent: (number(11) + number(12)) / ticks, reaped: (number(13) + number(14)) / ticks,
	}
}

func ownCost(t *testing.T) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// statements is how many of the database's statements a month tells the cost
// of, 0 if none: PostgreSQL then needs its extension pg_stat_statements.
func statements() int {
	n, _ := strconv.Atoi(os.Getenv("KOSCHEI_MONTH_STATEMENTS"))
	return n
}

func statementSettings() []string {
	if statements() == 0 {
		return nil
	}
	return []string{"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on"}
}

// watchStatements begins to count what statements cost.
func (s *stage) watchStatements() {
	if statements() == 0 {
		return
	}
	s.superuser().CountStatements()
}

// tellStatements tells which statements have cost most since. The times are on
// the clock, waits included.
func (s *stage) tellStatements() {
	if statements() == 0 {
		return
	}
	for _, line := range s.superuser().CostlyStatements(statements()) {
		s.t.Log(line)
	}
}

// superuser may look into what everybody does at the database.
func (s *stage) superuser() *pgtest.World {
	cfg, err := postgres.ParseURL(strings.Replace(s.server.url, "user=koschei", "user=postgres", 1))
	if err != nil {
		s.t.Fatal(err)
	}
	return pgtest.WorldOf(s.t, cfg)
}
