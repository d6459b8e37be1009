// Package kojisim is a Koji that builds nothing: a world with tags, builds,
// repos, tasks, builders and time of its own, and Koji's rules for how these
// change. It knows neither HTTP nor XML-RPC nor text: package kojihub puts a web
// server in front of a world, kojifiles makes the files that it serves, distro
// and worldtext make worlds. The demo, cmd/kojisim and tests use it; no service
// does.
//
// # The world
//
// A [System] is the state of a build system and the rules by which it changes;
// a [World] is a lock around one, for whoever shares it. Every change belongs to
// an event with an ascending number, so that any past state of a tag can be
// asked for. What takes time (a task that runs, a repo that is being made, a
// packager who updates something) waits in an agenda in the order of its time;
// advancing the world to a moment runs what is due until then. Nothing runs on
// its own. The same seed therefore gives the same world, whoever looks and how
// often.
//
// Whoever has to be told of changes listens for facts, see [World.Listen].
//
// # The truth
//
// Why a build fails is not computed but written down beforehand, see
// [Breakage]. What is left to chance is drawn from the seed, the name of the
// source, the repo and the attempt. The truth is for those who judge what a
// client of the hub found out, see [Verdict]; the hub never tells it.
//
// A build fails as in mock, with status 30, if its requirements cannot be
// installed from its repo. Whether they can is found by a walk over provides and
// requires that knows neither conflicts nor boolean dependencies (those count as
// met): it never refuses what a solver can install.
package kojisim
