package site_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// newCollection is a form that makes one.
func newCollection() url.Values {
	return url.Values{"name": {"f99"}, "display_name": {"Fedora 99"}, "target": {"f99"}, "build_tag": {"f99-build"}, "build_group": {"build"}, "order": {"7"}}
}

// A goodForm changes something.
type goodForm struct {
	path string
	form url.Values
	vary []string // the fields that a test spoils
}

// goodForms has one at least for each route that takes forms about the record, and
// one for each field of those that have several. What renames something comes last.
func goodForms(running int64) []goodForm {
	var forms, last []goodForm
	all := examples(running, "")
	for _, key := range slices.Sorted(maps.Keys(all)) {
		e := all[key]
		if !strings.HasPrefix(key, http.MethodPost) || strings.HasPrefix(e.path, "/log") || strings.HasPrefix(e.path, "/unsubscribe") {
			continue // they are about who asks, and not the record
		}
		forms = append(forms, goodForm{e.path, e.form, slices.Sorted(maps.Keys(e.form))})
	}
	value := []string{"value"}
	for _, field := range [][2]string{{"manual_priority", "70"}, {"static_priority", "7"}, {"arch_override", "x86_64"}, {"skip_resolution", "yes"}} {
		forms = append(forms, goodForm{"/package/maven/edit", url.Values{"collection": {"f44"}, "field": {field[0]}, "value": {field[1]}, "revision": {"0"}}, value})
	}
	for _, field := range [][2]string{{"maintainers", "alice bob"}, {"name", "other"}} {
		last = append(last, goodForm{"/groups/java-sig/edit", url.Values{"field": {field[0]}, "value": {field[1]}, "namespace": {""}, "revision": {"0"}}, value})
	}
	for _, field := range [][2]string{
		{"build_tag", "other"}, {"priority_coefficient", "2"}, {"weight", "2"}, {"max_builds", "7"}, {"weak_deps", "true"}, {"secondary_mode", "true"}, {"target", "t"}, {"name", "f98"},
	} {
		last = append(last, goodForm{"/admin/collections/f44", setting(field[0], "x", field[1]), value})
	}
	return append(forms, last...)
}

// badValues make no sense in most fields.
var badValues = []string{
	"", " ", "\x00", "\xff\xfe", "a\nb", "\u202egnp", "🙂", "-1", "1e999", "NaN", "0x10", "1.5", strings.Repeat("9", 40), strings.Repeat("x", 300), strings.Repeat("é", 3000),
	"<script>alert(1)</script>", "'; DROP TABLE package; --", "../../etc/passwd", "//evil.test/", "no such thing",
}

var sentence = regexp.MustCompile(`<p class="lede">([^<]*)</p>|role="alert">(?:<p>)?([^<]*)<`)

// told is the one sentence of an answer that says no.
func told(w *httptest.ResponseRecorder) (string, error) {
	var found []string
	for _, m := range sentence.FindAllStringSubmatch(w.Body.String(), -1) {
		if text := m[1] + m[2]; !strings.Contains(w.Body.String(), `role="alert"`) || m[2] != "" {
			found = append(found, text)
		}
	}
	switch {
	case len(found) != 1:
		return "", fmt.Errorf("it has %d sentences: %q", len(found), found)
	case !strings.HasSuffix(found[0], ".") && !strings.HasSuffix(found[0], "?") && !strings.HasSuffix(found[0], "…"), len(found[0]) > 4000:
		return "", fmt.Errorf("this is no sentence: %q", found[0])
	case strings.Contains(found[0], "SQLSTATE"), strings.Contains(found[0], "ERROR"):
		return "", fmt.Errorf("it tells of the database: %q", found[0])
	}
	return found[0], nil
}

// A refusal is checked: it says why in one sentence, and the record is as before.
func (v visitor) refused(w *httptest.ResponseRecorder, what string) {
	v.t.Helper()
	if w.Code >= 500 || w.Code == http.StatusForbidden || w.Code == http.StatusUnauthorized {
		v.t.Errorf("%s: status %d: %s", what, w.Code, plain(w.Body.String()))
	}
	if _, err := told(w); err != nil {
		v.t.Errorf("%s: status %d: %v", what, w.Code, err)
	}
	if strings.Contains(w.Body.String(), "<script>alert") {
		v.t.Errorf("%s: it comes back as it is", what)
	}
}

