package web

import (
	"fmt"

	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// AllLines are more lines than are kept of a log.
const AllLines = 1000

// ExcerptOf shows at most some lines of what the log of a build tells, those around
// the error; nil if no log was read. logs are those of the task that failed.
func ExcerptOf(f *view.Failure, buildID int64, most int, logs []html.Log) *html.Excerpt {
	if f == nil || !f.Found || len(f.Lines) == 0 {
		return nil
	}
	v := &html.Excerpt{Phase: f.Phase, Arch: f.Arch, Log: f.Log, Total: f.Total, Logs: logs}
	first, last := 0, len(f.Lines)
	if most < AllLines {
		v.More = fmt.Sprintf("/build/%d/log", buildID)
	}
	if last > most {
		first = last - most
		if f.Error >= 0 {
			first = max(0, min(f.Error-most/3, last-most))
		}
		last = first + most
	}
	if f.Error >= 0 && f.Error < len(f.Lines) {
		v.Line = f.Lines[f.Error].Number
	}
	for i := first; i < last; i++ {
		gap := i > first && f.Lines[i].Number != f.Lines[i-1].Number+1
		v.Lines = append(v.Lines, html.ExcerptLine{Text: f.Lines[i].Text, Hit: i == f.Error, Gap: gap})
	}
	return v
}
