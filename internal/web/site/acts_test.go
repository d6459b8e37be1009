package site_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// actingNow is acting for browsers, which look at their own clock.
func actingNow(db *pgtest.DB) site.Config {
	c := acting(db)
	c.SignIn.Real = time.Now
	c.Mail = true
	return c
}

// withAndWithoutScript does something in a browser with script and in one without.
func withAndWithoutScript(t *testing.T, try func(*testing.T, bool)) {
	for name, script := range map[string]bool{"script": true, "no script": false} {
		t.Run(name, func(t *testing.T) { try(t, script) })
	}
}

// What people do on pages, in a browser, leaves the same in the record as the commands
// of the handbook, with script and without.
func TestActsInBrowser(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, script bool) {
		byPage, byCommand := seeded(t), seeded(t)
		address, _ := served(t, actingNow(byPage))
		root := people(t, address, script, 1)[0]
		root.signIn("root", true)
		root.changesPackages()
		root.changesGroups()
		root.changesCollections()
		byCommands(t, byCommand)
		if got, want := decided(t, byPage), decided(t, byCommand); got != want {
			t.Errorf("in a browser:\n%s\nby commands:\n%s", got, want)
		}
	})
}

func (p person) changesPackages() {
	p.t.Helper()
	p.visit("/package/maven/edit?collection=f44")
	p.set("manual", "70")
	p.sees("manual priority changed from 7 to 70.")
	p.set("static", "-7")
	p.set("arches", "x86_64, i386")
	p.sees(`"x86_64 i386".`)
	p.visit("/package/ant/edit?collection=f44")
	p.submit(button("Skip it"))
	p.sees("Resolve it again")
	p.submit(button("Stop tracking it"))
	p.sees("Track it")
	p.visit("/package/gtk+?collection=f44")
	p.submit(button("Build it first"))
}

func (p person) changesGroups() {
	p.t.Helper()
	p.visit("/add-group")
	p.fill(`//input[@name='namespace']`, "ann")
	p.fill(byID("name"), "tea")
	p.fill(byID("packages"), "maven\nant")
	p.fill(byID("maintainers"), "bob")
	p.submit(button("Make the group"))
	p.sees("Group ann/tea created.")
	p.visit("/groups/ann/tea/edit")
	p.fill(`//input[@name='namespace']`, "")
	p.set("name", "thegroup")
	p.sees("thegroup")
	p.visit("/admin/notice")
	p.fill(byID("text"), "an outage")
	p.submit(button("Show it here first"))
	p.sees("It would look so: an outage")
	p.submit(button("Set it"))
	p.visit("/admin/users")
	p.fill(`//main//form[@method='post'][label]//input[@name='name']`, "bob")
	p.submit(`//main//form[@method='post'][label]//button`)
	p.sees("bob yes")
}

func (p person) changesCollections() {
	p.t.Helper()
	p.visit("/admin/add-collection")
	for id, value := range map[string]string{"name": "f99", "display": "Fedora 99", "target": "f99", "build": "f99-build", "order": "7"} {
		p.fill(byID(id), value)
	}
	p.submit(button("Make the collection"))
	p.visit("/admin/collections/f99")
	p.set("weight", "2.5")
	p.switches("Unmet boolean BuildRequires, BuildConflicts")
	p.set("name", "f98")
	p.sees("Links, bookmarks and programs that name f99 find nothing any more.")
	p.sure()
	p.visit("/admin/collections/f43/branch")
	for id, value := range map[string]string{"new": "f97", "display": "A branch", "target": "f97", "build": "f97-build"} {
		p.fill(byID(id), value)
	}
	p.submit(button("Branch it"))
	p.visit("/admin/collections/f43")
	p.submit(`//main//a[normalize-space()='Fork it']`)
	for id, value := range map[string]string{"name": "f43-ruby", "display": "A fork", "target": "ruby", "build": "ruby-build"} {
		p.fill(byID(id), value)
	}
	p.submit(button("Fork it"))
	p.visit("/admin/collections/f43-ruby")
	p.switches("Scratch builds")
	p.follows()
	p.visit("/admin/add-collection-group")
	p.fill(byID("name"), "set")
	p.fill(byID("display"), "A set")
	p.fill(byID("collections"), "f44\nf98")
	p.submit(button("Make the group"))
	p.visit("/admin/collection-groups/set")
	p.fill(byID("display"), "The set")
	p.fill(byID("collections"), "f98")
	p.submit(button("Set"))
	p.visit("/admin/collection-groups/fedora")
	p.submit(button("Delete the group"))
	p.visit("/admin/collections/epel10/delete")
	p.fill(byID("name"), "epel10")
	p.submit(button("Delete it"))
}

