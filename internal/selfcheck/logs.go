package selfcheck

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// logsPatience is how long after its end, in domain time, the logs of a failed build
// may not have been read; beyond logsKept nobody looks for them any more.
const (
	logsPatience = 6 * time.Hour
	logsKept     = 14 * 24 * time.Hour
)

// logs finds failed builds whose logs nobody reads.
func (s *Service) logs(ctx context.Context, db *maintain.Fenced, now time.Time) ([]koschei.Finding, error) {
	found, err := db.UnreadLogs(ctx, now.Add(-logsKept), now.Add(-s.patience(logsPatience)))
	var findings []koschei.Finding
	for i := range found {
		x := &found[i]
		findings = append(findings, about(koschei.FindingLogs, x, "",
			"The logs of %s that failed were not read, the first since %s: is the log-reader running, and does Koji give out logs?",
			builds(x), since(x.Oldest)))
	}
	return findings, err
}
