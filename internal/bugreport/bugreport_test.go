package bugreport_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/bugreport"
	"github.com/koschei-ci/koschei/internal/buildlog"
)

func failing() bugreport.Report {
	r := bugreport.Report{
		Package: "teapot", EVR: "2.0-1.fc99", Collection: "Fedora 99", Say: "The update of libcup broke it.",
		Evidence: []string{"It last built on 3 May."}, Suspects: []string{"libcup 3 -> 4"}, More: 2, Log: "build.log", Arch: "x86_64",
		URL: "https://koschei.example.org/package/teapot?collection=f99",
	}
	for i := range 4 {
		r.Excerpt = append(r.Excerpt, buildlog.Line{Number: 100 + i, Text: fmt.Sprintf("line %d", i)})
	}
	return r
}

func TestText(t *testing.T) {
	t.Parallel()
	r := failing()
	want := `Package teapot-2.0-1.fc99 fails to build from source in Fedora 99.

The update of libcup broke it.
- It last built on 3 May.

What changed in its buildroot before it broke, the nearest first:
- libcup 3 -> 4
- and 2 more

From build.log of x86_64, line 100:

    line 0
    line 1
    line 2
    line 3

All about it: https://koschei.example.org/package/teapot?collection=f99`
	if got := r.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := r.Summary(); got != "teapot: FTBFS in Fedora 99" {
		t.Errorf("summary %q", got)
	}
	unresolved := bugreport.Report{
		Package: "teapot", EVR: "2.0-1.fc99", Collection: "Fedora 99", Unresolved: true, Problems: []string{"nothing provides libcup.so.3"}, URL: "https://k/",
	}
	want = "The build dependencies of package teapot cannot be installed in Fedora 99.\n\nThe problems:\n- nothing provides libcup.so.3\n\nAll about it: https://k/"
	if got := unresolved.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// However much there is to say, in whatever letters, the address of the form is
// short and its text ends with the link.
func TestForm(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("größer ", 100)
	for name, change := range map[string]func(*bugreport.Report){
		"excerpt": func(r *bugreport.Report) {
			for i := range 500 {
				r.Excerpt = append(r.Excerpt, buildlog.Line{Number: 200 + i, Text: long})
			}
		},
		"suspects": func(r *bugreport.Report) { r.Suspects = strings.Split(strings.Repeat(long+"\n", 50), "\n") },
		"problems": func(r *bugreport.Report) { r.Problems = strings.Split(strings.Repeat(long+"\n", 50), "\n") },
		"evidence": func(r *bugreport.Report) { r.Evidence = strings.Split(strings.Repeat(long+"\n", 50), "\n") },
		"say":      func(r *bugreport.Report) { r.Say = strings.Repeat(long, 50) },
		"all":      func(*bugreport.Report) {},
	} {
		r := failing()
		change(&r)
		form := r.Form("https://bugs.example.org", "Fedora", "rawhide")
		if len(form) >= 8000 {
			t.Errorf("%s: %d bytes", name, len(form))
		}
		u, err := url.Parse(form)
		if err != nil {
			t.Fatal(err)
		}
		text := u.Query().Get("comment")
		if !strings.HasPrefix(text, "Package teapot-2.0-1.fc99 fails") || !strings.HasSuffix(text, "\n\nAll about it: "+r.URL) {
			t.Errorf("%s: the text is\n%s", name, text)
		}
		if whole := r.Text(); len(whole) > 65_535 || !strings.HasSuffix(whole, r.URL) {
			t.Errorf("%s: the whole text has %d bytes", name, len(whole))
		}
	}
}
