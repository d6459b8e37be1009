package main

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
)

// limitOf tells how many builds of a collection may run, if it has a limit.
func limitOf(c view.CollectionStatus) string {
	if c.MaxBuilds == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d", c.MaxBuilds)
}

func printFreshness(line func(format string, args ...any), f *koschei.Freshness, now time.Time, clock koschei.Clock) {
	if f.Unseen(now, clock.LateAfter()) {
		line("\twhether there is a newer repo is not known: the repo-resolver has not looked for %v or more", clock.LateAfter())
	}
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

// A freshnessReport is how fresh a collection is, in JSON.
type freshnessReport struct {
	BehindEvents        int64           `json:"behind_events"`
	BehindSeconds       float64         `json:"behind_seconds"`
	BrokenRepos         int             `json:"broken_repos"`
	Looked              bool            `json:"looked"`
	NewerRepos          int             `json:"newer_repos"`
	NewestRepoEvent     int64           `json:"newest_repo_event"`
	NewestRepoID        int64           `json:"newest_repo_id"`
	Services            []serviceReport `json:"services"`
	VerdictsRepoCreated *time.Time      `json:"verdicts_repo_created"`
	VerdictsRepoEvent   int64           `json:"verdicts_repo_event"`
	VerdictsRepoID      int64           `json:"verdicts_repo_id"`
}

type serviceReport struct {
	Failures         int        `json:"failures"`
	Remark           string     `json:"remark"`
	Service          string     `json:"service"`
	Succeeded        *time.Time `json:"succeeded"`
	Trouble          string     `json:"trouble"`
	TroubleFirstSeen *time.Time `json:"trouble_first_seen"`
	TroubleLastSeen  *time.Time `json:"trouble_last_seen"`
}

type findingReport struct {
	Collection string              `json:"collection"`
	Count      int                 `json:"count"`
	Ended      *time.Time          `json:"ended"`
	FirstSeen  time.Time           `json:"first_seen"`
	Kind       koschei.FindingKind `json:"kind"`
	LastSeen   time.Time           `json:"last_seen"`
	Repair     string              `json:"repair"`
	Sentence   string              `json:"sentence"`
	Subject    string              `json:"subject"`
}

func newFreshnessReport(f *koschei.Freshness, now time.Time, clock koschei.Clock) freshnessReport {
	services := []serviceReport{}
	for _, r := range f.Services {
		services = append(services, serviceReport{
			Failures: r.Failures, Remark: r.Remark, Service: string(r.Service), Succeeded: ifKnown(r.Succeeded),
			Trouble: r.Trouble, TroubleFirstSeen: ifKnown(r.FirstSeen), TroubleLastSeen: ifKnown(r.LastSeen),
		})
	}
	return freshnessReport{
		BehindEvents: f.EventsBehind(), BehindSeconds: f.Behind(now).Seconds(), BrokenRepos: f.Broken, Looked: !f.Unseen(now, clock.LateAfter()), NewerRepos: f.Newer,
		NewestRepoEvent: f.Newest.CreateEvent, NewestRepoID: f.Newest.RepoID, Services: services,
		VerdictsRepoCreated: ifKnown(f.Verdicts.Created), VerdictsRepoEvent: f.Verdicts.CreateEvent, VerdictsRepoID: f.Verdicts.RepoID,
	}
}

func newFindingReports(findings []koschei.Finding) []findingReport {
	list := []findingReport{}
	for _, f := range findings {
		list = append(list, findingReport{
			Collection: f.Collection, Count: f.Count, Ended: ifKnown(f.Ended), FirstSeen: f.FirstSeen, Kind: f.Kind,
			LastSeen: f.LastSeen, Repair: f.Repair, Sentence: f.Sentence, Subject: f.Subject,
		})
	}
	return list
}
