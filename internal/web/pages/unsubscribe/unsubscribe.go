// Package unsubscribe ends subscriptions for those who follow the link in a letter.
// Nobody has to sign in: the address has the subscription's token. Looking at the
// address changes nothing, because scanners of mail do that too; a POST ends the
// subscription, by the button on the page or by a mail program (RFC 8058).
package unsubscribe

import (
	"embed"
	"errors"
	"fmt"
	"net/http"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	page   html.Page[content]
	editor *edit.Editor
}

// Routes are the addresses of subscriptions.
func Routes(t *html.Templates, editor *edit.Editor) []web.Route {
	p := &pages{html.Whole[content](t.Folder("unsubscribe", files), "unsubscribe.html"), editor}
	const pattern = "/unsubscribe/{token}"
	return []web.Route{
		web.PublicPage(pattern, "unsubscribe", p.ask, ""),
		{
			Method: http.MethodPost, Pattern: pattern, Handler: p.end, Access: web.Public, CSRF: web.SameOrigin, Errors: web.HTML,
			Label: "unsubscribe", Frame: true,
		},
	}
}

// A content is what is asked, or that it was done.
type content struct {
	html.Layout
	User     string
	Followed string
	Ended    bool
}

func (p *pages) ask(r *web.Request) (web.Answer, error) {
	s, err := p.find(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.page, &content{Layout: r.Layout("", "End a subscription"), User: s.User, Followed: s.Followed()})
}

func (p *pages) end(r *web.Request) (web.Answer, error) {
	s, err := p.find(r)
	if err != nil {
		return web.Answer{}, err
	}
	act := audit.Act{Actor: koschei.Actor{Name: s.User, From: koschei.FromFrontend}, Now: r.Now}
	_, err = p.editor.Accounts.UnsubscribeByToken(r.Context(), act, s.Token)
	if err != nil && !errors.Is(err, koschei.ErrNotFound) { // it is over if somebody was faster
		return web.Answer{}, err
	}
	return web.Page(p.page, &content{Layout: r.Layout("", "Subscription ended"), User: s.User, Followed: s.Followed(), Ended: true})
}

func (p *pages) find(r *web.Request) (*koschei.Subscription, error) {
	s, err := r.View.People.SubscriptionByToken(r.Context(), r.PathValue("token"))
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, fmt.Errorf("this subscription has ended, or its link is not complete: %w", koschei.ErrNotFound)
	}
	return s, err
}