// A thousand forms that make no sense are refused, each with a sentence, and change
// nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	db, witness := pgtest.Open(t, cfg), pgtest.Decided(t, cfg)
	server := browse(t, acting(db))
	root := server.as(db, "root", true)
	bad, accepted := 0, 0
	before := witness()
	for _, good := range goodForms(runningBuild(t, db)) {
		for _, field := range good.vary {
			for _, value := range badValues {
				form := maps.Clone(good.form)
				form[field] = []string{value}
				w := root.send(http.MethodPost, good.path, form)
				after := witness()
				if w.Code < 400 {
					accepted++
					before = after
					continue
				}
				bad++
				what := fmt.Sprintf("%s with %s=%.40q", good.path, field, value)
				root.refused(w, what)
				if after != before {
					t.Fatalf("%s: it was refused and changed something:\n%s\n%s", what, before, after)
				}
			}
		}
	}
	t.Logf("%d bad inputs refused, %d accepted", bad, accepted)
	if bad < 1000 {
		t.Errorf("only %d bad inputs were tried", bad)
	}
}

// What is no form at all, or far too long, costs a sentence.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	cfg := seededConfig(t)
	db, witness := pgtest.Open(t, cfg), pgtest.Decided(t, cfg)
	server := browse(t, acting(db))
	root := server.as(db, "root", true)
	before := witness()
	for name, body := range map[string]string{
		"broken escapes": "field=%zz&value=%", "semicolons": "a;b;c", "JSON": `{"field": "tracked"}`, "too long": "value=" + strings.Repeat("x", 2<<20), "bytes": "\x00\xff=\xfe",
	} {
		for _, good := range goodForms(1) {
			if len(good.vary) == 0 {
				continue // an empty form means something there
			}
			w := root.sendBody(good.path, body)
			if w.Code < 400 {
				t.Errorf("%s with %s: status %d", good.path, name, w.Code)
				continue
			}
			root.refused(w, good.path+" with "+name)
		}
	}
	if after := witness(); after != before {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}
}

func (v visitor) sendBody(path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(v.t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost:8080"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "koschei-session", Value: v.token})
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w
}

// A target takes what is sent to it.
type target struct{ method, path, kind, good string }

// targets are all addresses that take a form or a body of JSON, some several times.
func targets() []target {
	var all []target
	for _, good := range goodForms(1) {
		all = append(all, target{http.MethodPost, good.path, "application/x-www-form-urlencoded", good.form.Encode()})
	}
	bodies := apiExamples(1)
	for _, key := range slices.Sorted(maps.Keys(bodies)) {
		if e := bodies[key]; e.body != "" {
			method, _, _ := strings.Cut(key, " ")
			all = append(all, target{method, e.path, "application/json", e.body})
		}
	}
	return all
}

// FuzzForms sends anything to every address that takes a form or a body: it is never a
// mistake of ours, and what is refused changes nothing.
func FuzzForms(f *testing.F) {
	cfg := seededConfig(f)
	db := pgtest.Open(f, cfg)
	all := targets()
	for i, to := range all {
		f.Add(uint8(i), to.good)
	}
	server := browse(f, acting(db))
	f.Fuzz(func(t *testing.T, at uint8, body string) {
		to, asked := all[int(at)%len(all)], browser{t, server.handler}
		root, witness := asked.as(db, "root", true), pgtest.Decided(t, cfg) // one of them signs out
		before := witness()
		w := root.sendText(to.method, to.path, to.kind, body)
		if w.Code >= 500 {
			t.Errorf("%s %s with %q: status %d", to.method, to.path, body, w.Code)
		}
		if w.Code >= 400 && witness() != before {
			t.Errorf("%s %s with %q: refused with %d, and something was changed", to.method, to.path, body, w.Code)
		}
	})
}
