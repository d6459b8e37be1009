package kojihub

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
)

// BenchmarkListTagged answers the largest call there is: all builds of a tag.
func BenchmarkListTagged(b *testing.B) {
	w, err := distro.Generate(b.Context(), distro.Options{Packages: 3000, Seed: 1, Updates: 10})
	if err != nil {
		b.Fatal(err)
	}
	hub := New(w, kojisim.NewStepClock(w.Now()), nil)
	call := xmlrpc.Call{Method: "listTagged", Params: []any{distro.DestTagName, xmlrpc.Named(xmlrpc.Struct{{Name: "latest", Value: true}})}}
	b.ResetTimer()
	for b.Loop() {
		if answer := hub.answer(caller{}, call); len(answer) < 3000*1000 {
			b.Fatalf("got %d bytes", len(answer))
		} else {
			b.SetBytes(int64(len(answer)))
		}
	}
}
