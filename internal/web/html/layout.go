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
	Tab        string // of navigation: "collections", "packages", "groups" or ""
	Query      string // what was searched for
	Notice     string
	Broken     []Broken // collections whose base buildroot cannot be installed
	Scope      string   // the names of the current collections, "" for all
	ScopeQuery string   // "?collection=" and Scope, or ""; put behind a link it keeps them current
	Version    string
}

// A Broken is a collection whose base buildroot cannot be installed.
type Broken struct {
	Name        string
	DisplayName string
	RepoID      int64
	RepoCreated time.Time
	Problems    []string
}

// An errorView tells why there is no page.
type errorView struct {
	Layout
	Heading  string
	Sentence string
}

// Error is the page that tells in a sentence why there is no other.
func (t *Templates) Error(layout Layout, heading, sentence string) ([]byte, error) {
	layout.Title = heading
	return t.failure.Execute(&errorView{layout, heading, sentence})
}

var (
	//go:embed koschei.css
	style string
	//go:embed icon.svg
	icon string
)

// Style is the style sheet of pages.
func Style() string { return style }

// Icon is the icon of pages, an SVG.
func Icon() string { return icon }

// StylePath names the style sheet by its content, so that it may be kept for
// ever and is fetched anew when it has changed.
func StylePath() string {
	sum := sha256.Sum256([]byte(style))
	return "/static/koschei." + hex.EncodeToString(sum[:6]) + ".css"
}
