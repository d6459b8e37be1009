package xmlrpc

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// python reads a response on stdin with Python's own parser and writes it
// again. The parser knows i8 and nil; the writer is taught i8 as Koji's is.
const python = `
import sys, xmlrpc.client as x
def dump_int(self, value, write):
    kind = "int" if x.MININT <= value <= x.MAXINT else "i8"
    write("<value><%s>%d</%s></value>\n" % (kind, value, kind))
x.Marshaller.dispatch[int] = dump_int
values, _ = x.loads(sys.stdin.buffer.read())
sys.stdout.buffer.write(x.dumps(values, methodresponse=True, allow_none=True).encode())
`

// Python's xmlrpc.client understands what we write, and we understand what it
// writes. KOSCHEI_PYTHON=1 turns the comparison on.
func TestAgainstPython(t *testing.T) {
	if os.Getenv("KOSCHEI_PYTHON") == "" {
		t.Skip("KOSCHEI_PYTHON is not set")
	}
	for seed := range 50 {
		// Floats of any size, control characters and empty names are among the values;
		// characters that XML forbids are not, because expat refuses them.
		v := withoutControls(values(3).Example(seed))
		xml, err := AppendResponse(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "python3", "-c", python)
		cmd.Stdin = bytes.NewReader(xml)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("python3: %v\n%s", err, xml)
		}
		again, err := NewDecoder(bytes.NewReader(out), Limits{}).Response()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(v, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-ours +after Python):\n%s", diff)
		}
	}
}

// withoutControls replaces characters outside XML's range, carriage returns,
// which Python writes bare, and names of members that Python would merge.
func withoutControls(v any) any {
	switch v := v.(type) {
	case string:
		return string(bytes.Map(func(r rune) rune {
			if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
				return '?'
			}
			return r
		}, []byte(v)))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = withoutControls(v[i])
		}
		return list
	case Struct:
		s := make(Struct, len(v))
		for i, m := range v {
			name, _ := withoutControls(m.Name).(string)
			s[i] = Member{name + string(rune('a'+i)), withoutControls(m.Value)}
		}
		return s
	default:
		return v
	}
}
