package selfcheck

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// Logs of failed builds that nobody reads are told, until they are read or so old
// that they are most likely gone.
func TestUnreadLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.scratch("foo", koschei.OutcomeComplete, pgtest.Task(1), pgtest.Deps(koschei.DepsUnavailable))
	f.scratch("zap", koschei.OutcomeFailed, pgtest.Task(2), pgtest.Deps(koschei.DepsUnavailable))
	f.wait(5 * time.Hour)
	f.check()
	f.expect("a build that failed a while ago")
	f.wait(2 * time.Hour)
	f.check()
	const sentence = "logs f44: The logs of 1 build (zap) that failed were not read, the first since 2026-11-23 12:00 UTC: " +
		"is the log-reader running, and does Koji give out logs? "
	f.expect("a build that failed long ago", sentence+"(lasts)")
	f.LogsGone()
	f.check()
	f.expect("when they were looked for", sentence+"(ended)")
}
