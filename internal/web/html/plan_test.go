package html

import (
	"fmt"
	"html/template"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

// What a plan escapes, html/template escapes so, whatever it is.
func TestPlanEscapes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`<p>{{.}}</p>`, `<p title="{{.}}">`, `<a href="{{.}}">`, `<a href="/build/{{.}}">`, `<a href="/x?q={{.}}">`, `<title>{{.}}</title>`,
		`<textarea>{{.}}</textarea>`, `<form action="{{.}}">`, `<input value="{{.}}">`, `<rect x="{{.}}%">`,
	} {
		tmpl := template.Must(template.New("t").Parse(text))
		p, err := newPlan(tmpl, nil, "")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		luck := rand.New(rand.NewPCG(1, 2))
		for i := range 3000 {
			var value strings.Builder
			value.WriteString([]string{"", "http:", "javascript:", "/a:", "mailto:x", "%4", "//", "HTTPS:"}[i%8])
			for range luck.IntN(12) {
				value.WriteRune([]rune{luck.Int32N(128), luck.Int32N(0x3000), '%', 'a', '+', '&', ':', '/'}[luck.IntN(8)])
			}
			if i%50 == 0 {
				value.WriteByte(0xff)
			}
			var want strings.Builder
			if err := tmpl.Execute(&want, value.String()); err != nil {
				t.Fatal(err)
			}
			if got, err := p.execute(reflect.ValueOf(value.String()), 0); err != nil || string(got) != want.String() {
				t.Errorf("%s of %q: %q, %v, want %q", text, value.String(), got, err, want.String())
			}
		}
	}
}

type planView struct {
	Name  string
	State koschei.State
	N     int
	F     float64
	At    time.Time
	Ptr   *planView
	List  []planView
	Any   any
	inner
}

type inner struct{ Deep string }

func (v planView) Twice() string             { return v.Name + v.Name }
func (v *planView) Pointed() int             { return v.N + 1 }
func (v planView) Maybe() (*planView, error) { return nil, nil }

// What a plan writes, its template writes. What it cannot know it leaves to that.
func TestPlanWrites(t *testing.T) {
	t.Parallel()
	templates := New(koschei.Clock{Read: func() time.Time { return time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC) }})
	view := &planView{
		Name: "a<b", State: "failing", N: 3, F: 1.5, At: time.Date(2026, 11, 23, 21, 0, 0, 0, time.UTC), Ptr: &planView{Name: "p"},
		List: []planView{{Name: "x"}, {Name: "y", N: 7, List: []planView{{Name: "z"}}}}, Any: &planView{Name: "held"}, inner: inner{"deep"},
	}
	for text, planned := range map[string]bool{
		`{{.Name}} {{.State}} {{.N}} {{.F}} {{.Deep}} {{.Twice}} {{.Pointed}} {{.Any.Name}} {{.Ptr.Twice}}`:                            true,
		`{{if .Ptr}}yes{{else}}no{{end}}{{if .Ptr.Ptr}}yes{{else if eq .N 3}}three{{end}}{{with .Ptr}}{{.Name}}{{$.Name}}{{end}}`:      true,
		`{{range $i, $v := .List}}{{if $i}}, {{end}}{{$v.Name}}{{range .List}}{{.Name}}{{$v.N}}{{else}}none{{end}}{{end}}`:             true,
		`{{range .List}}{{.Name}}{{.Pointed}}{{.Twice}}{{end}}{{range .Ptr.List}}{{else}}empty{{end}}`:                                 true,
		`{{template "time" (ago .At)}} {{template "mark" (mark .State)}} {{(ago .At).Words}} {{count .N}} {{plural .N "build"}}`:       true,
		`{{if and .N (not .Ptr.N) (or .Ptr.F .F)}}{{len .List}}{{end}}{{if ge .N 3}}ge{{end}}{{if lt .F 2.0}}lt{{end}}`:                true,
		`{{$x := .Name}}{{with $y := .N}}{{$x}}{{$y}}{{end}}<a href="{{packageURL .Name "f44"}}">{{and .N .Name}}{{or .Ptr.N .F}}</a>`: true,
		`{{if eq .At .Ptr.At}}same{{end}}{{if ne .At $.At}}other{{end}}{{if eq .State "failing"}}{{if ne .Name .Deep}}x{{end}}{{end}}`: true,
		`{{if lt .At .At}}{{end}}`: false,
		`{{.Nothing}}`:             false,
		`{{.Ptr.Ptr.Name}}`:        false,
		`{{printf "%d" .N}}`:       false,
		`<script>{{.N}}</script>`:  false,
		`{{.N | count}}`:           false,
	} {
		tmpl, err := templates.base.Clone()
		if err == nil {
			tmpl, err = tmpl.New("t").Parse(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		wrong := tmpl.Execute(&want, view)
		p, err := newPlan(tmpl, templates.funcs(), view)
		var got []byte
		if err == nil {
			got, err = p.execute(reflect.ValueOf(view), 0)
		}
		if (err == nil) != planned || err == nil && (wrong != nil || string(got) != want.String()) {
			t.Errorf("%s: %q, %v, want %q, %v", text, got, err, want.String(), wrong)
		}
	}
}

// BenchmarkPlan writes a hundred rows as a list has them.
func BenchmarkPlan(b *testing.B) {
	templates := New(koschei.Clock{})
	tmpl := template.Must(template.Must(templates.base.Clone()).New("t").Parse(`{{range .List}}<tr role="row">
<th scope="row" role="rowheader"><a href="{{packageURL .Name "f44"}}">{{.Name}}</a></th>
<td role="cell" class="push">{{if .N}}{{template "mark" (mark "running")}} {{end}}{{template "mark" (mark .State)}}</td>
<td role="cell" class="dim nowrap off">{{template "time" (ago .At)}}</td>
<td role="cell" class="nowrap">{{if .N}}<a href="/build/{{.N}}"{{if .F}} title="task {{.F}}"{{end}}>built {{template "time" (ago .At)}}</a>{{end}}</td>
</tr>{{end}}`))
	view := &planView{}
	for i := range 100 {
		view.List = append(view.List, planView{Name: fmt.Sprint("package-", i), State: "failing", N: i, At: time.Now()})
	}
	p, err := newPlan(tmpl, templates.funcs(), view)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("template", func(b *testing.B) {
		for b.Loop() {
			var out strings.Builder
			if err := tmpl.Execute(&out, view); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plan", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.execute(reflect.ValueOf(view), 30_000); err != nil {
				b.Fatal(err)
			}
		}
	})
}
