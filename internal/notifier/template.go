package notifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/template"
	"time"
)

// A bodyTemplate words calls in the form that a receiver such as a Matrix bridge
// wants: a template of JSON.
type bodyTemplate struct {
	template *template.Template
	site     *url.URL // nil if links lead nowhere
}

// templateData is what a template is given.
type templateData struct {
	hookData

	Type     string
	Time     time.Time
	Sentence string // that says it all, without a link
	URL      string // of the page about it; "" if frontend.url is not set
}

// mostBody is the longest body that is sent.
const mostBody = 64 << 10

// parseTemplate reads a template, none if text is "", and tries it with what every
// type is like.
func parseTemplate(text string, site *url.URL) (*bodyTemplate, error) {
	if text == "" {
		return nil, nil
	}
	t, err := template.New("template").Funcs(template.FuncMap{"json": asJSON}).Parse(text)
	if err != nil {
		return nil, err
	}
	b := &bodyTemplate{t, site}
	for _, kind := range append(WebhookTypes(), typePing) {
		odd := hookData{Collection: `a"b`, CollectionName: "a\nb", Package: `c\d`, Groups: []string{`"`}, Old: "ok", New: "failing", Outcome: "failed", Build: 1}
		if _, err := b.word(hook{Type: kind, Data: &odd}); err != nil {
			return nil, fmt.Errorf("for a %s: %w", kind, err)
		}
	}
	return b, nil
}

func asJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// word returns a body.
func (b *bodyTemplate) word(h hook) ([]byte, error) {
	data := templateData{Type: h.Type, Time: h.Timestamp, Sentence: sentence(h)}
	if h.Data != nil {
		data.hookData = *h.Data
		data.URL = b.pageOf(h.Data)
	}
	var out bytes.Buffer
	if err := b.template.Execute(&limited{&out}, data); err != nil {
		return nil, err
	}
	if !json.Valid(out.Bytes()) {
		return nil, errors.New("it makes no JSON: put texts into {{json ...}}")
	}
	return out.Bytes(), nil
}

// limited takes no more than a body may have.
type limited struct{ *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > mostBody {
		return 0, fmt.Errorf("it makes more than %d bytes: %w", mostBody, io.ErrShortWrite)
	}
	return l.Buffer.Write(p)
}

func (b *bodyTemplate) pageOf(d *hookData) string {
	switch {
	case b.site == nil:
		return ""
	case d.Build != 0:
		return b.site.JoinPath("build", fmt.Sprint(d.Build)).String()
	case d.Package == "":
		return b.site.JoinPath("collection", d.Collection).String()
	}
	page := b.site.JoinPath("package", d.Package)
	page.RawQuery = url.Values{"collection": {d.Collection}}.Encode()
	return page.String()
}

// sentence says what happened, for people in a chat room.
func sentence(h hook) string {
	d := h.Data
	switch {
	case d == nil:
		return "Koschei tries whether this works."
	case h.Type == TypeBuildEnded:
		return fmt.Sprintf("A build of %s in %s ended: %s", d.Package, d.CollectionName, d.Outcome)
	case d.Package == "":
		return fmt.Sprintf("The base buildroot of %s is %s, it was %s", d.CollectionName, d.New, d.Old)
	}
	return fmt.Sprintf("%s in %s is %s, it was %s", d.Package, d.CollectionName, d.New, d.Old)
}
