package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shownPages are pages of seeded by a name.
func shownPages(compare string) [][2]string {
	return [][2]string{
		{"front", "/"},
		{"overview", "/overview?collection=f44"},
		{"list", "/packages?collection=f44"},
		{"unified", "/packages"},
		{"failing", "/package/maven"},
		{"unresolved", "/package/rust-ripgrep"},
		{"ok", "/package/ant"},
		{"missing", "/package/mavne"},
		{"build", "/build/2"},
		{"compare", compare},
		{"log", "/build/4/log"},
		{"updates", "/updates"},
		{"repos", "/repos"},
		{"repo", "/repo/f44/5210"},
		{"queue", "/queue"},
		{"groups", "/groups"},
		{"group", "/groups/java-sig"},
		{"user", "/user/alice"},
		{"collections", "/collections"},
		{"collection", "/collection/f44"},
		{"status", "/status"},
		{"stats", "/stats"},
		{"documentation", "/documentation"},
		{"nowhere", "/nowhere"},
	}
}

// unseen is how much of a page may move: a script's buttons, a column that gets wider
// while rows come. Nobody sees that.
const unseen = 0.01

// shifts is how much of the page has moved after it was first shown.
const shifts = `new Promise((done) => {
	let sum = 0;
	new PerformanceObserver((list) => { for (const e of list.getEntries()) sum += e.value; }).observe({ type: "layout-shift", buffered: true });
	setTimeout(() => done(sum), 50);
})`

// Pages fit every screen, say nothing on the console, and do not move.
func TestInBrowser(t *testing.T) {
	c := startChromium(t)
	db := seeded(t)
	compare := browse(t, config(db.View)).find("/package/maven", `href="(/compare[^"]+)"`)[0]
	address, _ := served(t, config(db.View))
	axe := ""
	if file := os.Getenv("KOSCHEI_AXE"); file != "" {
		content, err := os.ReadFile(file) //nolint:gosec // who runs the test names it
		if err != nil {
			t.Fatal(err)
		}
		axe = string(content)
	}
	missing := regexp.MustCompile(`404 \(Not Found\)`)
	for _, page := range shownPages(compare) {
		for _, width := range []int{320, 390, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				c.screen(width, map[bool]int{true: 900, false: 844}[width > 720], scheme, true)
				for _, line := range c.open(address + page[1]) {
					if !missing.MatchString(line) { // what is asked for is not there
						t.Errorf("%s at %d px, %s: the console has %s", page[1], width, scheme, line)
					}
				}
				if got := c.contentWidth(); got > width {
					t.Errorf("%s at %d px scrolls sideways: it is %d px wide", page[1], width, got)
				}
				var moved float64
				if c.eval(shifts, &moved); moved > unseen {
					t.Errorf("%s at %d px: %v of the page moves", page[1], width, moved)
				}
				if axe != "" && width != 320 {
					c.check(axe, fmt.Sprintf("%s at %d px, %s", page[1], width, scheme))
				}
				c.picture(fmt.Sprintf("%s-%s-%d", page[0], scheme, width))
			}
		}
		c.screen(390, 844, "light", false)
		c.open(address + page[1])
		if got := c.contentWidth(); got > 390 {
			t.Errorf("%s without script scrolls sideways: it is %d px wide", page[1], got)
		}
	}
	c.screen(1440, 900, "light", true)
	c.open(address + "/packages?collection=f44")
	var top float64
	if c.eval(`(scrollTo(0, 900), new Promise((done) => requestAnimationFrame(() => done(document.querySelector("thead th").getBoundingClientRect().top))))`, &top); top != 0 {
		t.Errorf("the head of the list is at %v px when it is scrolled, want it to stick", top)
	}
}

// check has axe look at the page.
func (c *chromium) check(axe, where string) {
	c.t.Helper()
	var ok bool
	c.eval(axe+"; true", &ok)
	var found []json.RawMessage
	c.eval(`axe.run().then((r) => r.violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.html) })))`, &found)
	for _, f := range found {
		c.t.Errorf("%s: axe finds %s", where, f)
	}
}

// While a page is open it tells what happens, and nothing in it moves.
func TestNewsInBrowser(t *testing.T) {
	c := startChromium(t)
	w, db, change := changing(t, 4)
	startOf(t, w, db)
	address, _ := served(t, config(db.View))
	eventually(t, "events are told", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/overview?collection=f44", nil)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(r)
		return err == nil && response.Body.Close() == nil && strings.Contains(fetched(t, address+"/overview?collection=f44"), "data-events")
	})
	c.screen(1440, 900, "light", true)
	c.open(address + "/overview?collection=f44")
	change(1)
	change(2)
	var text string
	for began := time.Now(); !strings.Contains(text, "2 changes, show") && time.Since(began) < 30*time.Second; <-time.After(50 * time.Millisecond) {
		c.eval(`document.querySelector("[data-live]").textContent`, &text)
	}
	if !strings.Contains(text, "2 changes, show") {
		t.Errorf("the page says %q", text)
	}
	var moved float64
	if c.eval(shifts, &moved); moved > unseen {
		t.Errorf("%v of the page moves when something happens", moved)
	}
	c.picture("news-light-1440")
}
