package main

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// limitOf tells how many builds of a collection may run, if it has a limit.
func limitOf(c postgres.CollectionStatus) string {
	if c.MaxBuilds == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d", c.MaxBuilds)
}

func printFreshness(line func(format string, args ...any), f *koschei.Freshness, now time.Time) {
	if f.Newer > 0 {
		line("\tbehind by %v and %d events: verdicts are about repo %d of event %d, the newest is %d of event %d, %d are newer",
			f.Behind(now).Round(time.Second), f.EventsBehind(),
			f.Verdicts.RepoID, f.Verdicts.CreateEvent, f.Newest.RepoID, f.Newest.CreateEvent, f.Newer)
	}
	for _, r := range f.Services {
		switch {
		case r.Trouble != "":
			line("\t%s has trouble\tfor %v, %d failures: %s", r.Service, now.Sub(r.FirstSeen).Round(time.Second), r.Failures, r.Trouble)
		case r.Remark != "":
			line("\t%s succeeded\t%v ago: %s", r.Service, now.Sub(r.Succeeded).Round(time.Second), r.Remark)
		default:
			line("\t%s succeeded\t%v ago", r.Service, now.Sub(r.Succeeded).Round(time.Second))
		}
	}
}

// printFinding tells of what lasts, and of what was mended within a day.
func printFinding(line func(format string, args ...any), f *koschei.Finding, now time.Time) {
	const shown = 24 * time.Hour
	switch {
	case f.Ended.IsZero():
		line("stuck (%s):\tfor %v\t%s", f.Kind, now.Sub(f.FirstSeen).Round(time.Second), f.Sentence)
	case f.Repair != "" && now.Sub(f.Ended) < shown:
		line("mended (%s):\t%v ago\t%s Mended: %s.", f.Kind, now.Sub(f.Ended).Round(time.Second), f.Sentence, f.Repair)
	}
}

func freshnessJSON(f *koschei.Freshness, now time.Time) any {
	type object = map[string]any
	services := []object{}
	for _, r := range f.Services {
		services = append(services, object{
			"service": r.Service, "succeeded": orNull(r.Succeeded), "remark": r.Remark, "trouble": r.Trouble,
			"trouble_first_seen": orNull(r.FirstSeen), "trouble_last_seen": orNull(r.LastSeen), "failures": r.Failures,
		})
	}
	return object{
		"verdicts_repo_id": f.Verdicts.RepoID, "verdicts_repo_event": f.Verdicts.CreateEvent, "verdicts_repo_created": orNull(f.Verdicts.Created),
		"newest_repo_id": f.Newest.RepoID, "newest_repo_event": f.Newest.CreateEvent,
		"newer_repos": f.Newer, "broken_repos": f.Broken, "behind_seconds": f.Behind(now).Seconds(), "behind_events": f.EventsBehind(),
		"services": services,
	}
}

func findingsJSON(findings []koschei.Finding) any {
	list := []map[string]any{}
	for _, f := range findings {
		list = append(list, map[string]any{
			"kind": f.Kind, "collection": f.Collection, "subject": f.Subject, "sentence": f.Sentence, "count": f.Count,
			"first_seen": f.FirstSeen, "last_seen": f.LastSeen, "ended": orNull(f.Ended), "repair": f.Repair,
		})
	}
	return list
}

func startsJSON(starts []postgres.ServiceStarts) any {
	list := []map[string]any{}
	for _, x := range starts {
		list = append(list, map[string]any{"service": x.Service, "count": x.Count, "last_holder": x.Holder, "last_seconds_ago": x.Ago.Seconds()})
	}
	return list
}
