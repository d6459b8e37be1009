package depsolve_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestFreshWorlds asks libsolv about made-up universes, which have all kinds
// of dependencies that real ones rarely have.
func TestFreshWorlds(t *testing.T) {
	compareWorlds(t, sampleSize(t, 800), drawWorld)
}

// TestFreshMultilib is TestFreshWorlds for worlds that have packages for i686.
func TestFreshMultilib(t *testing.T) { compareWorlds(t, sampleSize(t, 800), drawMultilib) }

func compareWorlds(t *testing.T, worlds int, draw func(*rapid.T) *world) {
	g := rapid.Custom(draw)
	different := 0
	for seed := range worlds {
		w := g.Example(seed)
		for _, weak := range []bool{false, true} {
			answers := askAboutWorld(t, w, weak)
			s := w.universe().NewSolver(depsolve.SolverOptions{WeakDeps: weak})
			for i, want := range answers {
				if want == "OK\t" {
					continue // asked for nothing, libsolv does not look for supplements
				}
				got := "FAIL"
				if r := s.Solve(w.goal(i)); r.OK {
					got = "OK\t" + strings.Join(longNames(s.Universe(), r.Packages), " ")
				}
				if strings.HasPrefix(want, "FAIL") {
					want = "FAIL"
				}
				if got != want {
					if different++; different <= 5 {
						t.Errorf("%vgoal %v, weak %v:\ngot  %s\nwant %s", w, w.goals[i], weak, got, want)
					}
				}
			}
		}
	}
	t.Logf("%d answers differ", different)
}

func askAboutWorld(t *testing.T, w *world, weak bool) []string {
	primary := filepath.Join(t.TempDir(), "primary.xml")
	if err := os.WriteFile(primary, w.primary(), 0o600); err != nil {
		t.Fatal(err)
	}
	var goals bytes.Buffer
	for _, requires := range w.goals {
		list := [][]string{}
		for _, r := range requires {
			list = append(list, words(r))
		}
		goal, err := json.Marshal(map[string]any{"group": w.group, "requires": list, "weak": weak})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&goals, "%s\n", goal)
	}
	oracle := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/oracle.py", primary)
	oracle.Stdin, oracle.Stderr = &goals, os.Stderr
	out, err := oracle.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(w.goals) {
		t.Fatalf("%d answers to %d goals: %s", len(answers), len(w.goals), out)
	}
	return answers
}

// primary is the world as primary.xml.
func (w *world) primary() []byte {
	var b bytes.Buffer
	b.WriteString(`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm">` + "\n")
	for _, p := range w.packages {
		fmt.Fprintf(&b, `<package type="rpm"><name>%s</name><arch>%s</arch><version epoch="0" ver="%s" rel="%s"/><format>`+"\n",
			p.Name, p.Arch, p.Version, p.Release)
		for _, list := range []struct {
			name      string
			relations []rpm.Relation
		}{
			{"provides", append(slices.Clone(p.Provides), rpm.Relation{Name: p.Name, Op: rpm.Equal, EVR: p.EVR})},
			{"requires", p.Requires},
			{"conflicts", p.Conflicts},
			{"obsoletes", p.Obsoletes},
			{"recommends", p.Recommends},
			{"suggests", p.Suggests},
			{"supplements", p.Supplements},
			{"enhances", p.Enhances},
		} {
			writeEntries(&b, list.name, list.relations)
		}
		b.WriteString("</format></package>\n")
	}
	b.WriteString("</metadata>\n")
	return b.Bytes()
}

func writeEntries(b *bytes.Buffer, list string, relations []rpm.Relation) {
	fmt.Fprintf(b, "<rpm:%s>", list)
	for _, r := range relations {
		b.WriteString(`<rpm:entry name="`)
		if err := xml.EscapeText(b, []byte(r.Name)); err != nil {
			panic(err)
		}
		b.WriteByte('"')
		if flags := map[rpm.Op]string{
			rpm.Less: "LT", rpm.Less | rpm.Equal: "LE", rpm.Equal: "EQ", rpm.Greater | rpm.Equal: "GE", rpm.Greater: "GT",
		}[r.Op]; flags != "" {
			fmt.Fprintf(b, ` flags="%s" epoch="0" ver="%s"`, flags, r.EVR.Version)
			if r.EVR.Release != "" {
				fmt.Fprintf(b, ` rel="%s"`, r.EVR.Release)
			}
		}
		b.WriteString("/>")
	}
	fmt.Fprintf(b, "</rpm:%s>\n", list)
}
