package scenario_test

import (
	"fmt"
	stdhtml "html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// shown is a page of the site, as a browser gets it.
func (p *play) shown(address string) (string, error) {
	server, err := site.New(site.Config{
		View: p.Store.View, Log: slog.New(slog.DiscardHandler), Clock: koschei.Clock{Read: p.Clock.Now}, Rules: p.config.Rules,
		Registry: prometheus.NewRegistry(), Health: web.Health{Ready: p.Store.Ready, Failing: func() []string { return nil }}, Koji: html.Links{},
	}, false)
	if err != nil {
		return "", err
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequestWithContext(p.T.Context(), http.MethodGet, address, nil))
	if w.Code != http.StatusOK {
		return "", fmt.Errorf("%s: status %d", address, w.Code)
	}
	return w.Body.String(), nil
}

var (
	pageElement  = regexp.MustCompile(`<[^>]*>`)
	pageSentence = regexp.MustCompile(`(?s)<p class="(?:say|lede)">(.*?)</p>`)
)

// sentence is the answer at the top of a page.
func (p *play) sentence(address string) ([]string, error) {
	page, err := p.shown(address)
	if err != nil {
		return nil, err
	}
	found := pageSentence.FindStringSubmatch(page)
	if found == nil {
		return nil, fmt.Errorf("%s has no sentence", address)
	}
	text := stdhtml.UnescapeString(pageElement.ReplaceAllString(found[1], ""))
	return []string{strings.Join(strings.Fields(text), " ")}, nil
}

func askSays(p *play, args []string) ([]string, error) {
	name, collection := splitPackage(args[0])
	return p.sentence(html.PackageURL(name, collection))
}

func askOverview(p *play, args []string) ([]string, error) {
	return p.sentence(html.InCollection("/overview", args[0]))
}

func askQueue(p *play, args []string) ([]string, error) {
	return p.sentence(html.InCollection("/queue", args[0]))
}