func (p person) follows() {
	p.t.Helper()
	p.visit("/subscriptions")
	p.fill(byID("name"), "maven")
	p.choose(byID("tell"), "every")
	p.choose(byID("pace"), "once a d")
	p.submit(button("Follow it"))
	p.sees("package maven all daily mail")
	p.fill(byID("silent"), "ant")
	p.choose(byID("until"), "12242026")
	p.submit(button("Hear nothing of it"))
	p.sees("User root hears nothing of package ant until 2026-12-24.")
}

// What else people do on pages works in a browser, with script and without, and says
// what it has done.
func TestOtherActsInBrowser(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, script bool) {
		db := seeded(t)
		address, _ := served(t, actingNow(db))
		root := people(t, address, script, 1)[0]
		root.signIn("root", true)
		root.visit(fmt.Sprintf("/build/%d", runningBuild(t, db)))
		root.submit(button("Cancel this build"))
		root.sees("cancel requested")
		root.visit("/groups/java-sig/edit")
		root.set("packages", "maven\nant\ngtk+")
		root.sees("gtk+")
		root.visit("/groups/java-sig/edit")
		root.set("maintainers", "alice")
		root.visit("/groups/alice/mine/delete")
		root.submit(button("Delete it"))
		root.sees("Group alice/mine deleted.")
		root.visit("/package/maven/edit?collection=f44")
		root.set("manual", "5")
		root.submit(`//main//button[contains(@aria-label, 'manual priority changed from 7 to 5')]`)
		root.sees("manual priority changed from 5 to 7.")
		root.usesAdministration()
		root.usesTokens()
		root.follows()
		root.submit(button("End"))
		root.sees("You follow nothing.")
		root.submit(button("Hear of it again"))
		root.sees("hears of package ant again.")
		root.visit("/documentation")
		root.submit(`//footer//button[normalize-space()='Dark' or normalize-space()='dark']`)
		root.node(`//html[@data-theme='dark']`)
		root.press(`//details[contains(@class, 'me')]/summary`)
		root.submit(`//button[normalize-space()='Sign out']`)
		root.node(`//header//a[normalize-space()='Sign in']`)
	})
}

func (p person) usesAdministration() {
	p.t.Helper()
	p.visit("/admin/notice")
	p.fill(byID("text"), "see https://status.test/ for more")
	p.submit(button("Set it"))
	p.node(`//main//a[@href='https://status.test/']`)
	p.submit(button("Take it off"))
	p.visit("/admin/users?name=bob")
	p.submit(button("Grant") + `[ancestor::td]`)
	p.submit(button("Revoke"))
	p.sees("bob no")
	p.visit("/admin/audit?user=root&object=user+bob")
	p.sees("bob")
	p.submit(`//main//button[normalize-space()='Undo']`)
	p.visit("/admin/users?name=bob")
	p.sees("bob yes")
}

func (p person) usesTokens() {
	p.t.Helper()
	p.visit("/tokens")
	p.fill(byID("name"), "nightly")
	p.press(`//main//input[@name='packages']`)
	p.submit(button("Make the token"))
	p.sees("This is the token. It is shown this once: koschei_")
	p.visit("/tokens")
	if strings.Contains(p.text(), "koschei_") {
		p.t.Error("a token is shown twice")
	}
	p.submit(button("Revoke"))
	p.sees("You have no token.")
}

