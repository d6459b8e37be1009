package pgtest

import (
	"fmt"

	"github.com/koschei-ci/koschei/internal/depset"
)

// An Unmet is a dependency that is, or was, not met.
type Unmet struct {
	RepoID       int64
	Dependency   string
	NeededBy     string
	Why          string
	Source       string
	SourceBefore string
	SourceAfter  string
	Provider     string
	Packages     int
	Ended        bool
	Wanted       []string // by whom, as "package wants entry of its BuildRequires"
}

// Unmet are all, by repo and dependency.
func (w *World) Unmet() []Unmet {
	w.t.Helper()
	return read[Unmet](w, `
		SELECT u.repo_id, u.dependency, u.needed_by, u.why, u.source, u.source_before, u.source_after, u.provider, u.packages,
			u.ended IS NOT NULL AS ended,
			ARRAY(SELECT p.name || ' wants ' || x.asked FROM unmet_package x JOIN package p ON p.id = x.package_id
				WHERE x.unmet_id = u.id ORDER BY p.name) AS wanted
		FROM unmet u
		ORDER BY u.repo_id, u.dependency, u.needed_by`)
}

// A Reached is whom an update reached.
type Reached struct {
	RepoID   int64
	Source   string
	Packages []string // by name, each with its distance
}

// Reached are the updates of all repos that reached somebody, the oldest first.
func (w *World) Reached() []Reached {
	w.t.Helper()
	type row struct {
		RepoID  int64
		Source  string
		Reached []byte
	}
	codec := depset.NewCodec()
	var all []Reached
	for _, r := range read[row](w, `SELECT repo_id, source, reached FROM repo_change WHERE reached IS NOT NULL ORDER BY repo_id, source`) {
		set, err := codec.Decode(r.Reached)
		if err != nil {
			w.t.Fatal(err)
		}
		distances := map[int64]uint8{}
		var ids []int64
		for _, m := range set {
			ids, distances[int64(m.ID)] = append(ids, int64(m.ID)), m.Distance
		}
		reached := Reached{RepoID: r.RepoID, Source: r.Source}
		type pkg struct {
			ID   int64
			Name string
		}
		for _, p := range read[pkg](w, `SELECT id, name FROM package WHERE id = ANY($1) ORDER BY name`, ids) {
			reached.Packages = append(reached.Packages, fmt.Sprintf("%s %d", p.Name, distances[p.ID]))
		}
		all = append(all, reached)
	}
	return all
}

// Sources are those of the binary packages of these names, as "name version source
// version-release".
func (w *World) Sources(names ...string) []string {
	w.t.Helper()
	return w.sql.Lines(`
		SELECT concat_ws(' ', name, version, source, source_version) FROM nevra WHERE name = ANY($1) ORDER BY name, version`, names)
}

// A StateCount is what was counted of a collection at a time.
type StateCount struct {
	RepoID int64
	OK     int
}

// StateCounts are all, the oldest first.
func (w *World) StateCounts() []StateCount {
	w.t.Helper()
	return read[StateCount](w, `SELECT repo_id, ok FROM state_count ORDER BY at, collection_id`)
}

// UnstoreRepo makes a repo, of which verdicts are stored, one that was not looked at
// yet, and the one before it the collection's latest.
func (w *World) UnstoreRepo(collection string, repo, before int64) {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM repo_change WHERE repo_id = $1`, repo)
	w.sql.Exec(`UPDATE repo SET resolved = 'unattempted', solved = NULL WHERE repo_id = $1`, repo)
	w.sql.Exec(`
		UPDATE collection c
		SET latest_repo_id = r.repo_id, latest_repo_event = r.create_event
		FROM repo r
		WHERE c.name = $1 AND r.collection_id = c.id AND r.repo_id = $2`, collection, before)
}

// Vias are how changed packages came into the buildroots of builds, a line for each
// build: its event, and for each change its name and the packages that lead to it.
func (w *World) Vias() []string {
	w.t.Helper()
	type row struct {
		Event   int64
		Curr    []int32
		Via     []int16
		Content []byte
	}
	codec := depset.NewCodec()
	var lines []string
	for _, r := range read[row](w, `
		SELECT b.event, a.curr, a.via, s.content
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		JOIN dependency_set s ON s.id = b.dependency_set_id
		WHERE a.via IS NOT NULL
		ORDER BY b.event`) {
		set, err := codec.Decode(r.Content)
		if err != nil {
			w.t.Fatal(err)
		}
		via := set.DecodeVia(r.Curr, r.Via)
		line := fmt.Sprintf("%d:", r.Event)
		for _, id := range r.Curr {
			if chain, known := via[id]; known {
				line += fmt.Sprintf(" %s by %v;", w.Binaries(id), w.Binaries(chain...))
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// A Failure is what was found in the logs of a failed build.
type Failure struct {
	BuildID int64
	Found   bool
	Log     string
	Kind    string
}

// Failures are all, by build.
func (w *World) Failures() []Failure {
	w.t.Helper()
	return read[Failure](w, `SELECT build_id, found, log, kind FROM build_failure ORDER BY build_id`)
}

// LogsGone has the logs of all failed builds looked for and found gone.
func (w *World) LogsGone() {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO build_failure (build_id, found, task_id, arch, log, phase, kind, message, error, lines, numbers, total, signature, read)
		SELECT id, false, 0, '', '', '', '', '', -1, '{}', '{}', 0, '', finished FROM build WHERE outcome = 'failed'`)
}

// FaultTask is the task that brought a build down; 0 if it is not known.
func FaultTask(id int64) BuildOption {
	return func(c *columns) {
		if id != 0 {
			c.set("fault_task_id", id)
		}
	}
}
