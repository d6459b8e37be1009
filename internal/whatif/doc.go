// Package whatif resolves all source packages of a repository against the
// binary packages of another, and tells what a change of these would do: which
// source packages fail then, which resolve, whose buildroot is another. It needs
// neither hub nor record. The command "koschei resolve" is its first user.
//
// [Load] reads the repositories into a [World]; [World.Solve] answers for one
// source package after the other, on all cores, and writes the buildroots as it
// goes:
//
//	world, err := whatif.Load(ctx, whatif.Input{Binary: binary, Source: source, Group: "build", Arch: "x86_64"})
//	report, err := world.Solve(ctx, whatif.Options{Explain: true})
//
// Goals are explained as package resolution explains them. What differs is what
// becomes of the answers: that package keeps sets by the record's numbers, here
// they are lines of text, or only counted.
//
// A good part of the package is there for speed alone, and says so: the command
// is held to nine tenths of the time that libsolv takes to read the same files
// (docs/performance.md).
//
// It opens no repository, knows no flags and prints nothing.
package whatif