// Two people with the same page open at once: the later is told of the earlier in a
// sentence, keeps what they wanted, and may set it anyway.
func TestTwoInBrowser(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, script bool) {
		address, _ := served(t, actingNow(seeded(t)))
		both := people(t, address, script, 2)
		alice, bob := both[0], both[1]
		alice.signIn("alice", false)
		bob.signIn("bob", false)
		for _, p := range both {
			p.visit("/package/maven/edit?collection=f44")
		}
		alice.fill(byID("manual"), "100")
		bob.fill(byID("manual"), "200")
		set := byID("manual") + `/ancestor::form//button`
		bob.submit(set)
		bob.sees("changed from 7 to 200.")
		alice.submit(set)
		alice.sees("bob set the manual priority to 200, just now; yours is 100. Set it anyway?")
		alice.node(byID("manual") + `[@value='100']`)
		alice.submit(set)
		alice.sees("changed from 200 to 100.")

		for _, p := range both {
			p.visit("/groups/java-sig/edit")
		}
		set = byID("packages") + `/ancestor::form//button`
		bob.fill(byID("packages"), "maven\nant\ngtk+")
		alice.fill(byID("packages"), "maven")
		bob.submit(set)
		alice.submit(set)
		alice.sees("bob changed this group just now")
		alice.sees("Set it anyway?")
		alice.submit(set)
		alice.sees("maven")
	})
}

// However long the names of collections and people are, the head of pages fits windows
// of every width.
func TestHeadInBrowser(t *testing.T) {
	db := seeded(t)
	address, _ := served(t, actingNow(db))
	p := people(t, address, true, 1)[0]
	p.signIn("bartholomew.featherstonehaugh-of-the-java-packagers", true)
	p.visit("/admin/collections/f44")
	p.set("display_name", "Fedora Rawhide with the new Ruby for all who want to try it")
	p.visit("/admin/collections/epel10")
	p.set("display_name", "Extra-Packages-for-Enterprise-Linux-10-and-everything-that-follows-it")
	for _, path := range []string{"/packages?collection=f44", "/package/maven?collection=epel10", "/overview?collection=f44", "/packages", "/admin/collections", "/tokens"} {
		for _, width := range []int{320, 390, 721, 800, 900, 1000, 1100, 1101, 1200, 1241, 1300, 1440} {
			p.screen(width, 900, "light", true)
			p.visit(path)
			if got := p.contentWidth(); got > width {
				var widest string
				p.eval(fmt.Sprintf(`[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > %d && !e.parentElement.closest(".chips, .scroll, .tabs")).slice(0, 3).map((e) => e.outerHTML.slice(0, 150)).join(" | ")`, width+1), &widest)
				t.Errorf("%s at %d px is %d px wide: %s", path, width, got, widest)
			}
			if path == "/overview?collection=f44" && width > 720 {
				p.picture(fmt.Sprint("head-light-", width))
			}
		}
	}
}

// What those who act see fits every screen, light and dark, and says nothing on the
// console.
func TestActingPagesInBrowser(t *testing.T) {
	db := seeded(t)
	address, _ := served(t, actingNow(db))
	p := people(t, address, true, 1)[0]
	p.signIn("root", true)
	p.follows()
	p.visit("/tokens")
	p.fill(byID("name"), "nightly")
	p.submit(button("Make the token"))
	for _, page := range [][2]string{
		{"tokens", "/tokens"},
		{"subscriptions", "/subscriptions"},
		{"package-edit", "/package/maven/edit?collection=f44"},
		{"add-group", "/add-group"},
		{"group-edit", "/groups/java-sig/edit"},
		{"notice", "/admin/notice"},
		{"users", "/admin/users"},
		{"audit", "/admin/audit"},
		{"collections-edit", "/admin/collections"},
		{"collection-edit", "/admin/collections/f44"},
		{"branch", "/admin/collections/f44/branch"},
		{"fork", "/admin/collections/f44/fork"},
		{"delete", "/admin/collections/f44/delete"},
		{"collection-group", "/admin/collection-groups/fedora"},
		{"sure", ""},
		{"stats", "/stats"},
		{"documentation", "/documentation"},
	} {
		for _, width := range []int{390, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				p.screen(width, 900, scheme, true)
				if page[0] == "sure" {
					p.visit("/admin/collections/f44")
					p.set("build_tag", "another-build-tag")
				} else {
					p.visit(page[1])
				}
				if got := p.contentWidth(); got > width {
					t.Errorf("%s at %d px is %d px wide", page[0], width, got)
				}
				p.picture(fmt.Sprintf("act-%s-%s-%d", page[0], scheme, width))
			}
		}
	}
}
