package html

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Addresses become links, and nothing else means anything.
func TestLinked(t *testing.T) {
	t.Parallel()
	got := Linked(`<b>Koji</b> is down, see https://status.example.org/koji?a=1. (Or http://x.test/y) javascript:alert(1) https://evil.test/"onclick=x`)
	want := []Piece{
		{Text: "<b>Koji</b> is down, see "},
		{Text: "status.example.org/koji?a=1", URL: "https://status.example.org/koji?a=1"},
		{Text: ". (Or "},
		{Text: "http://x.test/y", URL: "http://x.test/y"},
		{Text: ") javascript:alert(1) "},
		{Text: "evil.test/", URL: "https://evil.test/"},
		{Text: `"onclick=x`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
}
