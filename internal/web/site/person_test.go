package site_test

import (
	"strings"
	"testing"
	"time"
)

// A person looks at a browser, and does what people do: they fill in fields, press
// buttons and read. None of it needs script in the page.
type person struct {
	*chromium
	address string
}

// node finds what an XPath means.
func (p person) node(path string) int {
	p.t.Helper()
	p.ask("DOM.getDocument", map[string]any{"depth": 0}, nil)
	var found struct {
		SearchID    string
		ResultCount int
	}
	p.ask("DOM.performSearch", map[string]any{"query": path}, &found)
	if found.ResultCount == 0 {
		p.t.Fatalf("the page has no %s: %.1500s", path, p.text())
	}
	var nodes struct{ NodeIDs []int }
	p.ask("DOM.getSearchResults", map[string]any{"searchId": found.SearchID, "fromIndex": 0, "toIndex": 1}, &nodes)
	return nodes.NodeIDs[0]
}

// text is what can be read on the page.
func (p person) text() string {
	p.t.Helper()
	var root struct{ Root struct{ NodeID int } }
	p.ask("DOM.getDocument", map[string]any{"depth": 0}, &root)
	var page struct{ OuterHTML string }
	p.ask("DOM.getOuterHTML", map[string]any{"nodeId": root.Root.NodeID}, &page)
	_, content, _ := strings.Cut(page.OuterHTML, "<main")
	return plain("<main" + content)
}

func (p person) sees(words string) {
	p.t.Helper()
	if text := p.text(); !strings.Contains(text, words) {
		p.t.Errorf("the page does not say %q: %.1500s", words, text)
	}
}

// visit opens a page of the site. It must say nothing on the console.
func (p person) visit(path string) {
	p.t.Helper()
	for _, line := range p.open(p.address + path) {
		p.t.Errorf("%s: the console has %s", path, line)
	}
}

// keys types into what has the focus.
func (p person) keys(text string) {
	p.t.Helper()
	for _, c := range text {
		key := string(c)
		p.ask("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "text": key, "key": key}, nil)
		p.ask("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
	}
}

// fill replaces what a field has.
func (p person) fill(path, text string) {
	p.t.Helper()
	p.ask("DOM.focus", map[string]any{"nodeId": p.node(path)}, nil)
	p.ask("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "a", "commands": []string{"selectAll"}}, nil)
	p.ask("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Delete", "code": "Delete", "windowsVirtualKeyCode": 46}, nil)
	p.ask("Input.insertText", map[string]any{"text": text}, nil)
}

// choose takes the option of a select that begins with these letters, or fills in the
// parts of a date.
func (p person) choose(path, letters string) {
	p.t.Helper()
	p.ask("DOM.focus", map[string]any{"nodeId": p.node(path)}, nil)
	p.keys(letters)
}

// press clicks, without waiting for what happens then.
func (p person) press(path string) {
	p.t.Helper()
	node := map[string]any{"nodeId": p.node(path)}
	p.ask("DOM.scrollIntoViewIfNeeded", node, nil)
	var shape struct{ Quads [][]float64 }
	p.ask("DOM.getContentQuads", node, &shape)
	if len(shape.Quads) == 0 {
		p.t.Fatalf("%s cannot be seen", path)
	}
	q := shape.Quads[0]
	at := map[string]any{"x": (q[0] + q[4]) / 2, "y": (q[1] + q[5]) / 2, "button": "left", "clickCount": 1}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		at["type"] = kind
		p.ask("Input.dispatchMouseEvent", at, nil)
	}
}

// submit presses a button, and waits for the page that follows.
func (p person) submit(path string) {
	p.t.Helper()
	select {
	case <-p.loaded:
	default:
	}
	p.press(path)
	select {
	case <-p.loaded:
	case <-time.After(time.Minute):
		p.t.Fatalf("%s leads nowhere; the page has %.1500s", path, p.text())
	}
}

// set fills in the field of that id and presses the first button of its form.
func (p person) set(id, text string) {
	p.t.Helper()
	p.fill(byID(id), text)
	p.submit(byID(id) + `/ancestor::form//button`)
}

// switches changes a setting of a collection that is one of two, and is sure of it.
func (p person) switches(label string) {
	p.t.Helper()
	p.submit(`//section[h2[normalize-space()='` + label + `']]//button`)
	p.sure()
}

// sure goes on if it is asked whether it is.
func (p person) sure() {
	p.t.Helper()
	if strings.Contains(p.text(), "Nothing was changed yet.") {
		p.submit(button("Change it"))
	}
}

func byID(id string) string { return `//*[@id='` + id + `']` }

func button(text string) string { return `//main//button[normalize-space()='` + text + `']` }

// signIn signs in as the page of the development login does.
func (p person) signIn(name string, admin bool) {
	p.t.Helper()
	p.visit("/login")
	p.fill(byID("name"), name)
	if admin {
		p.press(`//input[@name='admin']`)
	}
	p.submit(button("Sign in"))
}

// people are browsers of a site, each of somebody else.
func people(t *testing.T, address string, script bool, n int) []person {
	t.Helper()
	all := make([]person, n)
	for i := range all {
		all[i] = person{startChromium(t), address}
		all[i].ask("DOM.enable", nil, nil)
		all[i].screen(1440, 900, "light", script)
	}
	return all
}
