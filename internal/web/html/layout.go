package html

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"time"
)

// A Layout is what all pages have in common; the view of each embeds one.
type Layout struct {
	Title      string
	Tab        string // of navigation: "overview", "packages", "updates", "queue", "repos", "groups", or what has none
	Query      string // what was searched for
	Notice     string
	Broken     []Broken // collections whose base buildroot cannot be installed
	Scope      string   // the names of the current collections, "" for all
	ScopeQuery string   // "?collection=" and Scope, or ""; put behind a link it keeps them current
	Version    string
	Theme      string   // "light", "dark" or "", which is as the system
	Here       string   // the page's own address, "" if none leads back to it
	Where      string   // what the current collections are called
	Switch     []Choice // each collection with how many of its packages are broken
	Strip      *Strip   // nil unless the page is about one collection
	Account    Account
	Feeds      []Feed   // of what the page is about
	Events     string   // address that tells what happens after the page was made, "" if none does
	About      string   // the package that it is about, "" if none
	Done       []string // sentences on what the last form has changed
}

// A Feed is a feed in which what a page tells is told as it happens.
type Feed struct{ Title, URL string }

// An Account is whose page it is.
type Account struct {
	Name   string // "" of who has not signed in
	Admin  bool
	SignIn bool // whether anybody can sign in
}

// A Strip tells how fresh the collection is that a page is about.
type Strip struct {
	Collection string
	Fresh      Fresh
	Running    int // builds under way
}

// Dot is the shape that tells at a glance: current, late or stuck.
func (s *Strip) Dot() string {
	switch {
	case s.Fresh.Because != "" || len(s.Fresh.Troubles) > 0:
		return "stuck"
	case s.Fresh.Behind != "" || s.Fresh.Unseen != "" || s.Fresh.Verdicts.RepoID == 0:
		return "late"
	}
	return "current"
}

// A themeChoice is one way to colour pages.
type themeChoice struct{ Value, Text string }

func themes() []themeChoice {
	return []themeChoice{{"light", "light"}, {"dark", "dark"}, {"system", "as the system"}}
}

// A Broken is a collection whose base buildroot cannot be installed.
type Broken struct {
	Name        string
	DisplayName string
	RepoID      int64
	RepoCreated time.Time
	Problems    []string
}

// A Failure tells why there is no page.
type Failure struct {
	Layout
	Heading  string
	Sentence string
	Known    *Known // what can be told nevertheless; nil if nothing
}

// A Known is how collections stood when they could last be asked.
type Known struct {
	Age         string // how long ago that was
	Collections []KnownCollection
}

// A KnownCollection is how many packages of a collection were in which state.
type KnownCollection struct {
	Name                             string // as people call it
	OK, Failing, Unresolved, Running int
}

// Error is the page that tells in a sentence why there is no other.
func (t *Templates) Error(f *Failure) ([]byte, error) {
	f.Title = f.Heading
	return t.failure.Execute(f)
}

var (
	//go:embed koschei.css
	style string
	//go:embed koschei.js
	script string
	//go:embed icon.svg
	icon string
)

// Style is the style sheet of pages.
func Style() string { return style }

// Script is the script of pages, which work without it.
func Script() string { return script }

// Icon is the icon of pages, an SVG.
func Icon() string { return icon }

// StylePath names the style sheet by its content, so that it may be kept for
// ever and is fetched anew when it has changed.
func StylePath() string { return "/static/koschei." + digest(style) + ".css" }

// ScriptPath names the script by its content.
func ScriptPath() string { return "/static/koschei." + digest(script) + ".js" }

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:6])
}
