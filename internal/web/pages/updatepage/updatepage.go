// Package updatepage shows the updates that came to a collection and what they did:
// which of them are to blame for what broke lately, one update with every package
// that it reached, and, at the address that the original had for it, the builds that
// failed after a dependency changed.
package updatepage

import (
	"embed"

	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	list     html.Page[listView]
	one      html.Page[oneView]
	affected html.Page[affectedView]
}

// Routes are the addresses of updates.
func Routes(t *html.Templates) []web.Route {
	folder := t.Folder("updatepage", files)
	p := &pages{
		html.Whole[listView](folder, "updates.html"),
		html.Whole[oneView](folder, "update.html"),
		html.Whole[affectedView](folder, "affected.html"),
	}
	return []web.Route{
		web.PublicPage("/updates", "updates", p.showList, web.UntilChanged),
		web.PublicPage("/update/{collection}/{source}", "update", p.showOne, web.UntilChanged),
		web.PublicPage("/update/{collection}/{source}/{version}", "update", p.showOne, web.UntilChanged),
		web.PublicPage("/affected-by/{dependency}", "affected-by", p.showAffected, web.UntilChanged),
	}
}

// A step is an update in short.
type step struct {
	Source string
	URL    string
	Before string // "" if it was not there
	After  string // "" if it is gone
}

func stepOf(collection, source, before, after string) step {
	return step{source, html.UpdateURL(collection, source, after), before, after}
}

// Words are the two versions as text.
func (s step) Words() string {
	switch {
	case s.Before == "" && s.After == "":
		return ""
	case s.Before == "":
		return "new, " + s.After
	case s.After == "":
		return s.Before + ", gone"
	case s.Before == s.After:
		return s.After + " built anew"
	}
	return s.Before + " → " + s.After
}
