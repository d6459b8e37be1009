package v2

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A RepoLine is a repo and what it did.
type RepoLine struct {
	Repo
	Updates    int `json:"updates" doc:"sources that changed"`
	Unresolved int `json:"unresolved" doc:"packages that could not be installed any more"`
	Mended     int `json:"mended" doc:"packages that could be installed again"`
	Broke      int `json:"broke" doc:"packages that failed for the first time in a build made in it"`
}

func tellRepoLine(l *view.RepoLine) RepoLine {
	return RepoLine{repoOf(&l.Repo), l.Updates, l.Unresolved, l.Mended, l.Broke}
}

// A RepoPage is everything about a repo.
type RepoPage struct {
	RepoLine
	Before   int64    `json:"before,omitempty" doc:"the repo before it that was resolved"`
	Next     int64    `json:"next,omitempty"`
	Missing  []Unmet  `json:"missing" doc:"what was not met first"`
	Again    []string `json:"again" doc:"packages that could be installed again"`
	Contents []Update `json:"contents" doc:"updates by source"`
}

// A RepoDifference is what a repo has otherwise than an earlier one.
type RepoDifference struct {
	From    Repo         `json:"from"`
	To      Repo         `json:"to"`
	Repos   int          `json:"repos"`
	Missing int          `json:"missing" doc:"repos in between of which it is not known what changed"`
	Sources []SourceStep `json:"sources"`
}

// A SourceStep is a source that changed between two repos.
type SourceStep struct {
	Source string `json:"source"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	RepoID int64  `json:"repo" doc:"the last in which it changed"`
}

// mostInRepo bounds the lists of one repo.
const mostInRepo = 1000

type reposAsked struct {
	Collection string `path:"collection"`
	After      string `query:"after" doc:"next of the part before"`
	Limit      int    `query:"limit" default:"50" min:"1" max:"500"`
}

type repoAsked struct {
	Collection string `path:"collection"`
	ID         int64  `path:"id" min:"1"`
}

type differenceAsked struct {
	Collection string `path:"collection"`
	From       int64  `path:"from" min:"1"`
	To         int64  `path:"to" min:"1"`
}

func (a *API) addRepos() {
	add(a, http.MethodGet, "/repos/{collection}", "Repos of a collection, the newest first", getRepos)
	add(a, http.MethodGet, "/repos/{collection}/{id}", "A repo and what came with it", getRepo)
	add(a, http.MethodGet, "/repos/{collection}/{from}/{to}", "What changed from one repo to another", getDifference)
}

func getRepos(r *web.Request, in *reposAsked) (ListOf[RepoLine], error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return ListOf[RepoLine]{}, err
	}
	before, err := number("after", in.After)
	if err != nil {
		return ListOf[RepoLine]{}, err
	}
	lines, err := r.View.Repos.List(r.Context(), c.ID, before, in.Limit+1)
	return listOf(lines, in.Limit, tellRepoLine, func(l *view.RepoLine) string { return strconv.FormatInt(l.CreateEvent, 10) }), err
}

func getRepo(r *web.Request, in *repoAsked) (RepoPage, error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return RepoPage{}, err
	}
	page, err := r.View.Repos.Page(r.Context(), c.ID, in.ID, mostInRepo)
	if err != nil {
		return RepoPage{}, err
	}
	return RepoPage{
		RepoLine: tellRepoLine(&page.RepoLine), Before: page.Before, Next: page.Next, Missing: each(page.Unmet, tellUnmet),
		Again: append([]string{}, page.Mended...), Contents: each(page.Changed, tellUpdate),
	}, nil
}

func getDifference(r *web.Request, in *differenceAsked) (RepoDifference, error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return RepoDifference{}, err
	}
	d, err := r.View.Repos.Difference(r.Context(), c.ID, in.From, in.To, mostInRepo)
	if err != nil {
		return RepoDifference{}, err
	}
	return RepoDifference{repoOf(&d.From), repoOf(&d.To), d.Repos, d.Missing, each(d.Updates, func(s *view.SourceStep) SourceStep {
		return SourceStep{s.Source, s.Before, s.After, s.RepoID}
	})}, nil
}

// number reads an argument that is one, 0 if it is not given.
func number(name, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid(fmt.Sprintf("argument %s: %q is not the next of a part", name, text))
	}
	return n, nil
}
