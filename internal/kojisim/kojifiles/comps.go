package kojifiles

import (
	"bytes"
	"fmt"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// comps renders the groups of a tag. Required groups are expanded, as in Koji.
func comps(t *kojisim.Tag) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<comps>\n")
	for _, a := range t.Order() {
		for _, g := range a.Groups {
			fmt.Fprintf(&b, "  <group>\n    <id>%s</id>\n    <name>%s</name>\n    <description>%s</description>\n    <default>false</default>\n    <uservisible>true</uservisible>\n    <packagelist>\n",
				g.Name, g.Name, appendEscaped(nil, g.Description))
			for _, m := range g.AllMembers() {
				fmt.Fprintf(&b, "      <packagereq type=%q>%s</packagereq>\n", m.Kind, appendEscaped(nil, m.Name))
			}
			b.WriteString("    </packagelist>\n  </group>\n")
		}
	}
	b.WriteString("</comps>\n")
	return b.Bytes()
}
